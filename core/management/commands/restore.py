"""`manage.py restore FILE`: a backup into an empty database, held until somebody resumes it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from core.backup_file import BackupError, read_manifest
from core.clock import wall_now
from core.operations_backup import restore
from core.operations_instance import note_restored
from core.services.errors import ServiceError


class Command(BaseCommand):
    """Restore a backup."""

    help = (
        "Restore a backup into an empty database. Afterwards the instance is held: nothing is billed or charged until "
        "`manage.py reconcile` has matched the providers' charges and `manage.py resume` lifts the hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file, and the two words it takes to delete a database."""
        parser.add_argument("file", type=Path, metavar="FILE", help="what `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="delete everything in the database first")
        parser.add_argument("--confirm", metavar="DATABASE", help="with --replace: the name of the database")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore the file, bring it up to this version, and say what comes next."""
        if options["replace"] != (options["confirm"] is not None):
            raise CommandError("--replace and --confirm DATABASE go together: everything in that database is deleted")
        path: Path = options["file"]
        try:
            # It is read twice: proved first, then restored.
            total = 2 * read_manifest(path).dump_bytes
            with tqdm(total=total, unit="B", unit_scale=True, desc="restore", disable=None) as bar:
                manifest = restore(path, replaces=options["confirm"], now=wall_now(), progress=bar.update)
        except (BackupError, ServiceError) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", interactive=False, verbosity=0)
        note_restored(taken_at=manifest.taken_at, now=wall_now())
        self.stdout.write(
            f"restored as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC; the instance is held. "
            "Next: manage.py reconcile, then manage.py resume"
        )
