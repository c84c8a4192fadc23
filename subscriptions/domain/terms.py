"""What was agreed, as values: versions of a subscription's calendar and of its items, and the periods they make.

Billing rules, sections 2, 3 and 5. A version holds from its `from_at` until the next version's.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from core.domain.period import Period
from core.domain.schedule import Interval, boundary, boundary_index
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pricing import PriceType, Rating

TRIAL = "trial"
PAID = "paid"
PAUSED = "paused"
ENDED = "ended"
ANNIVERSARY = "anniversary"
CALENDAR = "calendar"
ADVANCE = "advance"
ARREARS = "arrears"


@dataclass(frozen=True, slots=True)
class MeterTerms:
    """What a usage price measures: the metric, how its events become a quantity, and whether the count carries over."""

    metric_id: uuid.UUID
    name: str
    code: str
    aggregation: str
    property: str
    filters: tuple[tuple[str, str, str], ...]
    continuous: bool


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """Everything about a price that decides a charge; `interval` is None for a one-off."""

    price_id: uuid.UUID
    product_id: uuid.UUID
    product_name: str
    currency: str
    rating: Rating
    interval: Interval | None
    timing: str
    including_tax: bool
    meter: MeterTerms | None
    minimum_commitment_minor: int | None
    proration_up: str
    proration_down: str
    tax_type_id: uuid.UUID | None
    digital: bool
    physical: bool
    product_rate: Decimal | None
    export: str

    @property
    def is_one_off(self) -> bool:
        """Tell whether the price is charged once."""
        return self.interval is None or self.rating.type is PriceType.ONE_OFF


class ItemVersion(Struct, frozen=True):
    """One version of an item: its price and quantity (seats; 0 once ended) from a moment on."""

    version: int
    from_at: datetime
    price: PriceTerms
    quantity: int
    change: str


class Item(Struct, frozen=True):
    """One thing a subscription charges, with its history, oldest version first."""

    item_id: uuid.UUID
    position: int
    versions: tuple[ItemVersion, ...]

    def version_at(self, instant: datetime) -> ItemVersion | None:
        """Return the version in force at an instant, None before the first."""
        found = None
        for version in self.versions:
            if version.from_at > instant:
                break
            found = version
        return found


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    """One version of when a subscription runs; `interval` is None when nothing recurs."""

    version: int
    from_at: datetime
    phase: str
    plan_id: uuid.UUID
    plan_name: str
    anchor_wall: datetime
    interval: Interval | None
    zone: str
    alignment: str


class ServicePeriod(Struct, frozen=True):
    """A billed stretch of a subscription: `start` to `end`, within the full, unshortened interval `full`."""

    start: datetime
    end: datetime
    full: Period
    zone: str
    plan_id: uuid.UUID
    plan_name: str
    version: int

    @property
    def is_whole(self) -> bool:
        """Tell whether the stretch is the full interval."""
        return self.start == self.full.start and self.end == self.full.end


@dataclass(frozen=True, slots=True)
class Agreement:
    """One subscription with its whole history, and how far it has been billed.

    `late_window` is how long after a period's end its usage is still accepted.
    """

    subscription_id: uuid.UUID
    customer_id: uuid.UUID
    status: Status
    currency: str
    started_at: datetime
    calendar: tuple[CalendarVersion, ...]
    items: tuple[Item, ...]
    payment_method_id: uuid.UUID | None = None
    billed_to_at: datetime | None = None
    next_due_at: datetime | None = None
    trial_end_at: datetime | None = None
    trial_standalone: bool = False
    cancel_at: datetime | None = None
    dirty_from: datetime | None = None
    late_window: timedelta = timedelta(days=35)

    @property
    def current(self) -> CalendarVersion:
        """Return the newest calendar version."""
        return self.calendar[-1]


class Segment(Struct, frozen=True):
    """A paid stretch with one calendar: consecutive versions that only changed the plan are one segment."""

    start: datetime
    end: datetime | None
    anchor_wall: datetime
    zone: str
    versions: tuple[CalendarVersion, ...]

    def version_at(self, instant: datetime) -> CalendarVersion:
        """Return the version in force at an instant of the segment."""
        found = self.versions[0]
        for version in self.versions:
            if version.from_at <= instant:
                found = version
        return found


def paid_segments(calendar: tuple[CalendarVersion, ...]) -> tuple[Segment, ...]:
    """Return the stretches in which a subscription is charged, in order."""
    segments: list[Segment] = []
    last = len(calendar) - 1
    for position, version in enumerate(calendar):
        end = calendar[position + 1].from_at if position < last else None
        if version.phase != PAID or (end is not None and end <= version.from_at):
            continue
        previous = segments[-1] if segments else None
        if previous and previous.end == version.from_at and _same_calendar(previous.versions[-1], version):
            segments[-1] = Segment(
                previous.start, end, previous.anchor_wall, previous.zone, (*previous.versions, version)
            )
        else:
            segments.append(Segment(version.from_at, end, version.anchor_wall, version.zone, (version,)))
    return tuple(segments)


def _same_calendar(one: CalendarVersion, other: CalendarVersion) -> bool:
    """Tell whether a later version goes on with the same boundaries."""
    return (one.anchor_wall, one.zone, one.interval) == (other.anchor_wall, other.zone, other.interval)


def service_periods(
    segments: tuple[Segment, ...], interval: Interval, after: datetime | None, until: datetime
) -> Iterator[ServicePeriod]:
    """Yield the periods of one interval that end after `after` and start at or before `until`, oldest first.

    Periods tile each paid segment: the first may be a stub that starts inside its interval, the last may be cut by the
    segment's end (Billing rules, section 2). With `after` None it begins with the first period.
    """
    for segment in segments:
        if segment.start > until:
            return
        if after is not None and segment.end is not None and segment.end <= after:
            continue
        begin = segment.start if after is None else max(segment.start, after)
        index = boundary_index(segment.anchor_wall, interval, segment.zone, begin)
        full_start = boundary(segment.anchor_wall, interval, index, segment.zone)
        while True:
            start = max(full_start, segment.start)
            if start > until or (segment.end is not None and start >= segment.end):
                break
            index += 1
            full_end = boundary(segment.anchor_wall, interval, index, segment.zone)
            if full_end == full_start:
                continue  # two boundaries on one instant: a day the zone skipped
            end = full_end if segment.end is None else min(full_end, segment.end)
            version = segment.version_at(start)
            full = Period(full_start, full_end)
            yield ServicePeriod(start, end, full, segment.zone, version.plan_id, version.plan_name, version.version)
            full_start = full_end


def period_start(segments: tuple[Segment, ...], interval: Interval, at: datetime) -> datetime | None:
    """Return the start of the period running at an instant, the last one begun before it, or else the very first."""
    found: Segment | None = None
    for segment in segments:
        if found is None or segment.start <= at:
            found = segment
    if found is None:
        return None
    index = boundary_index(found.anchor_wall, interval, found.zone, max(at, found.start))
    return max(boundary(found.anchor_wall, interval, index, found.zone), found.start)


def next_boundary(agreement: Agreement, after: datetime) -> datetime | None:
    """Return the first moment after `after` at which a paid stretch begins, or a period of any item begins or ends.

    None when nothing is ahead. Items with a shorter interval than the subscription's have boundaries of their own from
    the same anchor.
    """
    intervals = {item.versions[-1].price.interval for item in agreement.items if item.versions[-1].quantity}
    found: datetime | None = None
    for segment in paid_segments(agreement.calendar):
        if segment.end is not None and segment.end <= after:
            continue
        if segment.start > after:
            # Whatever the anchor says: a stub begins here, and with it what is charged once.
            found = segment.start if found is None else min(found, segment.start)
            continue
        for interval in intervals:
            if interval is None:
                continue
            index = boundary_index(segment.anchor_wall, interval, segment.zone, after)
            candidate = boundary(segment.anchor_wall, interval, index + 1, segment.zone)
            if segment.end is not None:
                candidate = min(candidate, segment.end)
            found = candidate if found is None else min(found, candidate)
    return found


def current_period(agreement: Agreement, at: datetime) -> ServicePeriod | None:
    """Return the running period of the subscription's own interval at an instant, None when there is none."""
    interval = agreement.current.interval
    if interval is None:
        return None
    for period in service_periods(paid_segments(agreement.calendar), interval, at, at):
        if period.start <= at < period.end:
            return period
    return None
