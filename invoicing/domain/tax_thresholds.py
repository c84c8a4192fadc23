"""From which sales on a place has to be taxed (Billing rules, section 7, "Threshold sums").

A sum is the finalised net of closed days plus the invoice at hand: whatever order workers take customers in, every
invoice of a day is compared with the same days before it. Checking has no side effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

_MONTHS_PER_QUARTER = 3

EU_CONSUMERS = "EU"

Reached = frozenset[str]
"""The places whose threshold is reached: "CH", "US-NY", and "EU" for an EU seller's consumers in other EU countries."""

NONE_REACHED: Reached = frozenset()

Span = tuple[date, date]
"""Days that count, half-open: the first, and the first that no longer does."""


class ThresholdWindow(StrEnum):
    """The span of days over which sales count towards a threshold."""

    ROLLING = "rolling"
    CALENDAR = "calendar"
    ROLLING_QUARTERS = "rolling_quarters"
    CURRENT_OR_LAST_YEAR = "current_or_last_year"

    def first_day(self, day: date) -> date:
        """Find the first day of the running span on `day`; its last is `day` itself.

        `rolling` is the twelve months that end with the day, `calendar` its year, `rolling_quarters` its calendar
        quarter and the three before. `current_or_last_year` runs like `calendar`.

        >>> ThresholdWindow.ROLLING.first_day(date(2024, 2, 29)), ThresholdWindow.CALENDAR.first_day(date(2024, 2, 29))
        (datetime.date(2023, 3, 1), datetime.date(2024, 1, 1))
        >>> ThresholdWindow.ROLLING_QUARTERS.first_day(date(2024, 2, 29))
        datetime.date(2023, 4, 1)
        """
        if self in {ThresholdWindow.CALENDAR, ThresholdWindow.CURRENT_OR_LAST_YEAR}:
            return date(day.year, 1, 1)
        if self is ThresholdWindow.ROLLING_QUARTERS:
            months = day.year * 12 + (day.month - 1) // _MONTHS_PER_QUARTER * _MONTHS_PER_QUARTER - 9
            return date(months // 12, months % 12 + 1, 1)
        tomorrow = day + timedelta(days=1)
        if (tomorrow.month, tomorrow.day) == (2, 29):
            # The 28th of a leap year: a year before, the day after the 28th is 1 March.
            return date(tomorrow.year - 1, 3, 1)
        return tomorrow.replace(year=tomorrow.year - 1)

    def spans(self, issue_date: date) -> tuple[Span, ...]:
        """List the closed days that are compared on an issue date, each span for itself, the running one first.

        Sales of the issue date itself are in none: of them only the invoice at hand counts.

        >>> ThresholdWindow.CURRENT_OR_LAST_YEAR.spans(date(2026, 3, 1))[0]
        (datetime.date(2026, 1, 1), datetime.date(2026, 3, 1))
        >>> ThresholdWindow.CURRENT_OR_LAST_YEAR.spans(date(2026, 3, 1))[1]
        (datetime.date(2025, 1, 1), datetime.date(2026, 1, 1))
        """
        running = (self.first_day(issue_date), issue_date)
        if self is not ThresholdWindow.CURRENT_OR_LAST_YEAR:
            return (running,)
        return running, (date(issue_date.year - 1, 1, 1), date(issue_date.year, 1, 1))


@dataclass(frozen=True, slots=True)
class Sold:
    """Net sales in minor units of a threshold's currency, lowered by credit notes, and the number of payments.

    `uncounted` names currencies in which was sold as well and for which no exchange rate is known.
    """

    net_minor: Fraction | int = 0
    payments: int = 0
    uncounted: frozenset[str] = frozenset()

    def plus(self, other: "Sold") -> "Sold":
        """Return the sum.

        >>> Sold(100, 1).plus(Sold(-30, 0))
        Sold(net_minor=70, payments=1, uncounted=frozenset())
        """
        return Sold(self.net_minor + other.net_minor, self.payments + other.payments, self.uncounted | other.uncounted)


NOTHING_SOLD = Sold()


@dataclass(frozen=True, slots=True)
class Threshold:
    """The sales from which a place must be taxed: an amount in `currency`, or a number of payments, if any.

    Exactly the amount reaches it, unless it has to be exceeded.
    """

    amount_minor: int | None = None
    transactions: int | None = None
    window: ThresholdWindow = ThresholdWindow.ROLLING
    currency: str = ""
    exceeded: bool = False

    @property
    def is_set(self) -> bool:
        """Say whether there is anything to reach."""
        return self.amount_minor is not None or self.transactions is not None

    def is_reached(self, sold: Sold) -> bool:
        """Say whether the amount or the number of payments is reached.

        >>> (
        ...     Threshold(1_000_000).is_reached(Sold(1_000_000)),
        ...     Threshold(1_000_000, exceeded=True).is_reached(Sold(1_000_000)),
        ... )
        (True, False)
        """
        by_number = self.transactions is not None and sold.payments >= self.transactions
        if self.amount_minor is None or by_number:
            return by_number
        return sold.net_minor > self.amount_minor or (sold.net_minor == self.amount_minor and not self.exceeded)

    def is_reached_in(self, spans: tuple[Sold, ...], invoice: Sold = NOTHING_SOLD) -> bool:
        """Say whether a span reaches it; the first one is the running one, in which the invoice at hand counts.

        >>> year = Threshold(100, window=ThresholdWindow.CURRENT_OR_LAST_YEAR)
        >>> year.is_reached_in((Sold(60), Sold(99)), Sold(40)), year.is_reached_in((Sold(60), Sold(99)), Sold(39))
        (True, False)
        """
        running, *earlier = spans or (NOTHING_SOLD,)
        return self.is_reached(running.plus(invoice)) or any(self.is_reached(sold) for sold in earlier)


NO_THRESHOLD = Threshold()
# Article 59c of Directive 2006/112/EC: net sales to consumers in other EU countries above 10 000 EUR, in the running
# or in the last calendar year.
EU_CONSUMER_THRESHOLD = Threshold(
    amount_minor=1_000_000, window=ThresholdWindow.CURRENT_OR_LAST_YEAR, currency="EUR", exceeded=True
)


@dataclass(frozen=True, slots=True)
class SalesKey:
    """Whose sums: a place on an issue date; for the EU's consumers also the seller (its country and tax number)."""

    place: str
    issue_date: date
    seller: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class ClosedSales:
    """The sums of closed days that open thresholds are compared with, one per span of the threshold's window."""

    sums: Mapping[SalesKey, tuple[Sold, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, key: SalesKey) -> tuple[Sold, ...]:
        """Look up a place's sums."""
        return self.sums.get(key, ())

    def held(self) -> "HeldSales":
        """Return these sums for later days too: what will be sold until then nobody knows yet."""
        return HeldSales(self.sums)


@dataclass(frozen=True, slots=True)
class HeldSales(ClosedSales):
    """Sums as they stand today, for documents of days ahead."""

    def find(self, key: SalesKey) -> tuple[Sold, ...]:
        """Look up a place's sums on its day, else on the last day before it that they are known of."""
        known = [one for one in self.sums if replace(one, issue_date=key.issue_date) == key]
        past = [one for one in known if one.issue_date <= key.issue_date]
        return self.sums[max(past, key=lambda one: one.issue_date)] if past else ()


@dataclass(frozen=True, slots=True)
class Watched:
    """A threshold that an invoice counts towards, with the sums of the days before it."""

    place: str
    threshold: Threshold
    closed: tuple[Sold, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """What one customer's invoice is compared with: `before` is reached without it, `counting` may be with it."""

    before: Reached = NONE_REACHED
    counting: tuple[Watched, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Say whether no threshold can change how the invoice is taxed."""
        return not self.counting

    def reached_with(self, sold: Mapping[str, Sold]) -> Reached:
        """Return what is reached by closed days plus the invoice at hand; `sold` is its sum per threshold currency.

        >>> watch = Watch(counting=(Watched("CH", Threshold(100, currency="CHF"), (Sold(60),)),))
        >>> sorted(watch.reached_with({"CHF": Sold(40)})), sorted(watch.reached_with({"CHF": Sold(39)}))
        (['CH'], [])
        """
        counted = {one.place for one in self.counting}
        with_invoice = {
            one.place
            for one in self.counting
            if one.threshold.is_reached_in(one.closed, sold.get(one.threshold.currency, NOTHING_SOLD))
        }
        return (self.before - counted) | with_invoice
