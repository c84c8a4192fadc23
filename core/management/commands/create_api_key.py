"""`manage.py create_api_key NAME`: issue an API key and print it, alone, on stdout."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import operations_api_keys
from core.clock import wall_now
from core.domain.access import Scope
from core.errors import BillingError
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft


class Command(BaseCommand):
    """Issue an API key."""

    help = "Issue an API key and print it on stdout. It is shown this once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare name, scope and expiry."""
        parser.add_argument("name", help="what the key is for, as lists show it")
        parser.add_argument("--scope", choices=[scope.value for scope in Scope], default=Scope.WRITE.value)
        parser.add_argument("--expires", metavar="ISO", help="a date or an instant; without it the key does not expire")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the key."""
        draft = ApiKeyDraft(options["name"], options["scope"], _expiry(options["expires"]))
        try:
            issued = operations_api_keys.create_api_key(draft, actor=SYSTEM, now=wall_now())
        except BillingError as error:
            faults = "; ".join(f"{field} {fault}" for field, fault in error.fields.items())
            raise CommandError(f"{error.message} {faults}".strip()) from error
        self.stdout.write(issued.key)


def _expiry(text: str | None) -> datetime | None:
    """Return the instant of an ISO date or instant, in UTC when it names no zone. Raises CommandError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--expires {text!r} is neither a date nor an instant") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
