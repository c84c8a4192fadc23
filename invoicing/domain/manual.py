"""Charges asked for by hand: on manual invoices, on drafts and on quotes (Billing rules, section 8).

A plan's price is charged as the run would charge it, for one period from the moment on; an item has an amount of its
own.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.schedule import boundary, local_wall
from invoicing.domain.charge import JUST_BEFORE, MANUAL, Charge, TaxPoint
from subscriptions.domain.pricing import PriceType, Rating, price_quantity
from subscriptions.domain.terms import ADVANCE, ARREARS, PriceTerms

NOTHING = uuid.UUID(int=0)
"""The price and product of an item, which has none."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One period of a plan's price for a number of seats."""

    plan_id: uuid.UUID
    plan_name: str
    price: PriceTerms
    seats: int

    @property
    def description(self) -> str:
        """Return what is charged, in words."""
        return self.price.product_name if self.price.is_one_off else self.plan_name


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item with an amount of its own in minor units, tax included or not."""

    description: str
    amount_minor: int
    currency: str
    including_tax: bool
    tax_type_id: uuid.UUID | None = None
    digital: bool = False
    export: str = ""

    @property
    def price(self) -> PriceTerms:
        """Return the amount as a price that is charged once."""
        return PriceTerms(
            price_id=NOTHING,
            product_id=NOTHING,
            product_name=self.description,
            currency=self.currency,
            rating=Rating(PriceType.ONE_OFF, unit_price=Decimal(self.amount_minor)),
            interval=None,
            timing=ADVANCE,
            including_tax=self.including_tax,
            meter=None,
            minimum_commitment_minor=None,
            proration_up="none",
            proration_down="none",
            tax_type_id=self.tax_type_id,
            digital=self.digital,
            physical=False,
            product_rate=None,
            export=self.export,
        )


WantedLine = PlanLine | ItemLine


def manual_charges(wanted: Iterable[WantedLine], moment: datetime, zone: str, tax_point: TaxPoint) -> Iterator[Charge]:
    """Yield the charges of wanted lines, in their order, for service from `moment` on.

    3000 for 30 seats -> 90000. A tiered price makes a line per tier. `zone` is the customer's: a month from 31 January
    ends on 28 February.
    """
    for line in wanted:
        price = line.price
        plan_id, seats = (line.plan_id, line.seats) if isinstance(line, PlanLine) else (None, 1)
        end = moment
        if price.interval is not None:
            end = boundary(local_wall(moment, zone), price.interval, 1, zone)
        in_arrears = price.timing == ARREARS
        for part in price_quantity(price.rating, Decimal(seats)):
            yield Charge(
                subscription_id=None,
                item_id=None,
                kind=MANUAL,
                period_start=moment,
                period_end=end,
                tier=part.tier,
                revision=0,
                description=line.description,
                quantity=part.quantity,
                unit_price=part.unit_price,
                amount_minor=part.amount_minor,
                price=price,
                plan_id=plan_id,
                tax_date=tax_point.date_of(moment, max(end, moment + JUST_BEFORE), arrears=in_arrears),
                in_arrears=in_arrears,
                terms_version=0,
                opens_period=True,
                proof={"steps": part.steps},
            )
