"""Kill the database under a billing run, on a server of its own: `run` does it in a process started for it.

The tests' own server serves other tests too, and may lose what was committed (`core.services.postgres`). This one is
set as a real one, but for waiting for the disk: what a killed server has written, the machine still holds. Else each
start after a kill waits for every file of the folder, which says more about the disk than about us.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


def run(folder: Path, *, kills: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Run this file on a new data folder, and return how it ended and what it printed."""
    with (folder / "postgres" / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\n")
    environment = {
        **os.environ,
        "RECKONER_THROWAWAY": "",
        "RECKONER_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, __file__, str(kills), str(seed)]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False, timeout=600, capture_output=True, text=True)


def main(kills: int, seed: int) -> None:
    """Bill the company as often as the database shall be killed, and compare each time with the undisturbed run."""
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)

    from tests.faults import run_stage
    from tests.faults.run_picture import assert_same
    from tests.faults.run_stage import finish, the_stage

    # Here each of a thousand files would be waited for; the log is one.
    run_stage.strategy = "wal_log"
    stage = the_stage()
    longest = stage.run_seconds
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    done = 0
    while done < kills:
        delay = chance.uniform(longest / 10, longest)
        with stage.due.copied():
            was_in_time = kill_database_after(delay)
            connections.close_all()
            wait_for_database()
            finish()
            told = f"RECKONER_SEED={seed}, kill {done}: after {delay:.4f} s"
            assert_same(stage.wanted, told=told)
        if was_in_time:
            done += 1
            sys.stdout.write(f"{told}\n")
        else:
            # It was faster than the one that was timed.
            longest *= 0.8


def kill_database_after(seconds: float) -> bool:
    """Kill the server so long after a worker has begun; False when the worker had ended before."""
    from billing.run.engine import logger
    from tests.faults.run_stage import bill, charge
    from tests.forked import Worker

    def bill_and_charge() -> None:
        logger.disabled = True
        bill()
        charge()

    server = server_pid()
    worker = Worker(bill_and_charge)
    time.sleep(seconds)
    os.kill(server, signal.SIGKILL)
    return worker.end() != 0


def wait_for_database() -> None:
    """Return when the server that its keeper started again takes connections."""
    from django.db import OperationalError, connection

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.ensure_connection()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def server_pid() -> int:
    """Return the number of the server's first process."""
    from core.services.folder import DataFolder

    return int((DataFolder.from_environment().path / "postgres" / "postmaster.pid").read_text().split()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
