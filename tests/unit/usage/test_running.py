"""Which windows show the usage of the running period. Billing rules, sections 3 and 4."""

import uuid

import pytest

from core.domain.period import Period
from subscriptions.domain.terms import MeterTerms
from tests.unit.usage.agreements import METRIC, MONTH, OTHER, YEAR, agreement, at, calendar, item, meter
from usage.domain.aggregation import Aggregation, Filter, FilterType, Meter
from usage.domain.rating import meter_of
from usage.domain.running import RunningMetric, running_metrics

NOW = at("2025-03-20")
STORED = Period(at("2025-03-18"), at("2025-03-25"))
MARCH = Period(at("2025-03-01"), at("2025-04-01"))
ALL_YEAR = Period(at("2025-01-01"), at("2026-01-01"))
SUBSCRIPTION = uuid.UUID(int=3)


def test_each_metric_runs_in_the_period_of_its_price() -> None:
    agreed = agreement(
        calendar(("2025-01-01", "paid"), interval=YEAR),
        items=(item(("2025-01-01", MONTH, METRIC, 1)), item(("2025-01-01", YEAR, OTHER, 1))),
    )
    assert list(running_metrics(agreed, STORED, NOW)) == [
        RunningMetric(meter(METRIC), MARCH),
        RunningMetric(meter(OTHER), ALL_YEAR),
    ]


def test_a_metric_that_two_items_measure_is_shown_once() -> None:
    both = (item(("2025-01-01", MONTH, METRIC, 1)), item(("2025-01-01", MONTH, METRIC, 1)))
    assert len(list(running_metrics(agreement(calendar(("2025-01-01", "paid")), items=both), STORED, NOW))) == 1


def test_only_what_is_in_force_runs() -> None:
    idle = (
        item(("2025-01-01", MONTH, None, 1)),
        item(("2025-01-01", MONTH, METRIC, 0)),
        item(("2025-03-21", MONTH, METRIC, 1)),
    )
    assert list(running_metrics(agreement(calendar(("2025-01-01", "paid")), items=idle), STORED, NOW)) == []


@pytest.mark.parametrize("phase", ["trial", "paused"])
def test_outside_a_paid_period_the_stored_one_counts(phase: str) -> None:
    agreed = agreement(calendar(("2025-01-01", phase)), items=(item(("2025-01-01", MONTH, METRIC, 1)),))
    assert [one.period for one in running_metrics(agreed, STORED, NOW)] == [STORED]
    assert list(running_metrics(agreed, None, NOW)) == []


def test_a_price_charged_once_has_no_period_of_its_own() -> None:
    agreed = agreement(calendar(("2025-01-01", "paid")), items=(item(("2025-01-01", None, METRIC, 1)),))
    assert [one.period for one in running_metrics(agreed, STORED, NOW)] == [STORED]


@pytest.mark.parametrize(
    ("aggregation", "continuous", "carries"),
    [("sum", False, False), ("sum", True, True), ("latest", True, True), ("weighted_sum", True, False)],
)
def test_what_carries_over_is_asked_from_the_first_event_on(aggregation: str, continuous: bool, carries: bool) -> None:
    running = RunningMetric(meter(METRIC, aggregation, continuous=continuous), MARCH)
    window = running.window(SUBSCRIPTION)
    assert (window.key, window.subscription_id, window.metric_id) == (running, SUBSCRIPTION, METRIC)
    assert (window.start, window.end) == (None if carries else MARCH.start, MARCH.end)


def test_a_meter_reads_as_its_metric_says() -> None:
    terms = MeterTerms(METRIC, "Users", "users", "unique_count", "user", (("region", "eu", "exclusive"),), False)
    assert meter_of(terms) == Meter(Aggregation.UNIQUE_COUNT, "user", (Filter("region", "eu", FilterType.EXCLUSIVE),))
