"""`manage.py resume`: lift the hold that a restore, or `manage.py hold`, has put on the instance."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clock import wall_now
from core.errors import BillingError
from core.operations_instance import resume_instance


class Command(BaseCommand):
    """Bill and charge again."""

    help = "Lift the hold: billing and charging go on. After a restore, `manage.py reconcile` comes first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the waiver."""
        parser.add_argument(
            "--without-reconcile",
            action="store_true",
            help="although nobody matched the providers' charges since the backup: what they took may be taken again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Lift the hold."""
        try:
            resume_instance(now=wall_now(), without_reconcile=options["without_reconcile"])
        except BillingError as error:
            raise CommandError(error.message) from error
        self.stdout.write("running")
