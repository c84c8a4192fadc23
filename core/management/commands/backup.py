"""`manage.py backup FILE`: the database as of one moment, in one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from core.backup_file import BackupError
from core.clock import wall_now
from core.operations_backup import back_up
from core.services.errors import ServiceError


class Command(BaseCommand):
    """Back the database up."""

    help = (
        "Write the database as of this moment into a new file, while everything goes on. Keep SECRET_KEY "
        "(or var/secrets) apart from it: API keys are checked against it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file."""
        parser.add_argument("file", type=Path, metavar="FILE", help="a new file; an existing one is never replaced")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file and say what it holds."""
        path: Path = options["file"]
        try:
            with tqdm(unit="B", unit_scale=True, desc="backup", disable=None) as bar:
                manifest = back_up(path, now=wall_now(), progress=bar.update)
        except (BackupError, ServiceError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path}: {manifest.dump_bytes} bytes, taken at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC")
