"""Events are stored exactly once for ever, and everyone is told what became of theirs. Billing rules, section 4."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from core.identifiers import new_id
from core.models import TestClock
from subscriptions.models import Subscription
from tests.usage_cast import (
    APRIL,
    MARCH,
    NOW,
    START,
    add_terms,
    add_usage_item,
    draft,
    make_customer,
    make_metric,
    make_plan,
    make_subscription,
)
from usage.domain.event import DUPLICATE, REJECTED, STORED, EventDraft, EventOutcome, Reason
from usage.models import UsageEvent
from usage.operations import record_event, record_events
from usage.queries.intake import find_known

pytestmark = pytest.mark.django_db
CONFLICT = REJECTED[Reason.EVENT_ID_CONFLICT]


@pytest.fixture
def alice() -> Subscription:
    make_metric("calls")
    make_metric("bytes")
    return make_subscription()


def record(*drafts: EventDraft, now: datetime = NOW) -> list[EventOutcome]:
    return list(record_events(drafts, now=now))


def content(event: UsageEvent) -> tuple[Any, ...]:
    return event.event_id, event.value, event.properties, event.timestamp


def test_a_new_event_is_stored_as_it_was_sent(alice: Subscription) -> None:
    odd = {"text": 'tab\t newline\n \\ back\\slash "quoted" \u2028 ü 😀', "number": Decimal("0.1"), "nothing": None}
    event_id = "tab\tnewline\n\\N \r ü😀"
    sent = draft(alice, event_id, value=Decimal("0.1"), properties=odd)
    assert record(sent) == [STORED]
    stored = UsageEvent.objects.get()
    assert content(stored) == (event_id, Decimal("0.1"), odd | {"number": 0.1}, sent.timestamp)
    assert stored.received_at == NOW
    with connection.cursor() as cursor:
        cursor.execute("SELECT properties ->> 'number' FROM usage_event")
        assert cursor.fetchone() == ("0.1",)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"value": Decimal("1.000")},
        {"properties": {"b": 1, "a": Decimal("2.0")}},
        {"timestamp": None},
        {"timestamp": (NOW - timedelta(minutes=10)).astimezone().replace(tzinfo=UTC)},
    ],
)
def test_the_same_content_again_is_a_duplicate(alice: Subscription, change: dict[str, Any]) -> None:
    first = draft(alice, "one", properties={"a": 2, "b": 1})
    again = draft(alice, "one", **{"properties": {"a": 2, "b": 1}, **change})
    assert record(first) == [STORED]
    assert record(again) == [DUPLICATE]
    assert record(again, draft(alice, "other")) == [DUPLICATE, STORED]
    assert UsageEvent.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"value": Decimal(2)},
        {"code": "bytes"},
        {"properties": {"a": True}},
        {"properties": None},
        {"timestamp": NOW - timedelta(minutes=11)},
    ],
)
def test_other_content_under_the_same_id_is_a_conflict(alice: Subscription, change: dict[str, Any]) -> None:
    first = draft(alice, "one", properties={"a": 1})
    other = draft(alice, "one", **{"properties": {"a": 1}, **change})
    assert record(first) == [STORED]
    assert record(other) == [CONFLICT]
    assert record(other, draft(alice, "other"), first) == [CONFLICT, STORED, DUPLICATE]
    assert [content(one) for one in UsageEvent.objects.filter(event_id="one")] == [
        ("one", Decimal(1), {"a": 1}, first.timestamp)
    ]


def test_the_first_of_an_id_within_a_batch_wins(alice: Subscription) -> None:
    first, again, other = draft(alice, "one"), draft(alice, "one"), draft(alice, "one", value=Decimal(2))
    assert record(first, again, other, draft(alice, "two")) == [STORED, DUPLICATE, CONFLICT, STORED]
    assert record(other, first, again) == [CONFLICT, DUPLICATE, DUPLICATE]
    assert UsageEvent.objects.get(event_id="one").value == 1


def test_one_id_serves_each_subscription_once(alice: Subscription) -> None:
    bob = make_subscription(make_customer("Bob"))
    assert record(draft(alice, "one"), draft(bob, "one", value=Decimal(2))) == [STORED, STORED]
    assert record(draft(bob, "one")) == [CONFLICT]


def test_no_properties_and_empty_properties_are_equal(alice: Subscription) -> None:
    assert record(draft(alice, "one", properties={})) == [STORED]
    assert record(draft(alice, "one", properties=None)) == [DUPLICATE]


def test_an_event_without_a_timestamp_happened_when_it_arrived_and_its_retry_never_conflicts(
    alice: Subscription,
) -> None:
    sent = draft(alice, "one", timestamp=None)
    assert record(sent) == [STORED]
    assert UsageEvent.objects.get().timestamp == NOW
    assert record(sent, now=NOW + timedelta(days=400)) == [DUPLICATE]


def test_good_events_beside_bad_ones_are_stored(alice: Subscription) -> None:
    assert record(
        draft(new_id(), "unknown subscription"),
        draft(alice, "good"),
        draft(alice, "unknown code", code="Calls"),
        draft(alice, "ahead", timestamp=NOW + timedelta(minutes=5, microseconds=1)),
        draft(alice, "nearly ahead", timestamp=NOW + timedelta(minutes=5)),
        draft(alice, "year 9999", timestamp=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        draft(alice, "year 1", timestamp=datetime(1, 1, 1, tzinfo=UTC)),
    ) == [
        REJECTED[Reason.UNKNOWN_SUBSCRIPTION],
        STORED,
        REJECTED[Reason.UNKNOWN_CODE],
        REJECTED[Reason.TIMESTAMP_AHEAD],
        STORED,
        REJECTED[Reason.TIMESTAMP_AHEAD],
        REJECTED[Reason.OUTSIDE_SUBSCRIPTION],
    ]
    assert UsageEvent.objects.count() == 2


def test_events_outside_the_life_of_a_subscription_are_never_accepted(alice: Subscription) -> None:
    Subscription.objects.filter(id=alice.id).update(status="cancelled", ended_at=NOW, cancelled_at=NOW)
    add_terms(alice, NOW, "ended")
    outside, late = REJECTED[Reason.OUTSIDE_SUBSCRIPTION], REJECTED[Reason.TOO_LATE]
    instant = timedelta(microseconds=1)
    assert record(
        draft(alice, timestamp=START - instant),
        draft(alice, timestamp=START),
        draft(alice, timestamp=NOW - instant),
        draft(alice, timestamp=NOW),
    ) == [outside, late, STORED, outside]
    # The last period ended with the subscription: its late window is open for 35 days.
    Subscription.objects.filter(id=alice.id).update(billed_to_at=NOW)
    assert record(draft(alice, timestamp=NOW - instant), now=NOW + timedelta(days=35)) == [STORED]
    assert record(draft(alice, timestamp=NOW - instant), now=NOW + timedelta(days=35) + instant) == [late]


def test_events_of_a_pause_are_never_accepted(alice: Subscription) -> None:
    paused_at, resumed_at = MARCH + timedelta(days=5), MARCH + timedelta(days=10)
    add_terms(alice, paused_at, "paused")
    instant = timedelta(microseconds=1)
    assert record(draft(alice, timestamp=paused_at - instant), draft(alice, timestamp=paused_at)) == [
        STORED,
        REJECTED[Reason.SUBSCRIPTION_PAUSED],
    ]
    add_terms(alice, resumed_at, anchor=resumed_at)
    assert record(
        draft(alice, timestamp=paused_at - instant),
        draft(alice, timestamp=paused_at),
        draft(alice, timestamp=resumed_at - instant),
        draft(alice, timestamp=resumed_at),
    ) == [STORED, REJECTED[Reason.SUBSCRIPTION_PAUSED], REJECTED[Reason.SUBSCRIPTION_PAUSED], STORED]


def test_an_invoiced_period_takes_events_for_35_days_after_its_end(alice: Subscription) -> None:
    january, february = datetime(2025, 1, 31, 23, 59, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    last_moment = datetime(2025, 3, 8, tzinfo=UTC)  # 1 February and 35 days
    assert record(draft(alice, timestamp=january), now=last_moment) == [STORED]
    assert record(draft(alice, timestamp=january), now=last_moment + timedelta(microseconds=1)) == [
        REJECTED[Reason.TOO_LATE]
    ]
    assert record(draft(alice, timestamp=february), now=NOW) == [STORED]


def test_a_period_not_yet_invoiced_takes_events_however_old(alice: Subscription) -> None:
    Subscription.objects.filter(id=alice.id).update(billed_to_at=None)
    assert record(draft(alice, timestamp=START), now=NOW + timedelta(days=300)) == [STORED]


def test_late_days_are_a_setting(alice: Subscription, settings: Any) -> None:
    settings.USAGE_LATE_DAYS = 60
    assert record(draft(alice, timestamp=START)) == [STORED]
    settings.USAGE_LATE_DAYS = 0
    assert record(draft(alice, timestamp=START)) == [REJECTED[Reason.TOO_LATE]]


def test_a_duplicate_is_recognised_however_old_it_is(alice: Subscription) -> None:
    old = draft(alice, "old", timestamp=START)
    long_after = NOW + timedelta(days=400)
    assert record(old, now=START + timedelta(days=1)) == [STORED]
    assert record(old, now=long_after) == [DUPLICATE]
    assert record(draft(alice, "old", timestamp=START, value=Decimal(2)), now=long_after) == [CONFLICT]
    assert record(draft(alice, "other", timestamp=START), now=long_after) == [REJECTED[Reason.TOO_LATE]]


def test_an_event_refused_first_and_accepted_later_in_a_batch_is_told_apart(alice: Subscription) -> None:
    refused, accepted = draft(alice, "one", timestamp=START), draft(alice, "one")
    assert record(refused, accepted, refused) == [REJECTED[Reason.TOO_LATE], STORED, CONFLICT]


def test_a_usage_price_with_a_shorter_interval_has_periods_of_its_own() -> None:
    metric = make_metric("calls")
    make_metric("bytes")
    yearly = make_subscription(interval="year", billed_to_at=MARCH)
    add_usage_item(yearly, metric, interval="month")
    january = datetime(2025, 1, 15, tzinfo=UTC)
    # Calls of January were invoiced on 1 February; bytes belong to the running year, which no invoice has closed.
    assert record(draft(yearly, timestamp=january), draft(yearly, timestamp=january, code="bytes")) == [
        REJECTED[Reason.TOO_LATE],
        STORED,
    ]


def test_customers_on_a_test_clock_live_by_it() -> None:
    make_metric("calls")
    clock = TestClock.objects.create(now_at=APRIL + timedelta(days=400), created_at=NOW)
    subscription = make_subscription(make_customer("Charlie", clock))
    Subscription.objects.filter(id=subscription.id).update(billed_to_at=APRIL)
    ahead = clock.now_at + timedelta(minutes=6)
    assert record(
        draft(subscription, "default", timestamp=None),
        draft(subscription, timestamp=clock.now_at + timedelta(minutes=5)),
        draft(subscription, timestamp=ahead),
        draft(subscription, timestamp=NOW),
    ) == [STORED, STORED, REJECTED[Reason.TIMESTAMP_AHEAD], REJECTED[Reason.TOO_LATE]]
    stored = UsageEvent.objects.get(event_id="default")
    assert (stored.timestamp, stored.received_at) == (clock.now_at, NOW)


def test_a_trial_takes_events_until_35_days_after_its_end() -> None:
    make_metric("calls")
    trial = make_subscription(billed_to_at=None, phase="trial")
    assert record(draft(trial)) == [STORED]
    add_terms(trial, MARCH, "paid", anchor=MARCH)
    Subscription.objects.filter(id=trial.id).update(billed_to_at=MARCH)
    assert record(draft(trial, timestamp=START), now=MARCH + timedelta(days=35)) == [STORED]
    assert record(draft(trial, timestamp=START), now=MARCH + timedelta(days=36)) == [REJECTED[Reason.TOO_LATE]]


def test_a_subscription_without_terms_takes_nothing() -> None:
    make_metric("calls")
    assert record(draft(make_subscription(phase=None))) == [REJECTED[Reason.OUTSIDE_SUBSCRIPTION]]


def test_one_event_follows_the_rules_of_a_batch(alice: Subscription) -> None:
    one = draft(alice, "one")
    assert record_event(one, now=NOW) == STORED
    assert record_event(one, now=NOW) == DUPLICATE
    assert record_event(draft(alice, "one", value=Decimal(2)), now=NOW) == CONFLICT


def test_the_number_of_statements_does_not_grow_with_the_batch(
    alice: Subscription, django_assert_num_queries: Any
) -> None:
    others = [make_subscription(make_customer(f"customer {number}"), alice.plan) for number in range(20)]
    # What is known, savepoint, COPY, who of them is busy, release.
    with django_assert_num_queries(5):
        assert set(record(*[draft(one) for one in others for _ in range(20)])) == {STORED}


def test_nothing_recorded_is_no_question_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert record() == []


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_somebody_else_is_refused() -> None:
    make_metric("calls")
    make_plan()
    subscription = make_subscription()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        record(draft(subscription))


def test_a_moment_with_an_offset_in_seconds_is_stored_exactly(alice: Subscription) -> None:
    """As Berlin had before 1893: 53 minutes and 28 seconds."""
    moment = datetime(2025, 3, 20, 10, 30, 15, 250_001, timezone(timedelta(minutes=53, seconds=28)))
    assert record(draft(alice, timestamp=moment)) == [STORED]
    assert UsageEvent.objects.get().timestamp == datetime(2025, 3, 20, 9, 36, 47, 250_001, tzinfo=UTC)


def test_the_order_of_insertion_follows_the_partitions(alice: Subscription) -> None:
    """COPY buffers rows by partition: were the number wrong, overlapping batches could wait in a circle."""
    subscriptions = [make_subscription(make_customer(str(number)), alice.plan) for number in range(70)]
    record(*[draft(one) for one in subscriptions])
    with connection.cursor() as cursor:
        cursor.execute("SELECT subscription_id, tableoid::regclass::text FROM usage_event")
        partitions = dict(cursor.fetchall())
    in_order = [partitions[uuid.UUID(int=key)] for key in find_known(partitions, (), now=NOW).lives]
    assert in_order == sorted(partitions.values())
    assert len(set(in_order)) > 20


def test_nothing_is_accepted_after_a_scheduled_end_though_the_run_is_late(alice: Subscription) -> None:
    """It is to end on 20 March at 11:00; at noon no run has been there yet."""
    Subscription.objects.update(status="pending_cancel", cancel_at=NOW - timedelta(hours=1))
    before, after = NOW - timedelta(minutes=61), NOW - timedelta(minutes=60)
    assert record(draft(alice, "before", timestamp=before), draft(alice, "after", timestamp=after)) == [
        STORED,
        REJECTED[Reason.OUTSIDE_SUBSCRIPTION],
    ]
