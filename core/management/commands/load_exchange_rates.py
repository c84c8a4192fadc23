"""Load exchange rates for tax thresholds that are stated in another currency than the invoices."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clock import wall_now
from core.errors import Invalid
from core.operations_exchange import load_exchange_rates


class Command(BaseCommand):
    """Add the rates of a file; it may be loaded again, whole or longer."""

    help = "Load exchange rates from a file of the European Central Bank (eurofxref-hist.csv or .zip)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, help="the CSV or ZIP file")
        parser.add_argument("--source", default="European Central Bank", help="kept with each rate")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print how many rates were new."""
        try:
            added = load_exchange_rates(options["file"], source=options["source"], now=wall_now())
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{added} rates added")
