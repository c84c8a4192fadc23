"""GET /subscription/{id}/usage: the running period by metric, live."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.identifiers import new_id
from core.models import TestClock
from customers.models import Customer
from subscriptions.models import Subscription
from tests.api.test_events import client_of
from tests.usage_cast import (
    APRIL,
    MARCH,
    NOW,
    START,
    add_usage_item,
    draft,
    make_customer,
    make_metric,
    make_subscription,
)
from usage.operations import record_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Subscription:
    """Return a subscription whose customer's clock stands on 20 March 2025."""
    return make_subscription(on_a_clock())


def on_a_clock() -> Customer:
    return make_customer("Alice", TestClock.objects.create(now_at=NOW, created_at=NOW))


def usage_of(subscription: Subscription) -> dict[str, Any]:
    answer = client_of("read").get(f"/api/v1/subscription/{subscription.id}/usage")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_each_metric_is_shown_with_what_was_used_of_it(alice: Subscription) -> None:
    calls, users = make_metric("calls"), make_metric("users", "unique_count", "user")
    add_usage_item(alice, calls)
    add_usage_item(alice, users, metric_type="continuous")
    make_metric("unpriced")
    happened_at = [datetime.fromisoformat(f"2025-{day}T00:00:00+00:00") for day in ("02-28", "03-01", "03-19")]
    for number, at in enumerate(happened_at):
        record_events(
            [
                draft(alice, value=Decimal(10), timestamp=at),
                draft(alice, code="users", timestamp=at, properties={"user": str(number)}),
                draft(alice, code="unpriced", timestamp=at),
            ],
            now=NOW,
        )
    assert usage_of(alice) == {
        "subscription": str(alice.id),
        "period_start": "2025-03-01T00:00:00+00:00",
        "period_end": "2025-04-01T00:00:00+00:00",
        "metrics": [
            {
                "metric": str(calls.id),
                "name": "Calls",
                "code": "calls",
                "aggregation": "sum",
                "metric_type": "resettable",
                "usage": 20,
                "event_count": 2,
                "period_start": "2025-03-01T00:00:00+00:00",
                "period_end": "2025-04-01T00:00:00+00:00",
                "first_event_at": "2025-03-01T00:00:00+00:00",
                "last_event_at": "2025-03-19T00:00:00+00:00",
            },
            {
                "metric": str(users.id),
                "name": "Users",
                "code": "users",
                "aggregation": "unique_count",
                "metric_type": "continuous",
                "usage": 3,
                "event_count": 3,
                "period_start": "2025-03-01T00:00:00+00:00",
                "period_end": "2025-04-01T00:00:00+00:00",
                "first_event_at": "2025-02-28T00:00:00+00:00",
                "last_event_at": "2025-03-19T00:00:00+00:00",
            },
        ],
    }


def test_usage_is_live(alice: Subscription) -> None:
    add_usage_item(alice, make_metric("calls"))
    assert usage_of(alice)["metrics"][0]["usage"] == 0
    record_events([draft(alice)], now=NOW)
    assert usage_of(alice)["metrics"][0]["usage"] == 1


def test_a_shorter_interval_has_its_own_period() -> None:
    yearly = make_subscription(on_a_clock(), interval="year")
    Subscription.objects.filter(id=yearly.id).update(
        current_period_start=START, current_period_end=START.replace(year=2026)
    )
    add_usage_item(yearly, make_metric("calls"))
    usage = usage_of(yearly)
    assert usage["period_start"] == "2025-01-01T00:00:00+00:00"
    assert usage["metrics"][0]["period_start"] == MARCH.isoformat()
    assert usage["metrics"][0]["period_end"] == APRIL.isoformat()


def test_a_trial_shows_its_own_period() -> None:
    alice = make_subscription(on_a_clock(), billed_to_at=None, phase="trial")
    Subscription.objects.filter(id=alice.id).update(
        current_period_start=NOW - timedelta(days=3), current_period_end=NOW + timedelta(days=4)
    )
    add_usage_item(alice, make_metric("calls"))
    record_events([draft(alice), draft(alice, timestamp=NOW - timedelta(days=4))], now=NOW)
    assert usage_of(alice)["metrics"][0]["usage"] == 1


def test_a_subscription_without_usage_prices_shows_none(alice: Subscription) -> None:
    assert usage_of(alice)["metrics"] == []


def test_an_unknown_subscription_is_not_found() -> None:
    reader = client_of("read")
    assert reader.get(f"/api/v1/subscription/{new_id()}/usage").status_code == 404
    assert reader.get("/api/v1/subscription/x/usage").status_code == 404


def test_the_number_of_statements_is_constant(alice: Subscription, django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        add_usage_item(alice, make_metric(f"metric {number}"))
    reader = client_of("read")
    # The key and its last use, the subscription, four of its agreement, one for each kind of question.
    with django_assert_max_num_queries(10):
        answer = reader.get(f"/api/v1/subscription/{alice.id}/usage")
    assert len(answer.json()["metrics"]) == 6
