"""`manage.py recognise_revenue`: post what was earned of what was charged in advance."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clock import wall_now
from core.domain.money import Money, format_money
from core.operations_instance import InstanceHeld
from customers.models import Brand
from invoicing.operations.recognition import recognise_revenue
from invoicing.queries.recognition import sum_deferred


class Command(BaseCommand):
    """Recognise the months that are over; interrupted, it can be repeated and posts nothing twice."""

    help = "Post, for each month that is over, what was earned of what was charged in advance."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the option."""
        parser.add_argument(
            "--deferred-at",
            metavar="DATE",
            help="only tell what is still deferred at the end of this day (YYYY-MM-DD), computed; post nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Recognise and print each month, or tell what is deferred."""
        if options["deferred_at"]:
            self._tell(_day(options["deferred_at"]))
            return
        try:
            made = recognise_revenue(now=wall_now())
        except InstanceHeld as held:
            raise CommandError(held.message) from held
        codes = _codes()
        for one in made:
            self.stdout.write(
                f"{one.month:%Y-%m}  {codes[one.brand_id]}  recognised {_money(one.recognised_minor, one.currency)}, "
                f"still deferred {_money(one.deferred_minor, one.currency)}"
            )
        self.stdout.write(f"{len(made)} months recognised")

    def _tell(self, day: date) -> None:
        """Print what is deferred at the end of a day, by brand and currency."""
        codes = _codes()
        for (brand_id, currency), minor in sorted(sum_deferred(day).items()):
            self.stdout.write(f"{day}  {codes[brand_id]}  deferred {_money(minor, currency)}")


def _codes() -> dict[Any, str]:
    return dict(Brand.objects.values_list("id", "code"))


def _money(amount_minor: int, currency: str) -> str:
    return format_money(Money(amount_minor, currency), "en")


def _day(text: str) -> date:
    """Read a day. Raises CommandError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no day; write YYYY-MM-DD.") from None
