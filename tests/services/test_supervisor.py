"""Children in the foreground: prefixed, restarted, given up, stopped."""

import os
import sys
from pathlib import Path

import pytest

from core.services import supervisor
from core.services.supervisor import ChildFailed, Program, Supervisor
from tests.services.box import wait_until

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart at once: what is tested is the number of times."""
    monkeypatch.setattr(supervisor, "RESTART_PAUSES_SECONDS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "SECONDS_AFTER_KILL", 0.2)


def program(name: str, code: str) -> Program:
    """A small Python program."""
    return Program(name, [sys.executable, "-c", code], dict(os.environ), stop_patience_seconds=1.0)


def test_a_child_that_crashes_again_and_again_ends_all_with_its_last_lines() -> None:
    lines: list[tuple[str, str]] = []
    supervised = Supervisor(
        [program("broken", "import sys; print('no such table'); sys.exit(3)")], lambda *line: lines.append(line)
    )
    supervised.start()
    supervised.settle()

    with pytest.raises(ChildFailed, match=r"broken ended 4 times in a row \(exit code 3\)(?s:.*)no such table"):
        run_until_it_raises(supervised)

    assert ("up", "broken ended (exit code 3); it starts again in 0 s") in lines
    assert wait_until(lambda: lines.count(("broken", "no such table")) == 4)


def test_a_child_that_never_got_going_is_given_up_sooner() -> None:
    supervised = Supervisor([program("broken", "import sys; sys.exit(1)")], lambda *line: None)
    supervised.start()

    with pytest.raises(ChildFailed, match="broken ended 3 times in a row"):
        run_until_it_raises(supervised)


def test_a_child_that_crashes_once_is_started_again(tmp_path: Path) -> None:
    flag = tmp_path / "crashed"
    code = (
        f"import os, pathlib, time; p = pathlib.Path({str(flag)!r})\n"
        "if not p.exists(): p.touch(); os.abort()\n"
        "time.sleep(60)"
    )
    lines: list[tuple[str, str]] = []
    supervised = Supervisor([program("once", code)], lambda *line: lines.append(line))
    supervised.start()

    for _ in range(30):
        supervised.step()

    assert ("up", "once ended (killed by SIGABRT); it starts again in 0 s") in lines
    supervised.stop()


def test_stop_ends_children_of_children_and_those_who_do_not_listen() -> None:
    lines: list[tuple[str, str]] = []
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    supervised = Supervisor([program("deaf", code)], lambda *line: lines.append(line))
    supervised.start()
    assert wait_until(lambda: bool(lines))
    grandchild = int(lines[0][1])

    supervised.ask_to_stop()
    supervised.ask_to_stop()
    supervised.stop()

    assert wait_until(lambda: not is_alive(grandchild))


def run_until_it_raises(supervised: Supervisor) -> None:
    """Look after the children for as long as that takes."""
    while True:
        supervised.step()


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not fetched yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
