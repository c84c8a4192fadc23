"""Several sweeps at once, and one killed on the way: every subscription of a mass change is changed once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from billing.models import MassChange, MassChangePart
from billing.operations import mass_changes
from billing.operations.doctor import check_books
from billing.queries.mass_changes import MassWanted
from core.models import OutboxEvent
from core.operations import SYSTEM
from invoicing.models import Invoice
from subscriptions.models import ItemTerms
from tests.cast import at, make_company
from tests.forked import KILLED, Worker

pytestmark = pytest.mark.django_db(transaction=True)
DATE = at("2026-06-16")
SIZE = 12
WORKERS = 4


@pytest.fixture
def scheduled() -> MassChange:
    company = make_company()
    small, big = company.price(unit_price=3000), company.price(unit_price=4500)
    plan = company.plan("Team", small, big)
    for number in range(SIZE):
        company.start(company.customer(f"C{number}"), plan, small, now=at("2026-06-01"))
    wanted = MassWanted(plan_id=plan.id, new_price_id=big.id)
    return mass_changes.schedule_mass_change(wanted=wanted, due_at=DATE, now=at("2026-06-01"), actor=SYSTEM)


def sweep() -> int:
    try:
        return mass_changes.run_due(DATE)
    finally:
        connection.close()


def sweep_together() -> list[int]:
    barrier = Barrier(WORKERS)

    def begin() -> int:
        barrier.wait()
        return sweep()

    with ThreadPoolExecutor(WORKERS) as pool:
        return [one.result() for one in [pool.submit(begin) for _ in range(WORKERS)]]


def assert_done_once(mass_change: MassChange) -> None:
    mass_change.refresh_from_db()
    assert mass_change.status == "completed"
    assert Counter(MassChangePart.objects.values_list("outcome", flat=True)) == {"done": SIZE}
    assert Counter(Invoice.objects.values_list("total_minor", flat=True)) == {3000: SIZE, 750: SIZE}
    assert ItemTerms.objects.filter(change="price").count() == SIZE
    assert OutboxEvent.objects.filter(type="mass_change.completed").count() == 1
    assert check_books(now=DATE) == ()


def test_together_they_change_each_subscription_once(scheduled: MassChange) -> None:
    settled = sweep_together()
    assert sum(settled) == SIZE
    assert_done_once(scheduled)


def test_without_the_claim_two_of_them_would_meet(scheduled: MassChange, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: whoever does not lock the row it takes is stopped by the database, which settles a row once."""
    mass_changes.run_due(at("2026-06-15"))

    def unlocked(mass_change_id: Any, postponed: Any) -> MassChangePart | None:
        waiting = MassChangePart.objects.filter(mass_change_id=mass_change_id, outcome="waiting")
        return waiting.exclude(id__in=postponed).order_by("id").first()

    monkeypatch.setattr(mass_changes, "_claim", unlocked)
    barrier = Barrier(WORKERS)

    def begin() -> str:
        barrier.wait()
        try:
            return str(sweep())
        except Exception as refused:
            return str(refused)

    with ThreadPoolExecutor(WORKERS) as pool:
        told = [one.result() for one in [pool.submit(begin) for _ in range(WORKERS)]]
    assert any("settled once" in one for one in told)


@pytest.mark.parametrize("point", ["mass_change.begun:kill@1", "mass_change.settled:kill@5"])
def test_killed_and_swept_together_it_goes_on(scheduled: MassChange, point: str) -> None:
    assert Worker(sweep, fault=point).end() == KILLED
    done = MassChangePart.objects.filter(outcome="done").count()
    assert done == (4 if "settled" in point else 0)
    assert sum(sweep_together()) == SIZE - done
    assert_done_once(scheduled)
