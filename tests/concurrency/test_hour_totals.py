"""Totals by the hour of busy subscriptions are exact at every moment: while events come, go, and are added up."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import IntegrityError, connection, transaction

from billing.operations.doctor import check_books
from subscriptions.models import Metric, Subscription
from tests.usage_cast import APRIL, MARCH, NOW, draft, make_customer, make_metric, make_plan, make_subscription
from usage.domain.aggregation import Aggregation, Meter, UsageFigure
from usage.domain.window import UsageWindow
from usage.models import BusySubscription, HourTotal, UsageEvent
from usage.operations import intake, record_events, totals
from usage.queries import busy, figures, list_usage_figures

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 4
BATCHES = 12
REMOVALS = 3
PATIENCE_SECONDS = 60


@pytest.fixture
def metric() -> Metric:
    return make_metric("calls")


@pytest.fixture
def alice(metric: Metric) -> Subscription:
    return make_subscription(make_customer("Alice"), make_plan())


def ask(alice: Subscription, metric: Metric, *, start_minutes: int = 17) -> dict[object, UsageFigure]:
    start = MARCH + timedelta(minutes=start_minutes)
    return list_usage_figures(
        [
            UsageWindow(kind, alice.id, metric.id, Meter(kind), start, APRIL - timedelta(minutes=7))
            for kind in (Aggregation.SUM, Aggregation.COUNT, Aggregation.MAX, Aggregation.LATEST)
        ]
    )


def ask_events_alone(alice: Subscription, metric: Metric) -> dict[object, UsageFigure]:
    """Ask the same without the totals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "_TOTALLED", frozenset())
        return ask(alice, metric)


def batch(alice: Subscription, chance: Random, name: str, size: int) -> list:
    """Return events all over March, some of them twice."""
    return [
        draft(
            alice,
            f"{name} {chance.randrange(size)}",
            value=Decimal(chance.randrange(-50, 1000)) / 8,
            timestamp=MARCH + timedelta(minutes=chance.randrange(19 * 24 * 60)),
        )
        for _ in range(size)
    ]


def keep(alice: Subscription) -> None:
    """Do what the sweep does about a subscription that has become busy."""
    totals.note_busy([alice.id], now=NOW)
    assert totals.wait_for_writers(30)
    totals.add_up(alice.id, now=NOW)


def totalled() -> bool:
    return BusySubscription.objects.exclude(totalled_at=None).exists()


@dataclass(slots=True)
class Traffic:
    """What happens at once to Alice's events, until it is over; each in a thread with a connection of its own."""

    alice: Subscription
    metric: Metric
    is_over: threading.Event = field(default_factory=threading.Event)
    had_totals: threading.Event = field(default_factory=threading.Event)
    """Somebody has asked with totals since events were taken away."""

    def write(self, number: int) -> None:
        """Send batches for COPY and, every other one, small enough for a single INSERT."""
        chance = Random(number)  # noqa: S311 - events, not secrets
        for turn in range(BATCHES):
            record_events(batch(self.alice, chance, f"{number} {turn}", 200 if turn % 2 else 20), now=NOW)
        connection.close()

    def sweep(self) -> None:
        """Note her, add up and merge again and again."""
        keep(self.alice)
        while not self.is_over.is_set():
            totals.keep_totals(now=NOW)
        connection.close()

    def archive(self) -> None:
        """Take the oldest events away whenever the totals are believed in."""
        for _ in range(REMOVALS):
            assert self.had_totals.wait(PATIENCE_SECONDS)
            oldest = UsageEvent.objects.order_by("timestamp").values_list("event_id", flat=True)[:5]
            UsageEvent.objects.filter(event_id__in=list(oldest)).delete()
            self.had_totals.clear()
        connection.close()

    def watch(self) -> None:
        """Compare the answer with that of the events alone, both as of one moment."""
        while not self.is_over.is_set():
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                had_totals = totalled()
                assert ask(self.alice, self.metric) == ask_events_alone(self.alice, self.metric)
            if had_totals:
                self.had_totals.set()
        connection.close()


def test_while_everything_happens_at_once(alice: Subscription, metric: Metric) -> None:
    traffic = Traffic(alice, metric)
    with ThreadPoolExecutor(WRITERS + 3) as pool:
        others = [pool.submit(one) for one in (traffic.sweep, traffic.watch)]
        finite = [pool.submit(traffic.write, number) for number in range(WRITERS)] + [pool.submit(traffic.archive)]
        try:
            for one in finite:
                one.result()
        finally:
            traffic.is_over.set()
        for one in others:
            one.result()
    totals.keep_totals(now=NOW)
    assert totalled()
    assert ask(alice, metric) == ask_events_alone(alice, metric)
    assert sum(HourTotal.objects.values_list("event_count", flat=True)) == UsageEvent.objects.count()


@contextmanager
def held_open(alice: Subscription) -> Iterator[threading.Event]:
    """Let somebody store an event of 7 and not commit before the event is set."""
    stored, may_commit = threading.Event(), threading.Event()
    drafts = [draft(alice, "held", value=Decimal(7))]

    def hold() -> None:
        try:
            with transaction.atomic():
                intake._insert_new(intake._Batch(drafts, intake._known(drafts, NOW)).rows(), NOW)
                stored.set()
                may_commit.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert stored.wait(30)
        yield may_commit
        may_commit.set()
        held.result()


