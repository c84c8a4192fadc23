"""One charge with its key and proof, and the stretch of service it is for.

Billing rules, sections 3, 5 and 8. Every charge has a key (item, kind, period start, tier, revision).
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from core.domain.schedule import Interval, local_date
from invoicing.domain.proration import DAY, FULL, NONE, WHOLE, Fraction, prorate
from invoicing.domain.tax import TaxTreatment
from subscriptions.domain.terms import (
    Agreement,
    Item,
    ItemVersion,
    PriceTerms,
    Segment,
    ServicePeriod,
    service_periods,
)

RECURRING = "recurring"
ONE_OFF = "one_off"
USAGE = "usage"
SEATS = "seats"
MINIMUM = "minimum"

JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TaxPoint:
    """The dates between which a brand's tax point chooses, already in its local calendar."""

    in_advance: str
    in_arrears: str
    zone: str
    issue_date: date

    def date_of(self, start: datetime, end: datetime, *, arrears: bool) -> date:
        """Return the date whose rate applies to a stretch: its start, its last day, or the issue date."""
        choice = self.in_arrears if arrears else self.in_advance
        if choice == "issue":
            return self.issue_date
        return local_date(start if choice == "period_start" else end - JUST_BEFORE, self.zone)


class BilledLine(Struct, frozen=True):
    """A line already on an invoice or credit note, in the horizon.

    `invoice_id` is the invoice it stands on or corrects, None while that is not stored yet.
    """

    invoice_id: uuid.UUID | None
    kind: str
    period_start: datetime
    period_end: datetime
    tier: int
    revision: int
    quantity: Decimal
    amount_minor: int
    discount_minor: int
    treatment: TaxTreatment


class Charge(Struct, frozen=True):
    """One line before vouchers and tax; `amount_minor` is in the price's own mode, with or without tax.

    `discount_minor` is set on corrections only: they share the discount of what they correct and take no voucher.
    `treatment` is set on corrections only: they keep the tax of what they correct. `takes_back_from` is set where that
    stands on the same document: it is where the recurring charge begins whose discount is shared.
    """

    subscription_id: uuid.UUID
    item_id: uuid.UUID
    kind: str
    period_start: datetime
    period_end: datetime
    tier: int
    revision: int
    description: str
    quantity: Decimal
    unit_price: Decimal | None
    amount_minor: int
    price: PriceTerms
    plan_id: uuid.UUID
    tax_date: date
    in_arrears: bool
    terms_version: int
    fraction: Fraction = WHOLE
    discountable: bool = True
    discount_minor: int = 0
    treatment: TaxTreatment | None = None
    corrects: uuid.UUID | None = None
    takes_back_from: datetime | None = None
    proof: dict[str, Any] = field(default_factory=dict)


class Slice(Struct, frozen=True):
    """A stretch of a service period in which one price of one item holds."""

    start: datetime
    end: datetime
    period: ServicePeriod
    version: ItemVersion
    item: Item

    @property
    def price(self) -> PriceTerms:
        """Return the price in force."""
        return self.version.price

    @property
    def is_whole(self) -> bool:
        """Tell whether the stretch is the full, unshortened interval."""
        return self.start == self.period.full.start and self.end == self.period.full.end

    def share(self, start: datetime, end: datetime) -> Fraction:
        """Return the share of the full interval that a stretch makes, by the price's own way of counting."""
        if start == self.period.full.start and end == self.period.full.end:
            return WHOLE
        policy = self.price.proration_up
        return prorate(DAY if policy in {NONE, FULL} else policy, start, end, self.period.full, self.period.zone)


def slices(item: Item, period: ServicePeriod) -> Iterator[Slice]:
    """Yield the stretches of a period in which one price of the item holds, oldest first."""
    versions = item.versions
    position = 0
    while position < len(versions):
        first = versions[position]
        position += 1
        while position < len(versions) and _goes_on(first, versions[position]):
            position += 1
        end = versions[position].from_at if position < len(versions) else period.end
        start, end = max(first.from_at, period.start), min(end, period.end)
        if start < end and first.quantity:
            yield Slice(start, end, period, item.version_at(start) or first, item)


def _goes_on(version: ItemVersion, following: ItemVersion) -> bool:
    """Tell whether a later version keeps the price (it only moves the seats)."""
    return following.price.price_id == version.price.price_id and (following.quantity == 0) == (version.quantity == 0)


class ItemCase(Struct, frozen=True):
    """One item of one agreement at one moment: what is needed to say what it owes.

    `lines` are the item's billed lines in the horizon.
    """

    agreement: Agreement
    item: Item
    segments: tuple[Segment, ...]
    moment: datetime
    lines: tuple[BilledLine, ...]
    tax_point: TaxPoint

    def is_new(self, moment: datetime) -> bool:
        """Tell whether a charge moment lies after what has been billed."""
        billed_to = self.agreement.billed_to_at
        return billed_to is None or moment > billed_to

    def open_periods(self, interval: Interval) -> Iterator[ServicePeriod]:
        """Yield the periods that end after what has been billed and have begun by the moment, oldest first."""
        return service_periods(self.segments, interval, self.agreement.billed_to_at, self.moment)


def charge_of(case: ItemCase, stretch: Slice, **values: Any) -> Charge:
    """Return a charge with what it takes from its stretch: whose it is, at which price, plan and version of terms."""
    return Charge(
        subscription_id=case.agreement.subscription_id,
        item_id=stretch.item.item_id,
        price=stretch.price,
        plan_id=stretch.period.plan_id,
        terms_version=stretch.version.version,
        **values,
    )
