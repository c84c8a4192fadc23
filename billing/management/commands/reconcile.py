"""`manage.py reconcile`: what the providers charged since the backup, against the restored rows."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.domain.reconciliation import Finding
from billing.operations.reconcile import Judged, NothingRestored, Reconciliation, reconcile
from billing.providers.base import ProviderError
from core.clock import wall_now
from core.domain.money import Money, format_money

WORDS = {
    Finding.MATCHED: "matched",
    Finding.AHEAD: "charged already: the next run meets them and takes nothing more",
    Finding.WITHOUT_MONEY: "declined or unconfirmed: no money was taken",
    Finding.DIFFERENT: "of another amount or state than here",
    Finding.UNKNOWN: "unknown here: no run will meet them",
}


class Command(BaseCommand):
    """Match the providers' charges with the rows."""

    help = (
        "After a restore: match what the providers charged since the backup with the rows, so that nothing is charged "
        "twice. Takes no money and changes no invoice; exits with 1 when a person must look."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the moment."""
        parser.add_argument(
            "--since", metavar="ISO", help="match from this moment on (default: an hour before the restored backup)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Match, and print what a person needs to know."""
        try:
            found = reconcile(now=wall_now(), since=_moment(options["since"]))
        except (NothingRestored, ProviderError) as error:
            raise CommandError(str(error)) from error
        self._print(found)
        if found.for_person:
            raise CommandError(
                f"{len(found.for_person)} charges need a person. What is unknown here is refunded at the provider, or "
                "credited to the customer's balance; what differs is settled with the amount that was taken."
            )

    def _print(self, found: Reconciliation) -> None:
        """Print the counts, then each charge that a person must look at."""
        self.stdout.write(f"charges since {found.since:%Y-%m-%d %H:%M} UTC")
        for finding, words in WORDS.items():
            self.stdout.write(f"{found.count(finding):>8}  {words}")
        for one in found.for_person:
            self.stdout.write(f"\n{_line(one)}")


def _line(one: Judged) -> str:
    """Return a charge that a person must look at, in words."""
    taken = one.taken
    amount = format_money(Money(taken.amount_minor, taken.currency), "en")
    customer = f"{one.customer} ({one.customer.id})" if one.customer is not None else "a customer unknown here"
    asked = ""
    if one.wanted is not None:
        asked = f"\n  the rows here ask for {format_money(Money(one.wanted.amount_minor, one.wanted.currency), 'en')}"
    return (
        f"{one.finding.upper()} {taken.provider} {taken.reference}: {amount} {taken.outcome}, "
        f"{taken.charged_at:%Y-%m-%d %H:%M} UTC\n  of {customer}{asked}\n  key {taken.idempotency_key}"
    )


def _moment(text: str | None) -> datetime | None:
    """Read --since, in UTC when it names no zone. Raises CommandError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--since {text!r} is not an ISO 8601 moment") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
