"""Half-open periods. Billing rules, section 2."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from core.domain.period import Period


def day(number: int) -> datetime:
    return datetime(2025, 6, number, tzinfo=UTC)


JUNE_1_TO_10 = Period(day(1), day(10))


def test_the_start_is_in_the_end_is_not() -> None:
    assert JUNE_1_TO_10.contains(day(1))
    assert JUNE_1_TO_10.contains(day(10) - timedelta(microseconds=1))
    assert not JUNE_1_TO_10.contains(day(10))
    assert not JUNE_1_TO_10.contains(day(1) - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Period(day(5), day(15)), Period(day(5), day(10))),
        (Period(day(2), day(3)), Period(day(2), day(3))),
        (Period(day(1), day(10)), Period(day(1), day(10))),
        (Period(day(10), day(12)), None),
        (Period(day(20), day(22)), None),
    ],
)
def test_what_two_periods_share(other: Period, shared: Period | None) -> None:
    assert JUNE_1_TO_10.intersection(other) == other.intersection(JUNE_1_TO_10) == shared
    assert JUNE_1_TO_10.overlaps(other) is other.overlaps(JUNE_1_TO_10) is (shared is not None)


def test_periods_sort_by_their_start() -> None:
    assert sorted([Period(day(2), day(3)), Period(day(1), day(9))])[0].start == day(1)


def test_length() -> None:
    period = Period(day(1), day(2) + timedelta(microseconds=999_999))
    assert period.seconds == 86_400
    assert period.microseconds == 86_400_999_999


@pytest.mark.parametrize("end", [day(1), day(1) - timedelta(microseconds=1)])
def test_an_empty_or_reversed_period_is_refused(end: datetime) -> None:
    with pytest.raises(ValueError, match="must end after its start"):
        Period(day(1), end)


@pytest.mark.parametrize(
    "instant",
    [
        datetime.fromisoformat("2025-06-01"),
        datetime(2025, 6, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(2025, 6, 1, tzinfo=ZoneInfo("Europe/London")),
    ],
)
def test_instants_must_be_in_utc(instant: datetime) -> None:
    with pytest.raises(ValueError, match="not an aware UTC datetime"):
        Period(instant, day(10))
    with pytest.raises(ValueError, match="not an aware UTC datetime"):
        Period(datetime(2024, 6, 1, tzinfo=UTC), instant)


def test_another_name_of_utc_becomes_utc() -> None:
    period = Period(
        datetime(2025, 6, 1, tzinfo=ZoneInfo("UTC")), datetime(2025, 12, 1, tzinfo=ZoneInfo("Europe/London"))
    )
    assert period.start.tzinfo is UTC
    assert period.end.tzinfo is UTC
