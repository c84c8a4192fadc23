"""What was agreed, as values: versions of a subscription's calendar and of its items.

Billing rules, sections 2, 3 and 5. A version holds from its `from_at` until the next version's.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from core.domain.schedule import Interval
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
SHIFT = "shift"
KEEP = "keep"
# How a change of price is prorated (Billing rules, section 5, Proration policy).
PRORATE_DAY = "day"
PRORATE_SECOND = "second"
PRORATE_THIRTY_360 = "thirty_360"
PRORATE_NONE = "none"
PRORATE_FULL = "full"


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
    """One version of an item: its price and quantity (seats; 0 once ended) from a moment on.

    `proration` says how the change that made it is prorated, "" where nothing was changed but seats.
    """

    version: int
    from_at: datetime
    price: PriceTerms
    quantity: int
    change: str
    proration: str = ""


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
    """One version of when a subscription runs; `interval` is None when nothing recurs.

    `resumes` says how the pause before it ends: SHIFT moves the boundaries by the days paused, KEEP leaves them.
    `credits_unused` belongs to the end: what was paid beyond it is given back. `reason` is set on new versions only.
    """

    version: int
    from_at: datetime
    phase: str
    plan_id: uuid.UUID
    plan_name: str
    anchor_wall: datetime
    interval: Interval | None
    zone: str
    alignment: str
    resumes: str = ""
    credits_unused: bool = False
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that waits until `due_at`: of plan and price, of seats, or of an add-on (quantity 0 or None ends it).

    With `at_boundary` it waits for the end of the running period, wherever a pause moves that.
    """

    change_id: uuid.UUID
    kind: str
    due_at: datetime
    plan_id: uuid.UUID | None = None
    plan_name: str = ""
    price: PriceTerms | None = None
    quantity: int | None = None
    item_id: uuid.UUID | None = None
    proration: str = ""
    at_boundary: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """One subscription with its whole history, and how far it has been billed.

    `late_window` is how long after a period's end its usage is still accepted. `pending` holds the changes that wait,
    `cancel_refund` what a scheduled cancellation gives back. `disabled` are the
    stretches in which its customer was charged nothing.
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
    pending: tuple[PendingChange, ...] = ()
    cancel_refund: str = ""
    disabled: tuple[tuple[datetime, datetime], ...] = ()

    def passed_disabled(self, boundary: datetime) -> bool:
        """Tell whether a boundary was passed while the customer was disabled: it is never billed."""
        return any(start <= boundary <= end for start, end in self.disabled)

    @property
    def current(self) -> CalendarVersion:
        """Return the newest calendar version."""
        return self.calendar[-1]
