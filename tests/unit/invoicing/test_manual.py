"""Charges asked for by hand (Billing rules, section 8, Manual invoices)."""

import uuid
from datetime import date, datetime
from decimal import Decimal

import pytest

from invoicing.domain.charge import Charge, TaxPoint
from invoicing.domain.manual import ItemLine, PlanLine, WantedLine, manual_charges
from subscriptions.domain.pricing import PriceType, Rating
from tests.bills import at, graduated, once, per_seat
from tests.histories import price

PLAN = uuid.UUID(int=9)
NOON = at("2026-01-31 12:00")


def charged(*wanted: WantedLine, moment: datetime = NOON, zone: str = "UTC") -> list[Charge]:
    tax_point = TaxPoint("period_start", "period_end", zone, date(2026, 1, 31))
    return list(manual_charges(wanted, moment, zone, tax_point))


def amounts(*wanted: WantedLine) -> list[int]:
    return [charge.amount_minor for charge in charged(*wanted)]


def fixed(amount: int) -> PlanLine:
    return PlanLine(PLAN, "Team", price(Rating(PriceType.FIXED_PRICE, unit_price=Decimal(amount))), 1)


def test_plans_and_an_item_add_up() -> None:
    """1000 + 2000 + one-off 5000 -> 8000."""
    item = ItemLine("Set-up", 5000, "EUR", including_tax=False)
    assert amounts(fixed(1000), fixed(2000), item) == [1000, 2000, 5000]


@pytest.mark.parametrize(("unit_price", "seats", "amount"), [(3000, 30, 90000), (1999, 7, 13993)])
def test_seats_multiply(unit_price: int, seats: int, amount: int) -> None:
    assert amounts(PlanLine(PLAN, "Team", per_seat(unit_price), seats)) == [amount]


def test_a_graduated_price_makes_a_line_per_tier() -> None:
    """1-10: unit 1500 flat 1000, 11-20: unit 1000 flat 1500, 21+: unit 500 flat 2500 -> 25 seats 32500."""
    rating = graduated((1, 10, "1500", "1000"), (11, 20, "1000", "1500"), (21, None, "500", "2500"))
    charges = charged(PlanLine(PLAN, "Team", price(rating), 25))
    assert [(charge.tier, charge.amount_minor) for charge in charges] == [(1, 16000), (2, 11500), (3, 5000)]


def test_a_period_runs_from_the_moment_in_the_customers_zone() -> None:
    (charge,) = charged(fixed(1000))
    assert (charge.period_start, charge.period_end) == (NOON, at("2026-02-28 12:00"))
    (charge,) = charged(fixed(1000), moment=at("2026-03-15 12:00"), zone="Europe/Berlin")
    assert charge.period_end == at("2026-04-15 11:00")


def test_what_is_charged_once_has_no_period() -> None:
    (plan,) = charged(PlanLine(PLAN, "Team", once(700), 1))
    (item,) = charged(ItemLine("Set-up", 5000, "EUR", including_tax=True))
    for charge in (plan, item):
        assert charge.period_start == charge.period_end == NOON
        assert charge.tax_date == date(2026, 1, 31)
    assert (item.description, item.plan_id, item.price.including_tax) == ("Set-up", None, True)


def test_a_charge_by_hand_belongs_to_no_item() -> None:
    (charge,) = charged(fixed(1000))
    assert (charge.kind, charge.item_id, charge.subscription_id, charge.plan_id) == ("manual", None, None, PLAN)
    assert (charge.description, charge.revision) == ("Team", 0)
