"""The box works for root and for an ordinary user, and neither touches the other's folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.services.folder import REPOSITORY
from tests.services.box import PATIENCE_SECONDS, Box
from tests.services.prepared import prepare

USER_NUMBER = "54321"
AS_USER = ("setpriv", f"--reuid={USER_NUMBER}", f"--regid={USER_NUMBER}", "--clear-groups")

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="setpriv is Linux's"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; the other tests run as this one"),
]


@pytest.fixture
def box_of_user() -> Iterator[Box]:
    """A box that an ordinary user runs, whose number no account has, as in some containers."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    python = find_python_for_user()
    folder = Path(tempfile.mkdtemp(prefix="reckoner-user-"))
    shutil.chown(folder, int(USER_NUMBER), int(USER_NUMBER))
    surroundings = {
        "TEST_PYTHON": python,
        "HOME": str(folder),
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
    box = Box(folder / "var", AS_USER, surroundings)
    yield box
    box.end()
    shutil.rmtree(folder)


def test_up_runs_for_an_ordinary_user(box_of_user: Box) -> None:
    prepare(box_of_user.folder, owner=int(USER_NUMBER))
    process, _ = box_of_user.up("--no-worker")

    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in box_of_user.living()}

    assert owners == {int(USER_NUMBER)}
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert box_of_user.is_gone()


def test_root_refuses_the_folder_of_another_user(box_of_user: Box) -> None:
    box_of_user.hold_postgres().communicate(timeout=PATIENCE_SECONDS)

    by_root = Box(box_of_user.folder).manage("migrate")

    assert by_root.returncode == 1
    assert f"belongs to another user (number {USER_NUMBER})" in by_root.stderr
    assert "Traceback" not in by_root.stderr


def test_postgresql_never_runs_as_root(new_box: Box) -> None:
    user = new_box.hold_postgres()

    status = Path(f"/proc/{new_box.state('postgres')['server_pid']}/status").read_text()

    # Root's own number is fine inside a user namespace: what counts is that no capability is left.
    assert "CapEff:\t0000000000000000" in status
    user.communicate(timeout=PATIENCE_SECONDS)


def find_python_for_user() -> str:
    """Return a Python of this version that the user can start and that finds the checkout; skip when there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # The shell between them matters: what setpriv itself starts may still be reached with root's rights.
    words = ("sh", "-c", 'exec "$1" -c "open(\'manage.py\')"', "sh")
    for python in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        test = [*AS_USER, *words, str(python)]
        if subprocess.run(test, cwd=REPOSITORY, capture_output=True, check=False).returncode == 0:
            return str(python)
    pytest.skip("no Python here that an ordinary user can start, or the checkout is out of that user's reach")
