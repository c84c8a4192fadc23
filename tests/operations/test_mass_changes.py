"""One change for many subscriptions: whom it is about, what each gets, and that it is made once."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing import tasks
from billing.models import MassChange, MassChangePart
from billing.operations import lifecycle, mass_changes, plan_changes
from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelCommand, CancelWhen
from billing.queries.mass_changes import Estimate, MassWanted, estimate
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict, Invalid
from core.faults import InjectedFault
from core.models import OutboxEvent, TestClock
from core.operations import SYSTEM
from customers.models import Brand, Customer
from invoicing.models import Invoice
from subscriptions.domain.change import monthly_amount
from subscriptions.models import Subscription
from subscriptions.queries.terms import list_agreements
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db
DATE = at("2026-06-16")


class World:
    """A small plan by month, year and week, and a bigger one that takes its place."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.month, self.year = company.price(unit_price=3000), company.price(unit_price=30000, interval="year")
        self.week = company.price(unit_price=1000, interval="week")
        self.small = company.plan("Small", self.month, self.year, self.week, per_seat=True)
        self.big_month, self.big_year = company.price(unit_price=4500), company.price(unit_price=42000, interval="year")
        self.big = company.plan("Big", self.big_month, self.big_year, per_seat=True)

    def start(self, name: str, price: Any = None, *, seats: int = 1, **values: Any) -> Subscription:
        customer = self.company.customer(name, **values)
        return self.company.start(customer, self.small, price or self.month, now=at("2026-06-01"), seats=seats)

    def schedule(self, moment: datetime = DATE, **wanted: Any) -> MassChange:
        if not wanted:
            wanted = {"plan_id": self.small.id, "new_plan_id": self.big.id}
        return mass_changes.schedule_mass_change(
            wanted=MassWanted(**wanted), due_at=moment, now=at("2026-06-01"), actor=SYSTEM
        )

    def estimate(self, **wanted: Any) -> Estimate:
        if not wanted:
            wanted = {"plan_id": self.small.id, "new_plan_id": self.big.id}
        return estimate(MassWanted(**wanted), at("2026-06-16"))


@pytest.fixture
def world() -> World:
    return World(make_company())


def outcomes() -> dict[str, str]:
    parts = MassChangePart.objects.values_list("subscription__customer__name", "outcome")
    return dict(parts)


def plan_of(subscription: Subscription) -> str:
    return str(Subscription.objects.select_related("plan").get(id=subscription.id).plan.name)


def monthly_revenue() -> Fraction:
    held = [
        one.items[0].versions[-1] for one in list_agreements(list(Subscription.objects.values_list("id", flat=True)))
    ]
    return sum((monthly_amount(one.price, one.quantity) for one in held), Fraction(0))


class TestWhom:
    def test_each_gets_the_price_of_its_currency_and_interval(self, world: World) -> None:
        alice, bob = world.start("Alice", seats=3), world.start("Bob", world.year)
        world.schedule()
        mass_changes.run_due(DATE)
        assert [plan_of(one) for one in (alice, bob)] == ["Big", "Big"]
        totals = {one.customer.name: one.total_minor for one in Invoice.objects.exclude(total_minor__in=[9000, 30000])}
        # 3 x (4500 - 3000) x 15/30; (42000 - 30000) x 350/365 in two rounded lines: 40274 - 28767.
        assert totals == {"Alice": 2250, "Bob": 11507}
        assert check_books(now=DATE) == ()

    def test_filters_are_combined(self, world: World) -> None:
        other = Brand.objects.create(
            code="other", name="Other", country="DE", created_at=at("2026-01-01"), updated_at=at("2026-01-01")
        )
        world.start("Alice", country="FR")
        world.start("Bob", country="DE")
        world.start("Charlie", country="FR", brand=other)
        world.start("Dora", world.year, country="FR")
        world.schedule(country="FR", price_id=world.month.id, brand_id=world.company.brand.id, new_plan_id=world.big.id)
        mass_changes.run_due(DATE)
        assert outcomes() == {"Alice": "done"}

    def test_who_came_later_takes_part_and_who_has_it_does_not(self, world: World) -> None:
        alice = world.start("Alice")
        world.schedule(brand_id=world.company.brand.id, new_plan_id=world.big.id, new_price_id=world.big_month.id)
        plan_changes.change_plan(
            subscription_id=alice.id,
            command=plan_changes.PlanCommand(world.big_month.id, world.big.id),
            now=at("2026-06-02"),
        )
        world.start("Bob")
        mass_changes.run_due(DATE)
        assert outcomes() == {"Bob": "done"}

    def test_the_wall_leaves_customers_of_a_test_clock_alone(self, world: World) -> None:
        clock = TestClock.objects.create(now_at=at("2026-06-01"), created_at=at("2026-06-01"))
        alice = world.start("Alice", test_clock=clock)
        world.schedule()
        mass_changes.run_due(DATE)
        assert (outcomes(), plan_of(alice)) == ({}, "Small")
        mine = world.schedule(plan_id=world.small.id, new_plan_id=world.big.id, test_clock_id=clock.id)
        advance_clock(clock_id=clock.id, to_at=at("2026-07-02"), now=at("2030-01-01"))
        mine.refresh_from_db()
        assert (mine.status, mine.started_at, mine.completed_at) == ("completed", DATE, DATE)
        assert (outcomes(), plan_of(alice)) == ({"Alice": "done"}, "Big")
        assert list(Invoice.objects.order_by("sequence").values_list("total_minor", flat=True)) == [3000, 750, 4500]


