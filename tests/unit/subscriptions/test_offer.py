"""A price as asked for: how its parts may be counted (Billing rules, section 5, Proration policy)."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from subscriptions.domain.offer import PriceWanted, offer


def faults(**values: Any) -> dict[str, str]:
    found, faults = offer(PriceWanted(uuid.UUID(int=1), "EUR", amount=Decimal(3000), **values))
    assert (found is None) == bool(faults)
    return faults


@pytest.mark.parametrize("interval", ["month", "year"])
def test_months_of_thirty_days_count_months_and_years(interval: str) -> None:
    assert faults(interval=interval, proration_up="thirty_360", proration_down="thirty_360") == {}


@pytest.mark.parametrize("interval", ["day", "week"])
def test_months_of_thirty_days_count_no_weeks(interval: str) -> None:
    """From the 30th to the 31st would be no day at all."""
    assert list(faults(interval=interval, proration_down="thirty_360")) == ["proration_down"]
    assert list(faults(interval=interval, proration_up="thirty_360")) == ["proration_up"]
    assert faults(interval=interval, proration_up="second", proration_down="none") == {}
