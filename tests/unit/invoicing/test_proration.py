"""The share of a period that a stretch of it makes (Billing rules, section 5, Proration policy)."""

from datetime import timedelta
from fractions import Fraction as Exact
from itertools import pairwise

import pytest

from core.domain.period import Period
from invoicing.domain.proration import DAY, FULL, NONE, SECOND, THIRTY_360, WHOLE, Fraction, prorate
from tests.bills import at

JUNE = Period(at("2026-06-01 10:17"), at("2026-07-01 10:17"))
MAY = Period(at("2026-05-01"), at("2026-06-01"))
FEBRUARY = Period(at("2026-02-01"), at("2026-03-01"))
POLICIES = (DAY, SECOND, THIRTY_360)


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-06-01 10:17", 30),
        ("2026-06-16 00:00", 15),
        ("2026-06-16 23:59", 15),
        ("2026-06-30 23:59", 1),
        ("2026-07-01 09:00", 0),  # the last local day is not served
    ],
)
def test_days_count_by_local_date_whatever_the_hour(moment: str, days: int) -> None:
    assert prorate(DAY, at(moment), JUNE.end, JUNE, "UTC") == Fraction(days, 30)


@pytest.mark.parametrize(
    ("zone", "days"),
    [("UTC", 15), ("Asia/Tokyo", 14), ("America/Halifax", 15), ("Pacific/Auckland", 14)],
)
def test_the_date_is_the_customers(zone: str, days: int) -> None:
    """16 June 20:00 UTC is the 17th in Tokyo and Auckland."""
    assert prorate(DAY, at("2026-06-16 20:00"), JUNE.end, JUNE, zone) == Fraction(days, 30)


def test_a_day_of_23_hours_is_a_day() -> None:
    """Berlin, 28 March to 28 April: the night of the 29th has an hour less."""
    month = Period(at("2026-03-27 23:00"), at("2026-04-27 22:00"))
    assert prorate(DAY, at("2026-03-29 22:00"), month.end, month, "Europe/Berlin") == Fraction(29, 31)


@pytest.mark.parametrize("policy", [NONE, FULL])
def test_policies_about_a_change_count_as_days(policy: str) -> None:
    assert prorate(policy, at("2026-06-16"), JUNE.end, JUNE, "UTC") == Fraction(15, 30)


def test_seconds_count_to_the_second() -> None:
    assert prorate(SECOND, at("2026-06-16 10:17"), JUNE.end, JUNE, "UTC") == Fraction(1_296_000, 2_592_000)
    assert prorate(SECOND, at("2026-06-30 10:17"), JUNE.end, JUNE, "UTC") == Fraction(86_400, 2_592_000)


@pytest.mark.parametrize(
    ("start", "end", "full", "expected"),
    [
        ("2026-05-15", "2026-05-23", MAY, Fraction(8, 30)),
        ("2026-05-01", "2026-05-31", MAY, Fraction(29, 30)),  # the 31st counts as the 30th
        ("2026-05-30", "2026-05-31", MAY, Fraction(0, 30)),
        ("2026-05-31", "2026-06-01", MAY, Fraction(1, 30)),
        ("2026-02-01", "2026-02-28", FEBRUARY, Fraction(27, 30)),
        ("2026-02-28", "2026-03-01", FEBRUARY, Fraction(3, 30)),
        ("2026-03-31", "2026-09-30", Period(at("2025-12-31"), at("2026-12-31")), Fraction(180, 360)),
    ],
)
def test_thirty_360(start: str, end: str, full: Period, expected: Fraction) -> None:
    assert prorate(THIRTY_360, at(start), at(end), full, "UTC") == expected


def test_nine_nights_in_may_cost_5_32() -> None:
    """15 to 23 May of 19.95 -> 5.32 (Billing rules, section 5)."""
    share = prorate(THIRTY_360, at("2026-05-15"), at("2026-05-23"), MAY, "UTC")
    assert Exact(1995) * Exact(share.numerator, share.denominator) == 532


@pytest.mark.parametrize("policy", POLICIES)
def test_stretches_that_touch_add_up_to_the_whole(policy: str) -> None:
    """Also where they touch between two seconds: nothing may be lost there."""
    cuts = [
        MAY.start,
        at("2026-05-10 10:00") + timedelta(milliseconds=500),
        at("2026-05-10 10:00:01") + timedelta(microseconds=1),
        at("2026-05-30 23:59:59") + timedelta(microseconds=999_999),
        at("2026-05-31 12:00"),
        MAY.end,
    ]
    shares = [prorate(policy, start, end, MAY, "UTC") for start, end in pairwise(cuts)]
    assert all(share.numerator >= 0 for share in shares)
    assert sum(Exact(share.numerator, share.denominator) for share in shares) == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_a_whole_period_is_whole(policy: str) -> None:
    assert prorate(policy, MAY.start, MAY.end, MAY, "UTC").is_whole
    assert WHOLE.is_whole
    assert not Fraction(29, 30).is_whole