class TestOutcomes:
    def test_a_failing_one_is_recorded_and_stops_no_other(self, world: World) -> None:
        """The new plan has no weekly price, Dora is paused, Eve was cancelled after it began."""
        alice, bob = world.start("Alice", world.week), world.start("Bob")
        dora, eve = world.start("Dora"), world.start("Eve")
        lifecycle.pause_subscription(subscription_id=dora.id, now=at("2026-06-02"))
        lifecycle.cancel_subscription(
            subscription_id=eve.id,
            command=CancelCommand(CancelWhen.SPECIFIC_DATE, at=at("2026-06-10")),
            now=at("2026-06-02"),
        )
        made = world.schedule()
        assert mass_changes.run_due(DATE) == 4
        assert outcomes() == {"Alice": "failed", "Bob": "done", "Dora": "failed", "Eve": "skipped"}
        reasons = dict(MassChangePart.objects.exclude(reason="").values_list("subscription_id", "reason"))
        assert reasons[alice.id] == "The new plan has no public price in EUR every 1 week."
        assert reasons[dora.id] == "The subscription is paused."
        assert (plan_of(alice), plan_of(bob), plan_of(eve)) == ("Small", "Big", "Small")
        made.refresh_from_db()
        assert (made.status, made.completed_at) == ("completed", DATE)
        told = OutboxEvent.objects.get(type="mass_change.completed")
        assert (told.object_id, told.payload) == (made.id, {"done": 1, "failed": 2, "skipped": 1})

    def test_what_the_database_refuses_at_the_end_is_one_failure(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, bob = world.start("Alice"), world.start("Bob")
        real = plan_changes.change_plan

        def spoilt(*, subscription_id: Any, **values: Any) -> Any:
            made = real(subscription_id=subscription_id, **values)
            if subscription_id == alice.id:
                # A broken foreign key is found when constraints are checked, which is at the commit.
                Customer.objects.filter(id=alice.customer_id).update(brand_id="01890a5d-ac96-774b-bcce-b302099a8057")
            return made

        monkeypatch.setattr(plan_changes, "change_plan", spoilt)
        world.schedule()
        mass_changes.run_due(DATE)
        assert outcomes() == {"Alice": "failed", "Bob": "done"}
        assert (plan_of(alice), plan_of(bob)) == ("Small", "Big")
        assert check_books(now=DATE) == ()

    def test_cancelled_ones_take_no_part(self, world: World) -> None:
        alice = world.start("Alice")
        world.schedule()
        lifecycle.cancel_subscription(
            subscription_id=alice.id, command=CancelCommand(CancelWhen.INSTANTLY), now=at("2026-06-02")
        )
        mass_changes.run_due(DATE)
        assert (outcomes(), MassChange.objects.get().status) == ({}, "completed")


class TestOnce:
    def test_before_its_moment_nothing_happens(self, world: World) -> None:
        alice = world.start("Alice")
        world.schedule()
        assert mass_changes.run_due(at("2026-06-15 23:59")) == 0
        assert (plan_of(alice), MassChange.objects.get().status) == ("Small", "scheduled")

    def test_after_downtime_it_runs_once(self, world: World) -> None:
        """Back on 10 July: June's renewal is billed at the old price first, then the change from then on."""
        alice = world.start("Alice")
        world.schedule()
        for _ in range(3):
            mass_changes.run_due(at("2026-07-11"))
            run_billing(Scope(as_of=at("2026-07-11"), now=at("2026-07-11")))
        totals = list(Invoice.objects.order_by("sequence").values_list("total_minor", flat=True))
        # 1500 x 21/31 in two lines: 3048 - 2032.
        assert (totals, plan_of(alice)) == ([3000, 3000, 1016], "Big")
        assert OutboxEvent.objects.filter(type="mass_change.completed").count() == 1

    @pytest.mark.parametrize("point", ["mass_change.begun", "mass_change.settled"])
    def test_stopped_on_the_way_it_goes_on(self, world: World, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        started = [world.start(name) for name in ("Alice", "Bob", "Charlie")]
        made = world.schedule()
        monkeypatch.setenv("RECKONER_FAULT", f"{point}:raise")
        with pytest.raises(InjectedFault):
            mass_changes.run_due(DATE)
        monkeypatch.delenv("RECKONER_FAULT")
        made.refresh_from_db()
        assert (made.status, plan_of(started[0])) == ("scheduled" if point.endswith("begun") else "running", "Small")
        mass_changes.run_due(DATE)
        assert set(outcomes().values()) == {"done"}
        assert Invoice.objects.filter(total_minor=750).count() == 3
        assert check_books(now=DATE) == ()

    def test_a_sweep_does_a_part_and_the_next_the_rest(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("Alice", "Bob", "Charlie"):
            world.start(name)
        made = world.schedule()
        monkeypatch.setattr(tasks, "MASS_CHANGES_A_SWEEP", 2)
        monkeypatch.setattr(tasks, "wall_now", lambda: DATE)
        tasks.sweep()
        made.refresh_from_db()
        assert (made.status, sorted(outcomes().values())) == ("running", ["done", "done", "waiting"])
        tasks.sweep()
        made.refresh_from_db()
        assert (made.status, set(outcomes().values())) == ("completed", {"done"})

    def test_called_off_it_never_runs(self, world: World) -> None:
        alice = world.start("Alice")
        made = world.schedule()
        mass_changes.cancel_mass_change(mass_change_id=made.id, now=at("2026-06-02"), actor=SYSTEM)
        assert (mass_changes.run_due(DATE), plan_of(alice)) == (0, "Small")
        with pytest.raises(Conflict):
            mass_changes.cancel_mass_change(mass_change_id=made.id, now=at("2026-06-02"), actor=SYSTEM)

    def test_once_begun_it_is_not_called_off(self, world: World) -> None:
        made = world.schedule()
        mass_changes.run_due(DATE)
        with pytest.raises(Conflict):
            mass_changes.cancel_mass_change(mass_change_id=made.id, now=DATE, actor=SYSTEM)


class TestEstimate:
    def test_it_is_the_difference_of_monthly_revenue(self, world: World) -> None:
        """3000 -> 4500 with 3 seats, 30000 -> 42000 a year: 9000 + 2500 -> 13500 + 3500."""
        world.start("Alice", seats=3)
        world.start("Bob", world.year)
        told = world.estimate()
        assert [(one.currency, one.monthly_before, one.monthly_after, one.monthly_change) for one in told.changes] == [
            ("EUR", 11500, 17000, 5500)
        ]
        before = monthly_revenue()
        world.schedule()
        mass_changes.run_due(DATE)
        assert monthly_revenue() - before == told.changes[0].monthly_change

    def test_who_could_not_take_it_is_counted_by_reason(self, world: World) -> None:
        world.start("Alice", world.week)
        world.start("Bob")
        told = world.estimate()
        assert told.impossible == (("The new plan has no public price in EUR every 1 week.", 1),)
        assert (told.subscriptions, told.changes[0].monthly_change) == (2, 1500)
        assert not MassChangePart.objects.exists()

    def test_a_new_price_of_another_currency_fits_nobody(self, world: World) -> None:
        dollars = world.company.price(currency="USD", unit_price=Decimal(5000))
        world.small.prices.add(dollars)
        world.start("Alice")
        wanted = {"plan_id": world.small.id, "new_price_id": dollars.id}
        assert (world.estimate(**wanted).changes, len(world.estimate(**wanted).impossible)) == ((), 1)
        world.schedule(**wanted)
        mass_changes.run_due(DATE)
        assert outcomes() == {"Alice": "failed"}

    def test_a_trial_counts_once_it_pays(self, world: World) -> None:
        trial = world.company.plan("Trial", world.month, has_trial=True, trial_length_days=30)
        world.company.start(world.company.customer("Alice"), trial, world.month, now=at("2026-06-10"))
        told = world.estimate(plan_id=trial.id, new_plan_id=world.big.id)
        assert (told.subscriptions, [one.monthly_change for one in told.changes]) == (1, [0])


class TestRefusals:
    def test_words_for_each(self, world: World) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"new_plan_id": world.big.id}, "plan"),
            ({"plan_id": world.small.id}, "new_plan"),
            ({"plan_id": world.small.id, "new_price_id": world.big_month.id}, "new_price"),
            ({"country": "DE", "new_plan_id": world.big.id, "new_price_id": world.month.id}, "new_price"),
        ]
        for wanted, field in cases:
            with pytest.raises(Invalid) as caught:
                world.schedule(**wanted)
            assert set(caught.value.fields) == {field}
        with pytest.raises(Invalid) as caught:
            world.schedule(at("2026-06-01"))
        assert set(caught.value.fields) == {"date"}

    def test_the_database_holds_it_too(self, world: World) -> None:
        world.start("Alice")
        made = world.schedule()
        refused: list[dict[str, Any]] = [
            {"country": "FR"},
            {"due_at": at("2026-06-20")},
            {"status": "completed"},
            {"new_plan_id": None},
        ]
        for values in refused:
            with pytest.raises(IntegrityError), transaction.atomic():
                MassChange.objects.filter(id=made.id).update(**values)
        mass_changes.run_due(DATE)
        for row in (MassChange.objects.get(), MassChangePart.objects.get()):
            with pytest.raises(IntegrityError), transaction.atomic():
                row.delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            MassChangePart.objects.update(outcome="waiting", settled_at=None)
        with pytest.raises(IntegrityError), transaction.atomic():
            MassChange.objects.update(status="running", completed_at=None)
