"""The usage of the running period: which windows show what has been used so far, and what that costs.

Billing rules, section 4.
"""

import uuid
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.period import Period
from core.domain.schedule import Interval
from subscriptions.domain.lifecycle import BILLED_STATUSES
from subscriptions.domain.periods import agreement_segments, item_intervals, service_periods
from subscriptions.domain.terms import Agreement, Item, MeterTerms, PriceTerms
from usage.domain.aggregation import Aggregation, UsageFigure
from usage.domain.rating import Rated, meter_of
from usage.domain.window import UsageWindow


@dataclass(frozen=True, slots=True)
class RunningMetric:
    """A metric that a subscription's prices measure now, and the period that will bill it."""

    terms: MeterTerms
    period: Period

    def window(self, subscription_id: uuid.UUID) -> UsageWindow:
        """Return the question of how much has been used; what carries over is asked from the first event on."""
        meter = meter_of(self.terms)
        carries = self.terms.continuous and meter.aggregation is not Aggregation.WEIGHTED_SUM
        start = None if carries else self.period.start
        return UsageWindow(self, subscription_id, self.terms.metric_id, meter, start, self.period.end)


def running_metrics(agreement: Agreement, stored: Period | None, now: datetime) -> Iterator[RunningMetric]:
    """Yield the metrics measured at a moment, each once for every period that bills it.

    A usage price may have a shorter interval than its subscription. Where no paid period runs (a trial, a pause), the
    period is the stored one of the subscription; where it has none either, nothing runs.
    """
    found: set[RunningMetric] = set()
    for item in agreement.items:
        version = item.version_at(now)
        if version is None or not version.quantity or version.price.meter is None:
            continue
        period = _period(agreement, version.price.interval, now) or stored
        running = RunningMetric(version.price.meter, period) if period else None
        if running is not None and running not in found:
            found.add(running)
            yield running


def _period(agreement: Agreement, interval: Interval | None, now: datetime) -> Period | None:
    """Return the paid period of an interval that holds a moment, None when there is none."""
    if interval is None:
        return None
    for period in service_periods(agreement_segments(agreement), interval, now, now):
        if period.start <= now < period.end:
            return Period(period.start, period.end)
    return None


@dataclass(frozen=True, slots=True)
class RunningStretch:
    """What is rated of a running period: a usage price from its beginning, or its own, to the end of the period."""

    rated: Rated
    period_end: datetime

    def cost(self, figures: Mapping[Hashable, UsageFigure]) -> "RunningCost":
        """Return what its usage would cost, were the period to end with what is known."""
        price = self.rated.price
        return RunningCost(
            subscription_id=self.rated.subscription_id,
            name=price.meter.name if price.meter else price.product_name,
            currency=price.currency,
            amount_minor=sum(part.amount_minor for part in self.rated.parts(figures)),
            usage=self.rated.figure(figures).quantity,
            period_end=self.period_end,
        )


@dataclass(frozen=True, slots=True)
class RunningCost:
    """What usage of a running period costs so far: minor units before discounts and tax, and the quantity measured."""

    subscription_id: uuid.UUID
    name: str
    currency: str
    amount_minor: int
    usage: Decimal
    period_end: datetime


def is_usage_based(agreement: Agreement, now: datetime) -> bool:
    """Tell whether a subscription measures something at a moment, and will be billed for it."""
    in_force = (item.version_at(now) for item in agreement.items)
    measures = any(one is not None and one.quantity and one.price.meter is not None for one in in_force)
    return measures and agreement.status in BILLED_STATUSES


def running_stretches(agreement: Agreement, now: datetime) -> Iterator[RunningStretch]:
    """Yield what is rated of the periods that run at a moment; in a trial nothing is (Billing rules, section 4)."""
    if agreement.status not in BILLED_STATUSES:
        return
    segments = agreement_segments(agreement)
    for item in agreement.items:
        for interval in item_intervals(item):
            for period in service_periods(segments, interval, now, now):
                if not period.start <= now < period.end:
                    continue
                for start, end, price in _usage_prices(item, period.start, period.end):
                    if price.interval == interval and start <= now:
                        rated = Rated((item.item_id, start), agreement.subscription_id, price, start, end)
                        yield RunningStretch(rated, period.end)


def _usage_prices(item: Item, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, PriceTerms]]:
    """Yield the stretches between two moments in which one usage price of an item holds; seats do not cut them."""
    cuts = [begin, *(version.from_at for version in item.versions if begin < version.from_at < end), end]
    held: tuple[datetime, PriceTerms] | None = None
    for at in dict.fromkeys(cuts):
        version = item.version_at(at) if at < end else None
        price = version.price if version is not None and version.quantity and version.price.meter else None
        if held is not None and (price is None or price.price_id != held[1].price_id):
            yield held[0], at, held[1]
            held = None
        if held is None and price is not None:
            held = at, price
