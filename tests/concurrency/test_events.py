"""Overlapping batches from many clients at once: nothing doubled, nothing lost, nobody waits in a circle."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from random import Random

import pytest
from django.db import OperationalError, connection
from django.db.models import Count

from subscriptions.models import Subscription
from tests.usage_cast import NOW, draft, make_customer, make_metric, make_plan, make_subscription
from usage.domain.event import DUPLICATE, STORED, EventDraft, EventOutcome, Outcome, Reason
from usage.models import UsageEvent
from usage.operations import intake, record_event, record_events, together

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 8


@pytest.fixture
def subscriptions() -> list[Subscription]:
    make_metric("calls")
    plan = make_plan()
    return [make_subscription(make_customer(str(number)), plan) for number in range(12)]


@pytest.fixture
def unsorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Insert in the order of the batch: the control without which the test below would prove nothing."""
    sorted_rows = intake._Batch.rows

    def rows(batch: intake._Batch) -> list[intake._Row]:
        shuffled = list(sorted_rows(batch))
        order_of(id(batch)).shuffle(shuffled)
        return shuffled

    monkeypatch.setattr(intake._Batch, "rows", rows)


def order_of(client: int) -> Random:
    """Return what shuffles for a client, the same each time."""
    return Random(client)  # noqa: S311 - an order, not a secret


def overlapping_batches(subscriptions: list[Subscription], client: int) -> list[list[EventDraft]]:
    """Return batches over the same 400 events, in an order of the client's own."""
    order = order_of(client)
    events = [draft(one, f"event {number}") for one in subscriptions for number in range(35)]
    batches = []
    for _ in range(6):
        order.shuffle(events)
        batches.append(events[:250])
    return batches


def at_once(work: Callable[[int], list[EventOutcome]], clients: int = CLIENTS) -> list[EventOutcome]:
    """Run the work of all clients at the same moment, and return every outcome."""
    barrier = threading.Barrier(clients)

    def run(client: int) -> list[EventOutcome]:
        try:
            barrier.wait(30)
            return work(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        return [outcome for outcomes in pool.map(run, range(clients)) for outcome in outcomes]


def record_all(subscriptions: list[Subscription]) -> list[EventOutcome]:
    def work(client: int) -> list[EventOutcome]:
        batches = overlapping_batches(subscriptions, client)
        return [outcome for batch in batches for outcome in record_events(batch, now=NOW)]

    return at_once(work)


def test_overlapping_batches_in_any_order_store_each_event_once(subscriptions: list[Subscription]) -> None:
    outcomes = record_all(subscriptions)
    sent = {
        (event.subscription_id, event.event_id)
        for client in range(CLIENTS)
        for batch in overlapping_batches(subscriptions, client)
        for event in batch
    }
    stored = set(UsageEvent.objects.values_list("subscription_id", "event_id"))
    assert stored == sent
    assert Counter(outcomes) == {STORED: len(sent), DUPLICATE: CLIENTS * 6 * 250 - len(sent)}


@pytest.mark.usefixtures("unsorted")
def test_without_the_order_they_wait_in_a_circle(subscriptions: list[Subscription]) -> None:
    with pytest.raises(OperationalError, match="deadlock"):
        record_all(subscriptions)


def test_of_different_contents_under_one_id_exactly_one_is_stored(subscriptions: list[Subscription]) -> None:
    def work(client: int) -> list[EventOutcome]:
        batch = [draft(subscriptions[0], f"event {number}", value=Decimal(client)) for number in range(100)]
        return list(record_events(batch, now=NOW))

    outcomes = at_once(work)
    assert UsageEvent.objects.count() == 100
    assert Counter(outcome.reason or outcome.outcome for outcome in outcomes) == {
        Outcome.STORED: 100,
        Reason.EVENT_ID_CONFLICT: (CLIENTS - 1) * 100,
    }


def test_single_events_of_many_requests_are_stored_once_each(subscriptions: list[Subscription]) -> None:
    def work(client: int) -> list[EventOutcome]:
        order = order_of(client)
        # Ten events that everybody sends, ten of one's own.
        names = [f"shared {number}" for number in range(10)] + [f"{client} {number}" for number in range(10)]
        order.shuffle(names)
        return [record_event(draft(subscriptions[0], name), now=NOW) for name in names]

    outcomes = at_once(work, 16)
    assert Counter(outcomes) == {STORED: 10 + 16 * 10, DUPLICATE: 15 * 10}
    assert UsageEvent.objects.aggregate(count=Count("*"))["count"] == 170


def test_requests_that_wait_share_a_commit(subscriptions: list[Subscription], monkeypatch: pytest.MonkeyPatch) -> None:
    lots: list[int] = []
    all_wait = threading.Event()

    def slowly(drafts: list[EventDraft], **options: object) -> tuple[EventOutcome, ...]:
        lots.append(len(drafts))
        if len(lots) == 1:
            all_wait.wait(30)
        return record_events(drafts, now=NOW)

    monkeypatch.setattr(together, "record_unwatched", slowly)

    def work(client: int) -> list[EventOutcome]:
        if client == 0:
            while sum(lots[:1]) + len(together._writer._queue) < CLIENTS - 1:
                threading.Event().wait(0.01)
            all_wait.set()
            return []
        return [record_event(draft(subscriptions[client], "one"), now=NOW)]

    assert at_once(work) == [STORED] * (CLIENTS - 1)
    # Who came before the writer began is in the first lot, everybody else in the second.
    assert len(lots) <= 2
    assert sum(lots) == CLIENTS - 1


def test_a_failure_reaches_everybody_who_waited_and_nobody_after(
    subscriptions: list[Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(drafts: list[EventDraft], **options: object) -> tuple[EventOutcome, ...]:
        raise OperationalError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(together, "record_unwatched", fail)

        def work(client: int) -> list[EventOutcome]:
            with pytest.raises(OperationalError, match="the disk is full"):
                record_event(draft(subscriptions[client], "one"), now=NOW)
            return []

        at_once(work)
    assert record_event(draft(subscriptions[0], "one"), now=NOW) == STORED


def test_the_writer_ends_when_it_is_idle_and_begins_again(
    subscriptions: list[Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "IDLE_SECONDS", 0.05)
    assert record_event(draft(subscriptions[0], "one"), now=NOW) == STORED
    writer = together._writer._thread
    assert writer is not None
    writer.join(30)
    assert together._writer._thread is None
    assert record_event(draft(subscriptions[0], "two"), now=NOW) == STORED


def test_a_broken_connection_is_replaced(subscriptions: list[Subscription]) -> None:
    assert record_event(draft(subscriptions[0], "one"), now=NOW) == STORED
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(OperationalError):
        record_event(draft(subscriptions[0], "two"), now=NOW)
    assert record_event(draft(subscriptions[0], "two"), now=NOW) == STORED
