"""Limits that batches pass together: told once, and nobody without limits waits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from core.models import OutboxEvent
from core.operations import SYSTEM
from subscriptions.models import Subscription
from tests.usage_cast import (
    NOW,
    add_usage_item,
    draft,
    make_customer,
    make_metric,
    make_plan,
    make_subscription,
)
from usage.domain.event import STORED, EventOutcome
from usage.models import UsageLimit
from usage.operations import intake, record_event, record_events
from usage.operations import limits as limit_operations
from usage.operations.limits import create_limit
from usage.queries import limits as limit_queries

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 6


@pytest.fixture
def alice() -> Subscription:
    """Alice pays 1 a call, and may be warned above 30."""
    metric = make_metric("calls")
    subscription = make_subscription(make_customer(), make_plan(), next_due_at=NOW)
    add_usage_item(subscription, metric)
    create_limit(customer_id=subscription.customer_id, amount_minor=30, action="warning", actor=SYSTEM, now=NOW)
    return subscription


def at_once(work: Callable[[int], list[EventOutcome]]) -> list[EventOutcome]:
    """Run the work of all clients at the same moment, and return every outcome."""
    barrier = threading.Barrier(CLIENTS)

    def run(client: int) -> list[EventOutcome]:
        try:
            barrier.wait(30)
            return work(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [outcome for outcomes in pool.map(run, range(CLIENTS)) for outcome in outcomes]


def ten_each(alice: Subscription) -> list[EventOutcome]:
    """Record ten calls by each of six clients: no batch passes 30 by itself."""
    return at_once(
        lambda client: list(record_events([draft(alice, f"{client} {number}") for number in range(10)], now=NOW))
    )


def warnings() -> list[int]:
    return [fact.payload["cost"] for fact in OutboxEvent.objects.filter(type="usage.warning").order_by("id")]


def test_batches_that_pass_a_limit_together_pass_it_once(alice: Subscription) -> None:
    assert ten_each(alice) == [STORED] * 60
    assert warnings() == [40]


def test_without_the_lock_nobody_sees_it_pass(alice: Subscription, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: each weighs its own ten, and none the others' that are not committed yet."""
    weighed = threading.Barrier(CLIENTS)
    weigh = limit_operations.weigh

    def together_with_all(*args: Any, **options: Any) -> None:
        weigh(*args, **options)
        weighed.wait(30)

    def unlocked(customer_ids: set[Any]) -> list[UsageLimit]:
        return list(UsageLimit.objects.filter(customer_id__in=customer_ids))

    monkeypatch.setattr(intake, "lock_limits", unlocked)
    monkeypatch.setattr(intake, "weigh", together_with_all)
    assert ten_each(alice) == [STORED] * 60
    assert warnings() == []


def test_single_events_pass_it_once(alice: Subscription) -> None:
    def work(client: int) -> list[EventOutcome]:
        return [record_event(draft(alice, f"{client} {number}"), now=NOW) for number in range(10)]

    assert at_once(work) == [STORED] * 60
    assert len(warnings()) == 1


def test_who_has_no_limits_does_not_wait_for_those_who_have(alice: Subscription) -> None:
    bob = make_subscription(make_customer("Bob"))
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            limit_queries.lock_limits([alice.customer_id])
            limited = pool.submit(record_event, draft(alice, "one"), now=NOW)
            assert [pool.submit(record_event, draft(bob, name), now=NOW).result(30) for name in "ab"] == [STORED] * 2
            assert not limited.done()
        assert limited.result(30) == STORED
