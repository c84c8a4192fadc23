"""Commands share the servers of a folder; the last one out stops them, however it goes."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.services.box import PATIENCE_SECONDS, Box, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc"),
]


def test_the_last_user_out_stops_the_server(box: Box) -> None:
    first, second = box.hold_postgres(), box.hold_postgres()
    server = box.state("postgres")["server_pid"]

    first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 0
    assert box.state("postgres") == {**box.state("postgres"), "server_pid": server, "status": "ready"}

    second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0
    # A user that was the last waits for the server's end: its folder may be moved the next moment.
    assert not os.path.exists(f"/proc/{server}")
    assert box.is_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_user_leaves_no_server(box: Box, number: signal.Signals) -> None:
    user = box.hold_postgres()

    user.send_signal(number)

    user.wait(PATIENCE_SECONDS)
    assert box.is_gone()


def test_a_killed_user_does_not_take_the_server_from_another(box: Box) -> None:
    first, second = box.hold_postgres(), box.hold_postgres()

    first.kill()

    first.wait(PATIENCE_SECONDS)
    assert box.ask("SELECT 1") == "1"
    second.communicate(timeout=PATIENCE_SECONDS)
    assert box.is_gone()


def test_a_killed_keeper_takes_its_server_along_and_the_next_user_starts_another(box: Box) -> None:
    user = box.hold_postgres()
    state = box.state("postgres")

    os.kill(state["keeper_pid"], signal.SIGKILL)

    assert wait_until(lambda: not os.path.exists(f"/proc/{state['server_pid']}"))
    assert box.ask("SELECT 1") == "1"
    user.communicate(timeout=PATIENCE_SECONDS)
    assert box.is_gone()


def test_a_killed_server_is_started_again(box: Box) -> None:
    user = box.hold_postgres()
    server = box.state("postgres")["server_pid"]

    os.kill(server, signal.SIGKILL)

    assert wait_until(lambda: box.state("postgres")["server_pid"] not in (server, None))
    assert box.ask("SELECT 1") == "1"
    user.communicate(timeout=PATIENCE_SECONDS)


def test_users_that_start_at_once_share_one_server(new_box: Box) -> None:
    from tests.services.box import HOLD_POSTGRES, read_line

    users = [new_box.start("-c", HOLD_POSTGRES) for _ in range(4)]

    assert [read_line(user.stdout) for user in users] == ["held"] * 4, new_box.complaints()
    assert len([pid for pid in new_box.living() if is_postmaster(pid)]) == 1
    for user in users:
        user.communicate(timeout=PATIENCE_SECONDS)
    assert new_box.is_gone()


def test_a_folder_of_another_major_version_is_refused_and_left_alone(box: Box) -> None:
    box.hold_postgres().communicate(timeout=PATIENCE_SECONDS)
    version = box.folder / "postgres" / "PG_VERSION"
    version.write_text("14\n")

    refused = box.manage("migrate")

    assert refused.returncode == 1
    assert "was made by PostgreSQL 14" in refused.stderr
    assert "pg_dump" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert version.read_text() == "14\n"
    assert box.is_gone()


def test_a_long_path_moves_the_sockets_to_a_short_one(tmp_path: Path) -> None:
    box = Box(tmp_path / ("long-" * 20) / "var")
    box.folder.parent.mkdir()
    try:
        user = box.hold_postgres()
        sockets = Path((box.folder / "run" / "sockets-path").read_text())
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert (sockets / ".s.PGSQL.5432").is_socket()
        assert box.ask("SELECT 1") == "1"
        user.communicate(timeout=PATIENCE_SECONDS)
    finally:
        box.end()


def is_postmaster(pid: int) -> bool:
    """Tell whether this is a PostgreSQL's main process."""
    return b"/postgres\0-D\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
