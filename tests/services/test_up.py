"""`manage.py up`: everything starts with it, and nothing outlives it."""

import os
import signal
import stat
import sys
from http.client import HTTPException

import pytest

from core.services.folder import DataFolder
from core.services.server import command_line
from tests.services.box import PATIENCE_SECONDS, Box, get, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc"),
    # Their processes are heavy: one worker of pytest-xdist takes them one after the other.
    pytest.mark.xdist_group("up"),
]


def test_up_serves_refuses_a_second_and_stops_all_of_it_on_sigterm(new_box: Box) -> None:
    box = new_box
    process, url = box.up()

    assert get(f"{url}/healthz") == (200, {"status": "alive"})
    assert get(f"{url}/readyz") == (200, {"status": "ready", "missing": []})

    second = box.manage("up", "--port", "0")
    assert second.returncode == 1
    assert f"already up on {box.folder}: process {process.pid}" in second.stderr

    elsewhere = box.manage("up", "--data-dir", str(box.folder.parent / "other"), "--port", url.rsplit(":", 1)[1])
    assert elsewhere.returncode == 1
    assert "cannot be used: Address already in use" in elsewhere.stderr

    private = [box.folder / name for name in ("secrets", "run", "postgres", "valkey", "logs")]
    for folder in (*private, DataFolder(box.folder).sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    secrets = sorted((box.folder / "secrets").iterdir())
    assert [path.name for path in secrets] == ["postgres-password", "secret-key", "valkey-password"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}

    # A command meanwhile uses the same server, and leaves it running.
    server = box.state("postgres")["server_pid"]
    assert int(box.ask("SELECT count(*) FROM django_migrations")) > 0
    assert box.state("postgres")["server_pid"] == server

    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0, box.complaints()
    assert box.is_gone()
    assert int(box.ask("SELECT count(*) FROM django_migrations")) > 0


def test_nothing_outlives_a_killed_up_and_the_next_finds_the_data(box: Box) -> None:
    process, _ = box.up()
    # The site may be ready before the worker has its own processes.
    assert wait_until(lambda: count_workers(box) > 1), box.complaints()
    box.ask("INSERT INTO django_content_type (app_label, model) VALUES ('kept', 'kept') RETURNING 1")

    process.kill()

    assert box.is_gone(), box.complaints()
    assert box.ask("SELECT count(*) FROM django_content_type WHERE model = 'kept'") == "1"
    assert box.is_gone()


def test_what_crashes_is_started_again(box: Box) -> None:
    process, url = box.up("--no-worker")
    server = box.state("postgres")["server_pid"]
    keeper = box.state("valkey")["keeper_pid"]
    web = min(pid for pid in box.living() if "granian" in command_line(pid))

    for pid in (server, keeper, web):
        os.kill(pid, signal.SIGKILL)

    assert wait_until(lambda: box.state("postgres")["server_pid"] not in (server, None))
    assert wait_until(lambda: box.state("valkey")["keeper_pid"] != keeper and box.state("valkey")["status"] == "ready")
    assert wait_until(lambda: answers(url)), box.complaints()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0, box.complaints()
    assert box.is_gone()


def count_workers(box: Box) -> int:
    """Count the processes of the worker: the first, and those that it forked to do the work."""
    return sum("celery" in line and " worker " in line for line in map(command_line, box.living()))


def answers(url: str) -> bool:
    """Tell whether the site is ready."""
    try:
        return bool(get(f"{url}/readyz")[0] == 200)
    except (OSError, HTTPException):
        return False
