"""The usage of the running period: which windows show what has been used so far.

Billing rules, section 4.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from core.domain.period import Period
from core.domain.schedule import Interval
from subscriptions.domain.periods import agreement_segments, service_periods
from subscriptions.domain.terms import Agreement, MeterTerms
from usage.domain.aggregation import Aggregation, Filter, FilterType, Meter
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


def meter_of(terms: MeterTerms) -> Meter:
    """Return how the metric of a price reads events."""
    filters = tuple(Filter(name, value, FilterType(kind)) for name, value, kind in terms.filters)
    return Meter(Aggregation(terms.aggregation), terms.property or None, filters)


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
