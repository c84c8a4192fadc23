"""A price as asked for becomes the one that is stored, or every fault is told (Billing rules, section 3)."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from subscriptions.domain.offer import PriceWanted, offer, spell_out
from subscriptions.domain.pricing import PriceType, Tier

PRODUCT, METRIC = uuid.UUID(int=1), uuid.UUID(int=2)
OPEN = (Tier(1, 10, Decimal(1500), Decimal(1000)), Tier(11, -1, Decimal(500), Decimal(2500)))


def wanted(**fields: Any) -> PriceWanted:
    """Return a monthly price of 10.00 EUR, changed as asked."""
    return PriceWanted(PRODUCT, "EUR", **{"amount": Decimal(1000), "interval": "month", **fields})


@pytest.mark.parametrize(
    ("fields", "type_", "interval", "timing"),
    [
        ({}, "fixed_price", "month", "advance"),
        ({"metric_id": METRIC}, "unit", "month", "arrears"),
        ({"type": "per_unit"}, "unit", "month", "advance"),
        ({"interval": "", "recurring": False}, "one_off", "one_off", "advance"),
        ({"interval": "one-off"}, "one_off", "one_off", "advance"),
        ({"interval": "", "type": "one-off"}, "one_off", "one_off", "advance"),
        ({"billing_timing": "arrears"}, "fixed_price", "month", "arrears"),
    ],
)
def test_defaults_and_spellings(fields: dict[str, Any], type_: str, interval: str, timing: str) -> None:
    spelt = spell_out(wanted(**fields))
    assert (spelt.type, spelt.interval, spelt.billing_timing) == (type_, interval, timing)
    assert spell_out(spelt) == spelt
    found, faults = offer(wanted(**fields))
    assert found is not None, faults


def test_minus_one_and_none_both_leave_the_last_tier_open() -> None:
    for last in (-1, None):
        tiers = (OPEN[0], Tier(11, last, Decimal(500), Decimal(2500)))
        found, faults = offer(wanted(amount=None, type="tiered_volume", tiers=tiers))
        assert found is not None, faults
        assert found.rating.tiers[1].last_unit is None


def test_the_numbers_reach_the_rating() -> None:
    found, _ = offer(
        wanted(
            amount=None,
            type="percentage",
            metric_id=METRIC,
            rate=Decimal("2.9"),
            fixed=Decimal(30),
            free_events=3,
            minimum=5,
            maximum=900,
        )
    )
    assert found is not None
    rating = found.rating
    assert (rating.type, rating.rate, rating.fixed) == (PriceType.PERCENTAGE, Decimal("2.9"), Decimal(30))
    assert (rating.free_events, rating.minimum, rating.maximum) == (3, 5, 900)
    package, _ = offer(wanted(type="package", units=10, free_units=2))
    assert package is not None
    assert (package.rating.units, package.rating.free_units, package.rating.unit_price) == (10, 2, Decimal(1000))


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"interval": ""}, {"schedule"}),
        ({"interval": "", "recurring": True}, {"schedule"}),
        ({"recurring": False}, {"schedule"}),
        ({"interval": "one_off", "recurring": True}, {"schedule"}),
        ({"type": "one_off"}, {"type"}),
        ({"interval": "one_off", "type": "unit"}, {"type"}),
        (
            {"interval": "one_off", "interval_count": 2, "minimum_commitment": 5},
            {"interval_count", "minimum_commitment"},
        ),
        ({"amount": None}, {"amount"}),
        ({"amount": Decimal(-1)}, {"amount"}),
        ({"tiers": OPEN}, {"type"}),
        ({"type": "nonsense"}, {"type"}),
        ({"type": "tiered_volume", "tiers": OPEN}, {"amount"}),
        ({"amount": None, "type": "tiered_volume", "tiers": OPEN[:1]}, {"tiers"}),
        ({"units": 5, "rate": Decimal(1), "minimum": 1}, {"units", "rate", "min"}),
        ({"type": "package", "units": 0}, {"units"}),
        ({"usage": True}, {"metric"}),
        ({"metric_id": METRIC, "usage": False}, {"usage"}),
        ({"metric_id": METRIC, "type": "fixed_price"}, {"type"}),
        ({"metric_id": METRIC, "billing_timing": "advance"}, {"billing_timing"}),
        ({"metric_type": "continuous"}, {"metric_type"}),
        ({"amount": None, "type": "percentage"}, {"metric"}),
        ({"amount": None, "type": "percentage", "metric_id": METRIC, "metric_type": "continuous"}, {"metric_type"}),
        (
            {"amount": None, "type": "percentage", "metric_id": METRIC, "minimum": 5, "maximum": 3},
            {"min"},
        ),
    ],
)
def test_every_fault_is_told_by_the_apis_name(fields: dict[str, Any], faults: set[str]) -> None:
    found, told = offer(wanted(**fields))
    assert found is None
    assert set(told) == faults
