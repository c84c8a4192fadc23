"""What a new agreement is made of, and what cannot be agreed (Billing rules, sections 2, 3 and 5, Start)."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.domain.schedule import Interval
from subscriptions.domain.agreement import AgreementWanted, InvalidAgreement, ItemTermsWanted, agree
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS, Agreement, PriceTerms
from tests.histories import meter, price

FLAT = Rating(PriceType.FIXED_PRICE, unit_price=Decimal(3000))
CALLS = Rating(PriceType.UNIT, unit_price=Decimal(1))
SETUP = Rating(PriceType.ONE_OFF, unit_price=Decimal(5000))
MONTH, QUARTER, YEAR, WEEK = Interval("month"), Interval("month", 3), Interval("year"), Interval("week")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def usage(interval: Interval, **values: Any) -> PriceTerms:
    return price(CALLS, interval=interval, timing=ARREARS, meter=meter(), **values)


def made(
    *items: tuple[PriceTerms, int], start: str = "2026-01-31 10:17", zone: str = "UTC", **values: Any
) -> Agreement:
    wanted = tuple(
        ItemTermsWanted(uuid.UUID(int=100 + number), item, quantity) for number, (item, quantity) in enumerate(items)
    )
    return agree(
        AgreementWanted(uuid.UUID(int=3), uuid.UUID(int=2), uuid.UUID(int=4), "Team", wanted, at(start), zone, **values)
    )


def test_a_paid_start_is_active_and_anchored_at_its_own_wall_time() -> None:
    agreement = made((price(FLAT), 3), start="2026-01-31 09:17", zone="Europe/Berlin")
    (version,) = agreement.calendar
    assert (agreement.status, agreement.billed_to_at, agreement.trial_end_at) == (Status.ACTIVE, None, None)
    assert (version.phase, version.anchor_wall, version.zone) == (
        "paid",
        datetime(2026, 1, 31, 10, 17),
        "Europe/Berlin",
    )
    assert [(item.position, item.versions[0].quantity, item.versions[0].change) for item in agreement.items] == [
        (0, 3, "started")
    ]


@pytest.mark.parametrize(
    ("interval", "billing_day", "anchor"),
    [
        (MONTH, 1, "2026-01-01"),
        (MONTH, 15, "2026-01-15"),
        (MONTH, 31, "2025-12-31"),  # on 20 January the 31st of December is the last one
        (YEAR, 15, "2026-01-01"),  # a year begins on 1 January whatever the billing day
        (WEEK, 15, "2026-01-19"),  # Monday
        (Interval("day"), 15, "2026-01-20"),
    ],
)
def test_a_calendar_start_is_anchored_at_a_local_midnight(interval: Interval, billing_day: int, anchor: str) -> None:
    agreement = made(
        (price(FLAT, interval=interval), 1),
        start="2026-01-20 10:17",
        alignment="calendar",
        billing_day=billing_day,
    )
    assert agreement.current.anchor_wall == datetime.fromisoformat(anchor)


def test_the_calendar_is_the_customers_own() -> None:
    """31 January 15:00 UTC is midnight of 1 February in Tokyo: no stub."""
    agreement = made((price(FLAT), 1), start="2026-01-31 15:00", zone="Asia/Tokyo", alignment="calendar")
    assert agreement.current.anchor_wall == datetime(2026, 2, 1)


def test_a_one_off_has_no_calendar_to_align_to() -> None:
    agreement = made((price(SETUP, interval=None), 1), alignment="calendar")
    assert (agreement.current.interval, agreement.current.anchor_wall) == (None, datetime(2026, 1, 31, 10, 17))


@pytest.mark.parametrize(
    ("start", "zone", "end"),
    [
        ("2026-01-10 10:17", "UTC", "2026-01-24 10:17"),
        # The clocks go forward on 29 March: the same wall time is an hour earlier.
        ("2026-03-20 09:17", "Europe/Berlin", "2026-04-03 08:17"),
    ],
)
def test_a_trial_lasts_local_days_to_the_same_wall_time(start: str, zone: str, end: str) -> None:
    agreement = made((price(FLAT), 1), start=start, zone=zone, trial_days=14)
    assert (agreement.status, agreement.trial_end_at) == (Status.TRIAL_ACTIVE, at(end))
    assert [version.phase for version in agreement.calendar] == ["trial"]


def test_a_later_billing_date_is_a_free_stretch_with_the_same_anchor() -> None:
    agreement = made((price(FLAT), 1), start="2026-01-01", bill_from_at=at("2026-01-15"))
    assert [(version.version, version.from_at, version.phase) for version in agreement.calendar] == [
        (1, at("2026-01-01"), "trial"),
        (2, at("2026-01-15"), "paid"),
    ]
    assert {version.anchor_wall for version in agreement.calendar} == {datetime(2026, 1, 1)}
    assert agreement.status is Status.ACTIVE


@pytest.mark.parametrize("bill_from", ["2026-01-01", "2025-12-01"])
def test_a_billing_date_that_is_no_later_changes_nothing(bill_from: str) -> None:
    agreement = made((price(FLAT), 1), start="2026-01-01", bill_from_at=at(bill_from))
    assert [version.phase for version in agreement.calendar] == ["paid"]


def test_a_trial_takes_no_other_billing_date() -> None:
    with pytest.raises(InvalidAgreement) as refusal:
        made((price(FLAT), 1), trial_days=14, bill_from_at=at("2026-03-01"))
    assert refusal.value.field == "bill_from"


@pytest.mark.parametrize(
    ("main", "beside"),
    [
        (price(FLAT, interval=YEAR), usage(MONTH)),
        (price(FLAT, interval=YEAR), usage(QUARTER)),
        (price(FLAT, interval=YEAR), usage(YEAR)),
        (price(FLAT), price(SETUP, interval=None)),
        (price(FLAT, interval=Interval("week", 2)), usage(WEEK)),
        (price(SETUP, interval=None), price(SETUP, interval=None, export="x")),
    ],
)
def test_what_fits_beside_the_plans_price(main: PriceTerms, beside: PriceTerms) -> None:
    assert len(made((main, 1), (beside, 1)).items) == 2


@pytest.mark.parametrize(
    ("items", "field"),
    [
        (((price(FLAT), 1), (price(FLAT, currency="USD"), 1)), "items.0.price"),
        (((price(FLAT), 1), (price(FLAT, interval=YEAR), 1)), "items.0.price"),
        (((price(FLAT, interval=YEAR), 1), (price(FLAT), 1)), "items.0.price"),  # licensed: no shorter interval
        (((price(FLAT), 1), (usage(WEEK), 1)), "items.0.price"),  # weeks make no month
        (((price(FLAT), 1), (usage(QUARTER), 1)), "items.0.price"),
        (((price(SETUP, interval=None), 1), (price(FLAT), 1)), "items.0.price"),
        (((price(FLAT), 0),), "seat_number"),
        (((price(FLAT), 1), (price(SETUP, interval=None), 0)), "items.0.quantity"),
        (((price(FLAT), 1), (price(SETUP, interval=None), 1), (price(FLAT, currency="USD"), 1)), "items.1.price"),
    ],
)
def test_what_cannot_stand_in_one_subscription(items: tuple[tuple[PriceTerms, int], ...], field: str) -> None:
    with pytest.raises(InvalidAgreement) as refusal:
        made(*items)
    assert refusal.value.field == field
    assert refusal.value.message.endswith(".")