def test_events_under_way_when_a_subscription_is_noted_are_waited_for(
    alice: Subscription, metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy, "list_busy", lambda: [alice.id])
    monkeypatch.setattr(totals, "LONGEST_WAIT_SECONDS", 0.2)
    with held_open(alice):
        totals.keep_totals(now=NOW)
        assert not totalled()
    totals.keep_totals(now=NOW)
    assert totalled()
    assert ask(alice, metric)[Aggregation.SUM].quantity == 7
    assert HourTotal.objects.get().event_count == 1


def test_control_without_waiting_such_an_event_is_lost_to_the_totals(alice: Subscription, metric: Metric) -> None:
    with held_open(alice):
        totals.note_busy([alice.id], now=NOW)
        totals.add_up(alice.id, now=NOW)
    assert ask(alice, metric)[Aggregation.SUM].quantity == 0
    assert ask_events_alone(alice, metric)[Aggregation.SUM].quantity == 7


@pytest.mark.parametrize("size", [3, 100])
def test_late_events_and_repetitions_after_it_is_added_up(alice: Subscription, metric: Metric, size: int) -> None:
    first = [draft(alice, f"first {number}", timestamp=MARCH + timedelta(hours=2)) for number in range(size)]
    record_events(first, now=NOW)
    keep(alice)
    late = [draft(alice, f"late {number}", timestamp=MARCH + timedelta(hours=2)) for number in range(size)]
    record_events(late + first, now=NOW)
    assert ask(alice, metric)[Aggregation.COUNT].event_count == 2 * size
    assert HourTotal.objects.count() == 2
    totals.merge_totals(alice.id)
    assert HourTotal.objects.get().event_count == 2 * size
    assert ask(alice, metric) == ask_events_alone(alice, metric)


def test_a_batch_that_fails_leaves_no_total(alice: Subscription, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(alice)

    def fail(*arguments: object) -> None:
        raise RuntimeError("after its totals")

    monkeypatch.setattr(intake._Batch, "settle", fail)
    with pytest.raises(RuntimeError, match="after its totals"):
        record_events([draft(alice, str(number)) for number in range(100)], now=NOW)
    assert not UsageEvent.objects.exists()
    assert not HourTotal.objects.exists()


def test_events_taken_away_withdraw_the_totals_until_they_are_added_up_again(
    alice: Subscription, metric: Metric
) -> None:
    record_events([draft(alice, str(number), value=Decimal(number)) for number in range(10)], now=NOW)
    keep(alice)
    UsageEvent.objects.filter(event_id="9").delete()
    assert not totalled()
    assert ask(alice, metric)[Aggregation.MAX].quantity == 8
    totals.keep_totals(now=NOW)
    assert totalled()
    assert ask(alice, metric)[Aggregation.MAX].quantity == 8
    assert HourTotal.objects.get().event_count == 9
    UsageEvent.objects.filter(event_id="8").update(value=Decimal(100))
    assert not totalled()
    assert ask(alice, metric)[Aggregation.MAX].quantity == 100


def test_the_statistics_name_the_busy(alice: Subscription, metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = make_subscription(make_customer("Bob"))
    record_events([draft(alice, str(number)) for number in range(300)], now=NOW)
    record_events([draft(bob, str(number)) for number in range(30)], now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_event")
    assert busy.list_busy() == []
    monkeypatch.setattr(busy, "BUSY_EVENTS", 200)
    assert busy.list_busy() == [alice.id]
    totals.keep_totals(now=NOW)
    assert totalled()


def test_a_total_lies_within_its_hour(alice: Subscription, metric: Metric) -> None:
    record_events([draft(alice, "one")], now=NOW)
    keep(alice)
    for change in ({"hour": NOW - timedelta(minutes=30)}, {"last_at": NOW + timedelta(hours=1)}, {"event_count": 0}):
        with pytest.raises(IntegrityError, match="hourtotal"):
            HourTotal.objects.update(**change)


def test_the_books_are_proved_against_the_events(alice: Subscription, metric: Metric) -> None:
    name = "the totals of busy subscriptions are the sums of their events"
    record_events([draft(alice, str(number)) for number in range(10)], now=NOW)
    keep(alice)
    record_events([draft(alice, "late")], now=NOW)
    assert name not in {breach.proof for breach in check_books(now=NOW)}
    HourTotal.objects.filter(event_count=1).delete()
    (breach,) = (one for one in check_books(now=NOW) if one.proof == name)
    assert (breach.object_id, "11 events of 11" in breach.detail, "10 of 10" in breach.detail) == (alice.id, True, True)
    BusySubscription.objects.update(totalled_at=None)
    assert name not in {breach.proof for breach in check_books(now=NOW)}
    totals.keep_totals(now=NOW)
    assert totalled()
    assert name not in {breach.proof for breach in check_books(now=NOW)}


def test_a_busy_subscription_is_known_among_many(alice: Subscription, metric: Metric) -> None:
    totals.note_busy([uuid.uuid4() for _ in range(150)], now=NOW)
    keep(alice)
    record_events([draft(alice, str(number)) for number in range(100)], now=NOW)
    assert HourTotal.objects.get().event_count == 100
    assert ask(alice, metric) == ask_events_alone(alice, metric)
