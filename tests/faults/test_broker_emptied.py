"""The broker loses everything it holds, again and again: the rows carry the work to the same end."""

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from celery.beat import Scheduler
from django.conf import settings

from billing import tasks
from billing.operations import charging
from config import services
from config.celery import app
from core.redis_client import redis_client
from tests.faults.run_company import AS_OF
from tests.faults.run_picture import assert_same, differences, picture
from tests.faults.run_stage import Stage, expire_leases, the_stage
from tests.forked import killed_at

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

BEATS = 4
QUEUE = "celery"


class Broker:
    """The real broker, in the tests' own database of it, with a scheduler that sends to it as beat does."""

    def __init__(self) -> None:
        self._server = redis_client()
        self._scheduler = Scheduler(app)

    def beat(self) -> None:
        """Send what the scheduler sends, over the connection that it keeps."""
        for name, entry in self._scheduler.schedule.items():
            if name in settings.CELERY_BEAT_SCHEDULE:
                self._scheduler.apply_async(entry, producer=self._scheduler.producer, advance=False)

    def count_waiting(self) -> int:
        """Return how many hints wait for a worker."""
        waiting: int = self._server.llen(QUEUE)
        return waiting

    def empty(self) -> None:
        """Forget everything: hints, what workers hold, how to route. FLUSHALL, but for the other tests' databases."""
        self._server.flushdb()

    def work_off(self) -> int:
        """Handle hints, with those that they send, until none waits; return how many there were."""
        handled = 0
        with app.connection_for_read() as connection, connection.SimpleQueue(QUEUE) as waiting:
            while True:
                try:
                    message = waiting.get(block=False)
                except queue.Empty:
                    return handled
                app.tasks[message.headers["task"]]()
                # As the settings say: not before it is done.
                message.ack()
                handled += 1


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    monkeypatch.setattr(services, "redis_url", lambda: settings.REDIS_URL)
    monkeypatch.setattr(app.conf, "broker_url", services.broker_url())
    app.close()
    # Tasks send others over connections that are kept: those of a test before lead to its broker in memory.
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    # What a worker does at its start.
    app.loader.import_default_modules()
    broker = Broker()
    broker.empty()
    yield broker
    broker.empty()
    app.close()


@pytest.fixture
def stage(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(tasks, "wall_now", lambda: AS_OF)
    return the_stage()


def finish(broker: Broker) -> None:
    """Go on as an undisturbed instance does."""
    for _ in range(BEATS):
        broker.beat()
        broker.work_off()
        # Time passes between two beats.
        expire_leases()


def test_hints_come_through_the_broker(stage: Stage, broker: Broker) -> None:
    """The control: without a loss, hints that wait there do the work, and some send others."""
    with stage.due.copied():
        broker.beat()
        sent = broker.count_waiting()
        assert sent == len(settings.CELERY_BEAT_SCHEDULE)
        assert broker.work_off() > sent
        finish(broker)
        assert_same(stage.wanted, told="hints that came through")


def test_emptied_while_every_hint_waits(stage: Stage, broker: Broker) -> None:
    with stage.due.copied():
        before = picture()
        for _ in range(3):
            broker.beat()
            assert broker.count_waiting() == len(settings.CELERY_BEAT_SCHEDULE)
            broker.empty()
            assert broker.work_off() == 0
        assert differences(picture(), before) == []
        finish(broker)
        assert_same(stage.wanted, told="three beats that were lost")


@pytest.mark.parametrize(("room", "step"), [(tasks, "bill_due"), (charging, "charge_due_everywhere")])
def test_emptied_while_a_worker_is_at_it(
    stage: Stage, broker: Broker, room: object, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the worker holds, and what waits behind it, is gone when its work is done and it says so."""
    lost: list[int] = []
    undisturbed = getattr(room, step)

    def disturbed(*arguments: Any, **options: Any) -> Any:
        result = undisturbed(*arguments, **options)
        if not lost:
            lost.append(broker.count_waiting())
            broker.empty()
        return result

    monkeypatch.setattr(room, step, disturbed)
    with stage.due.copied():
        # Twice, so that whatever is handled first something waits behind it.
        broker.beat()
        broker.beat()
        broker.work_off()
        assert lost[0] > 0
        finish(broker)
        assert_same(stage.wanted, told=f"a loss after {step}")


def test_emptied_when_a_worker_was_killed(stage: Stage, broker: Broker) -> None:
    """Neither the worker nor its hint comes back: the next beat's does what it left."""
    with stage.due.copied():
        killed_at("issuing.numbered", tasks.tick)
        broker.beat()
        broker.empty()
        finish(broker)
        assert_same(stage.wanted, told="a kill and a loss")
