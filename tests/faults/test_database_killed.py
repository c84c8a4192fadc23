"""The database killed by SIGKILL in mid-run and started again: the run resumed is the undisturbed run."""

from pathlib import Path

import pytest

from tests.faults.database_killed_in_a_process import run
from tests.faults.test_run_killed import SEED
from tests.services.prepared import prepare

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.long)])
def test_the_database_killed_in_mid_run(tmp_path: Path, kills: int) -> None:
    prepare(tmp_path / "var")
    ended = run(tmp_path / "var", kills=kills, seed=SEED)
    print(ended.stdout)  # noqa: T201 - a failing moment can be tried again
    assert ended.returncode == 0, ended.stderr[-5000:]
    assert ended.stdout.count(f"RECKONER_SEED={SEED}") == kills
