"""Show what the engine does: an example company, three months of bills, then the site."""

import gc
import sys
from argparse import ArgumentParser
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from billing.loading.access import Access, grant_access
from billing.loading.company import load_company
from billing.loading.papers import write_papers
from billing.loading.progress import progress_on
from billing.loading.report import Report
from billing.loading.summary import list_billed, list_months, summary_text
from billing.loading.surroundings import Company, find_clock, read_company
from billing.management.commands.load_example import EXAMPLE, INTERRUPTED
from billing.operations.doctor import check_books
from core.clock import wall_now
from core.errors import BillingError
from core.models import TestClock
from core.services.folder import DataFolder

PAPERS = 13


class Command(BaseCommand):
    """Load the example, play its months, print what was billed, start everything. Repeated, it only starts."""

    help = "Load the example company, bill three months, print what was billed, and start the site."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=settings.PORT, help="where the site listens")
        parser.add_argument("--no-up", action="store_true", help="end when the months are billed; start nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show everything."""
        self.progress = progress_on(sys.stderr)
        data = DataFolder(settings.DATA_DIR)
        prepare = partial(self._prepare, data, f"http://127.0.0.1:{options['port']}")
        self.progress.say("Setting up the database …")
        if options["no_up"]:
            call_command("migrate", interactive=False, verbosity=0)
            prepare()
        else:
            # The site starts meanwhile: there are two processors, and one row waits for the other.
            call_command("up", port=options["port"], prepare=prepare)

    def _prepare(self, data: DataFolder, url: str) -> None:
        """Do everything before the site is said to be ready there."""
        try:
            self._show_all(data, url)
        except KeyboardInterrupt:
            self.progress.end()
            self.stderr.write("Stopped. The same command does the rest.")
            raise SystemExit(INTERRUPTED) from None

    def _show_all(self, data: DataFolder, url: str) -> None:
        company = read_company(EXAMPLE)
        clock = find_clock(company)
        if clock is None or company.clock is None or clock.now_at < company.clock.plays_to:
            clock = self._load(company)
            self._draw(clock, data.path / "documents")
        else:
            self.stdout.write(
                f"{company.name} is there already; its clock stands at {clock.now_at:%d %B %Y, %H:%M} UTC."
            )
        self._show(company, clock, data)
        self._print_access(grant_access(data, now=wall_now()), url)

    def _load(self, company: Company) -> TestClock:
        """Load the company and play its months. Raises CommandError when the files are not as they were shipped."""
        self.progress.say(
            f"{company.name}, an invented company with 200 customers: loading it and billing three months …"
        )
        _commit_without_waiting()
        _collect_rarely()
        report = Report(lambda row: self.progress.say(f"{row.place}: {row.reason}"))
        try:
            load_company(company, report, self.progress, now=wall_now(), play=True)
        except BillingError as error:
            raise CommandError(str(error)) from error
        if report.bad:
            raise CommandError(f"{len(report.bad)} rows of {company.folder} could not be loaded")
        clock = find_clock(company)
        if clock is None:
            raise CommandError(f"{company.folder} names no clock")
        return clock

    def _draw(self, clock: TestClock, folder: Path) -> None:
        """Write some documents as PDF."""
        self.progress.begin("documents", PAPERS)
        for path in write_papers(clock.id, folder):
            self.progress.step(1, path.name)
        self.progress.end()

    def _show(self, company: Company, clock: TestClock, data: DataFolder) -> None:
        """Print what was billed, and whether the books are right. Raises CommandError when they are not."""
        first = company.clock.starts_at if company.clock is not None else clock.created_at
        last = clock.now_at - timedelta(microseconds=1)
        self.stdout.write(f"\nWhat was billed from {first:%d %B %Y} to {last:%d %B %Y}\n\n")
        self.stdout.write(summary_text(list_billed(clock.id), list_months(clock.id)))
        breaches = check_books(now=wall_now())
        for breach in breaches:
            self.stderr.write(
                f"{breach.proof}: {breach.object_kind} {breach.object_id}: {breach.detail}. {breach.mend}"
            )
        if breaches:
            raise CommandError(f"the books are not right: {len(breaches)} breaches")
        self.stdout.write("\nThe books were checked: every proof holds.")
        self.stdout.write(f"Documents    {data.path / 'documents'} (the others are drawn when first asked for)")

    def _print_access(self, access: Access, url: str) -> None:
        """Print how to get in."""
        password = access.password or "as you chose it (manage.py changepassword admin sets another)"
        self.stdout.write(f"Back office  {url}/admin/    user name {access.user_name}, password {password}")
        self.stdout.write(f"API          {url}/api/docs  header X-API-Key: {access.api_key}\n")


def _commit_without_waiting() -> None:
    """Let this connection's commits not wait for the disk: should the power fail, the demo can be made again."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")


def _collect_rarely() -> None:
    """Have the collector of cycles pass over what is loaded, and come by more rarely: rows come and go by count."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
