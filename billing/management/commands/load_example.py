"""Load a company's files: an example, or a user's own (docs/import-your-data.md)."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.loading.company import load_company
from billing.loading.progress import progress_on
from billing.loading.report import Fate, Report
from billing.loading.rows import BadRow
from billing.loading.surroundings import read_company
from core.clock import wall_now
from core.errors import BillingError
from core.health import list_unapplied_migrations

INTERRUPTED = 130
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "company"


class Command(BaseCommand):
    """Load files; interrupted, it can be repeated and loads nothing twice."""

    help = "Load a catalogue, customers, subscriptions and usage from CSV and JSON files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("folder", nargs="?", type=Path, default=EXAMPLE, help="the files (examples/company)")
        parser.add_argument("--play", action="store_true", help="turn the company's test clock through all its rows")
        parser.add_argument("--allow-bad-rows", action="store_true", help="exit with 0 though rows were bad")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print what became of the rows."""
        if list_unapplied_migrations():
            raise CommandError("The database is not set up for this version: run `manage.py migrate` first.")
        progress = progress_on(sys.stderr)
        report = Report(lambda row: progress.say(f"{row.place}: {row.reason}"))
        try:
            company = read_company(options["folder"])
            load_company(company, report, progress, now=wall_now(), play=options["play"])
        except KeyboardInterrupt:
            progress.end()
            self.stderr.write("Stopped. What was loaded stays; the same command does the rest.")
            raise SystemExit(INTERRUPTED) from None
        except (NotADirectoryError, BillingError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(table_of(report))
        if report.bad:
            self.stdout.write(bad_rows_of(report.bad))
            if not options["allow_bad_rows"]:
                raise CommandError(f"{len(report.bad)} rows could not be loaded; the others were")


def table_of(report: Report) -> str:
    """Return what became of the rows, a line for each kind of file."""
    fates = [fate for fate in Fate if report.number_of(fate)]
    lines = [f"{'':<14}" + "".join(f"{fate.value:>18}" for fate in fates)]
    for table, tally in report.counts.items():
        lines.append(f"{table:<14}" + "".join(f"{tally.get(fate, 0) or '':>18}" for fate in fates))
    lines += [f"declined: {row.place}: {row.reason}" for row in report.declined]
    return "\n".join(lines)


def bad_rows_of(rows: list[BadRow]) -> str:
    """Return every bad row with its place and its reason."""
    width = max(len(str(row.place)) for row in rows)
    return "\n".join(
        ["", "Rows that could not be loaded:", *(f"  {row.place!s:<{width}}  {row.reason}" for row in rows)]
    )
