"""Run a command of manage.py against the database of a test, in a process started for it: `run` starts it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, fault: str = "") -> int:
    """Run `manage.py` with these arguments and a fault, and return the exit code (-9: killed)."""
    from django.conf import settings
    from django.db import connection

    environment = {
        **os.environ,
        "RECKONER_FAULT": fault,
        "RECKONER_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "RECKONER_TEST_PROVIDER": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False, timeout=120).returncode


def main(*arguments: str) -> None:
    """Run the command as manage.py does, on the database and the provider that are named."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    connection.settings_dict["NAME"] = os.environ["RECKONER_TEST_DATABASE"]
    settings.DATA_DIR = Path(os.environ["RECKONER_TEST_PROVIDER"])
    call_command(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
