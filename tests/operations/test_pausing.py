"""A subscription that is paused and resumed."""

import pytest

from billing.operations import lifecycle
from billing.operations.doctor import check_books
from billing.operations.plan_changes import Timing, When
from core.errors import Conflict
from subscriptions.models import PendingChange
from tests.cast import Company, at, make_company
from tests.changing_cast import NEXT, World, credits, run, totals

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def world(company: Company) -> World:
    return World(company)


class TestPause:
    def test_shift(self, world: World) -> None:
        lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        run("2026-07-01")
        assert (totals(), world.fresh().status, world.due()) == ([3000], "paused", None)
        lifecycle.resume_subscription(subscription_id=world.subscription.id, now=at("2026-07-11"))
        assert (world.due(), world.fresh().current_period_end) == (at("2026-07-31"), at("2026-07-31"))
        run("2026-07-31")
        assert totals() == [3000, 3000]
        assert check_books(now=at("2026-07-31")) == ()

    def test_keep(self, world: World) -> None:
        lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        lifecycle.resume_subscription(subscription_id=world.subscription.id, policy="keep", now=at("2026-06-26"))
        assert (totals(), credits(), world.due()) == ([3000], [1500], at("2026-07-01"))
        run("2026-07-01")
        assert check_books(now=at("2026-07-01")) == ()

    def test_what_waits_for_the_next_cycle_waits_for_its_new_end(self, world: World) -> None:
        world.to(world.big, "2026-06-05", NEXT)
        lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        lifecycle.resume_subscription(subscription_id=world.subscription.id, now=at("2026-06-21"))
        assert PendingChange.objects.get().due_at == at("2026-07-11")
        run("2026-07-11")
        assert totals() == [3000, 4500]

    def test_what_came_due_in_the_pause_is_made_when_it_resumes(self, world: World) -> None:
        world.to(world.big, "2026-06-05", Timing(When.SPECIFIC_DATE, at("2026-06-13")))
        lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        run("2026-06-20")
        lifecycle.resume_subscription(subscription_id=world.subscription.id, policy="keep", now=at("2026-06-21"))
        assert PendingChange.objects.get().outcome == "applied"
        assert sum(totals()) - sum(credits()) == 3000 - 1000 - 1000 + 1500

    def test_only_what_runs_is_paused(self, world: World) -> None:
        with pytest.raises(Conflict):
            lifecycle.resume_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-11"))
        with pytest.raises(Conflict):
            lifecycle.pause_subscription(subscription_id=world.subscription.id, now=at("2026-06-12"))
