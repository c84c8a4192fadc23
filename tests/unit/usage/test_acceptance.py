"""Whether an event's moment can still be billed. Billing rules, section 4, "Late events"."""

from datetime import datetime, timedelta

import pytest

from subscriptions.domain.terms import Agreement
from tests.unit.usage.agreements import METRIC, MONTH, OTHER, YEAR, agreement, at, calendar, item
from usage.domain.acceptance import SubscriptionLife, judge, late_until, metered_interval
from usage.domain.event import Reason

INSTANT = timedelta(microseconds=1)
START, NOW = at("2025-01-01"), at("2025-03-20T12:00")


def verdict(
    moment: str | datetime, agreed: Agreement, *, now: datetime = NOW, ended_at: datetime | None = None
) -> Reason | None:
    timestamp = at(moment) if isinstance(moment, str) else moment
    return judge(timestamp, METRIC, SubscriptionLife(None, ended_at, now), agreed, late_days=35)


MONTHLY = agreement(calendar(("2025-01-01", "paid")))


def test_five_minutes_ahead_are_tolerated() -> None:
    assert verdict(NOW + timedelta(minutes=5), MONTHLY) is None
    assert verdict(NOW + timedelta(minutes=5) + INSTANT, MONTHLY) is Reason.TIMESTAMP_AHEAD


def test_a_period_not_yet_invoiced_takes_everything() -> None:
    assert verdict("2025-03-01", MONTHLY, now=NOW + timedelta(days=999)) is None
    never_billed = agreement(calendar(("2025-01-01", "paid")), None)
    assert verdict("2025-01-01", never_billed, now=NOW + timedelta(days=999)) is None


def test_an_invoiced_period_takes_events_until_35_days_after_its_end() -> None:
    last = late_until(at("2025-02-01"), 35)
    assert verdict("2025-01-01", MONTHLY, now=last) is None
    assert verdict("2025-01-01", MONTHLY, now=last + INSTANT) is Reason.TOO_LATE
    assert verdict(at("2025-02-01") - INSTANT, MONTHLY, now=last + INSTANT) is Reason.TOO_LATE
    assert verdict("2025-02-01", MONTHLY, now=last + INSTANT) is None


def test_outside_its_life_a_subscription_takes_nothing() -> None:
    assert verdict(START - INSTANT, MONTHLY) is Reason.OUTSIDE_SUBSCRIPTION
    assert verdict(NOW, MONTHLY, ended_at=NOW) is Reason.OUTSIDE_SUBSCRIPTION
    assert verdict(NOW - INSTANT, MONTHLY, ended_at=NOW) is None
    ended = agreement(calendar(("2025-01-01", "paid"), ("2025-03-10", "ended")), "2025-03-10")
    assert verdict("2025-03-10", ended) is Reason.OUTSIDE_SUBSCRIPTION
    # The end cuts the last period, and opens its late window.
    assert verdict("2025-03-09", ended, now=late_until(at("2025-03-10"), 35)) is None
    assert verdict("2025-03-09", ended, now=late_until(at("2025-03-10"), 35) + INSTANT) is Reason.TOO_LATE


def test_a_pause_takes_nothing_and_what_was_before_it_stays_open() -> None:
    paused = agreement(calendar(("2025-01-01", "paid"), ("2025-03-05", "paused"), ("2025-03-10", "paid")))
    assert verdict(at("2025-03-05") - INSTANT, paused) is None
    assert verdict("2025-03-05", paused) is Reason.SUBSCRIPTION_PAUSED
    assert verdict(at("2025-03-10") - INSTANT, paused) is Reason.SUBSCRIPTION_PAUSED
    assert verdict("2025-03-10", paused) is None


def test_a_trial_is_a_period_of_its_own() -> None:
    trial = agreement(calendar(("2025-01-01", "trial"), ("2025-02-01", "paid")), "2025-02-01")
    assert verdict("2025-01-15", trial, now=late_until(at("2025-02-01"), 35)) is None
    assert verdict("2025-01-15", trial, now=late_until(at("2025-02-01"), 35) + INSTANT) is Reason.TOO_LATE
    assert verdict("2025-01-15", agreement(calendar(("2025-01-01", "trial")), "2025-02-01"), now=NOW) is None


def test_what_nothing_invoices_stays_open() -> None:
    once = agreement(calendar(("2025-01-01", "paid"), interval=None))
    assert verdict("2025-01-01", once, now=NOW + timedelta(days=999)) is None


def test_the_period_is_that_of_the_price_that_measures_the_metric() -> None:
    yearly = calendar(("2025-01-01", "paid"), interval=YEAR)
    measured = agreement(yearly, items=(item(("2025-01-01", MONTH, METRIC, 1)),))
    assert verdict("2025-01-15", measured) is Reason.TOO_LATE
    for other in (
        item(("2025-01-01", MONTH, OTHER, 1)),
        item(("2025-01-01", MONTH, None, 1)),
        item(("2025-01-01", MONTH, METRIC, 0)),
        item(("2025-01-16", MONTH, METRIC, 1)),
    ):
        assert verdict("2025-01-15", agreement(yearly, items=(other,))) is None


def test_the_price_is_the_one_in_force_at_the_moment() -> None:
    changed = agreement(
        calendar(("2025-01-01", "paid")),
        items=(item(("2025-01-01", MONTH, METRIC, 1), ("2025-02-01", YEAR, METRIC, 1)),),
    )
    assert metered_interval(changed, METRIC, at("2025-02-01") - INSTANT) == MONTH
    assert metered_interval(changed, METRIC, at("2025-02-01")) == YEAR
    assert metered_interval(changed, OTHER, at("2025-02-01")) is None


@pytest.mark.parametrize(("ended_at", "until"), [(None, NOW + timedelta(minutes=5)), (NOW, NOW - INSTANT)])
def test_the_open_stretch_ends_five_minutes_ahead_or_with_the_subscription(
    ended_at: datetime | None, until: datetime
) -> None:
    assert SubscriptionLife(START, ended_at, NOW).open_until == until
