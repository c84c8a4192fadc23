"""Changes of plan, seats and add-ons, stored and billed (Billing rules, section 5)."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import PaymentAttempt
from billing.operations import charging, plan_changes
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelWhen, RefundType
from billing.operations.plan_changes import PlanCommand, Timing, When
from core.errors import Conflict, Invalid, NotFound
from invoicing.models import Invoice, InvoiceLine
from subscriptions.models import PendingChange, Subscription
from tests.cast import Company, at, make_company
from tests.changing_cast import NEXT, World, balance, credits, run, totals

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def world(company: Company) -> World:
    return World(company)


class TestInstant:
    def test_up_in_the_middle(self, world: World) -> None:
        world.to(world.big, "2026-06-16")
        assert totals() == [3000, 750]
        kinds = InvoiceLine.objects.filter(invoice__total_minor=750).order_by("position")
        assert list(kinds.values_list("kind", "amount_minor")) == [("credit", -1500), ("recurring", 2250)]
        run("2026-07-01")
        assert totals() == [3000, 750, 4500]
        run("2026-07-01")
        assert totals() == [3000, 750, 4500]
        assert check_books(now=at("2026-07-01")) == ()

    def test_down_lowers_the_open_invoice(self, world: World) -> None:
        world.to(world.big, "2026-06-01")
        world.to(world.small, "2026-06-16")
        assert credits() == [750]
        assert sum(one.amount_due_minor for one in Invoice.objects.all()) == 4500 - 750
        assert check_books(now=at("2026-07-01")) == ()

    def test_the_paid_part_goes_to_the_balance(self, company: Company) -> None:
        world = World(company, card=True)
        world.to(world.big, "2026-06-01")
        charging.charge_due(at("2026-06-01"))
        assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}
        world.to(world.small, "2026-06-01")
        assert (credits(), balance()) == ([1500], 1500)
        run("2026-07-01")
        assert Invoice.objects.order_by("sequence").last().amount_due_minor == 1500  # type: ignore[union-attr]
        assert check_books(now=at("2026-07-01")) == ()

    def test_another_plan_and_interval(self, world: World) -> None:
        world.to(world.yearly, "2026-06-08")
        assert totals() == [3000, 27700]
        assert (world.fresh().current_period_end, world.due()) == (at("2027-06-08"), at("2027-06-08"))

    def test_a_period_restarts_and_nothing_of_the_old_price_is_given_back(self, world: World) -> None:
        """By the policy `full`; the add-on beside it is not changed: 4500 + 1000 - 15 of 30 days of 1000."""
        plan_changes.add_item(
            subscription_id=world.subscription.id,
            price_id=world.company.price(unit_price=1000).id,
            quantity=1,
            now=at("2026-06-01"),
        )
        world.to(world.big, "2026-06-16", proration="full")
        assert totals()[-1] == 5000
        assert check_books(now=at("2026-06-16")) == ()

    def test_a_plan_without_seats_takes_one(self, world: World) -> None:
        plan_changes.change_seats(subscription_id=world.subscription.id, delta=4, now=at("2026-06-01"))
        world.to(world.other_price, "2026-06-16", plan_id=world.solo.id)
        assert world.fresh().plan_id == world.solo.id
        run("2026-07-01")
        assert check_books(now=at("2026-07-01")) == ()
        assert totals()[-1] == 6000 + 6000

    def test_what_is_due_is_billed_first(self, world: World) -> None:
        """The run of July is late: its renewal is billed at the old price, then the change."""
        world.to(world.big, "2026-07-16")
        assert totals() == [3000, 3000, 775]
        assert check_books(now=at("2026-07-16")) == ()

    def test_at_the_very_boundary_the_new_period_is_the_new_price(self, world: World) -> None:
        world.to(world.big, "2026-07-01")
        assert totals() == [3000, 4500]
        run("2026-07-01")
        assert totals() == [3000, 4500]
        assert check_books(now=at("2026-07-01")) == ()

    def test_ended_at_the_very_boundary_nothing_more_is_billed(self, world: World) -> None:
        world.cancel(CancelWhen.INSTANTLY, RefundType.NONE, "2026-07-01")
        run("2026-07-01")
        assert totals() == [3000]

    def test_undone_at_the_same_moment(self, world: World) -> None:
        world.to(world.big, "2026-06-16")
        world.to(world.small, "2026-06-16")
        assert sum(totals()) - sum(credits()) == 3000
        run("2026-07-01")
        assert sum(totals()) - sum(credits()) == 6000

    def test_a_card_is_charged_for_each(self, company: Company) -> None:
        world = World(company, card=True)
        world.to(world.big, "2026-06-01")
        world.to(world.yearly, "2026-06-01")
        charging.charge_due(at("2026-06-01"))
        assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}
        assert len(set(PaymentAttempt.objects.values_list("idempotency_key", flat=True))) == 3

    def test_preview_is_the_invoice(self, world: World) -> None:
        command = PlanCommand(world.big.id)
        shown = plan_changes.preview_plan(subscription_id=world.subscription.id, command=command, now=at("2026-06-16"))
        assert totals() == [3000]
        world.to(world.big, "2026-06-16")
        assert shown is not None
        assert [one.total_minor for one in shown.proposals] == [750]

    @pytest.mark.parametrize("case", ["foreign price", "other currency", "cancelled", "unknown"])
    def test_refusals(self, world: World, case: str) -> None:
        if case == "foreign price":
            with pytest.raises(Invalid) as caught:
                world.to(world.other_price, "2026-06-16")
            assert "price" in (caught.value.fields or {})
        if case == "other currency":
            dollars = world.company.price(currency="USD", unit_price=5000)
            world.team.prices.add(dollars)
            with pytest.raises(Invalid):
                world.to(dollars, "2026-06-16")
            with pytest.raises(Invalid):
                world.to(dollars, "2026-06-16", Timing(When.SPECIFIC_DATE, at("2026-06-20")))
        if case == "cancelled":
            world.cancel(CancelWhen.INSTANTLY, RefundType.NONE, "2026-06-16")
            with pytest.raises(Conflict):
                world.to(world.big, "2026-06-16")
        if case == "unknown":
            with pytest.raises(NotFound):
                plan_changes.change_plan(
                    subscription_id=world.alice.id, command=PlanCommand(world.big.id), now=at("2026-06-16")
                )
        assert totals() == [3000]


class TestLater:
    def test_with_the_next_cycle(self, world: World) -> None:
        world.to(world.big, "2026-06-16", NEXT)
        assert (totals(), world.due()) == ([3000], at("2026-07-01"))
        run("2026-07-01")
        assert totals() == [3000, 4500]
        assert PendingChange.objects.get().outcome == "applied"
        assert check_books(now=at("2026-07-01")) == ()

    def test_another_currency_with_the_next_cycle(self, world: World) -> None:
        dollars = world.company.price(currency="USD", unit_price=5000)
        world.team.prices.add(dollars)
        plan_changes.change_seats(subscription_id=world.subscription.id, delta=1, now=at("2026-06-16"))
        world.to(dollars, "2026-06-17", NEXT)
        run("2026-07-01")
        made = sorted(Invoice.objects.values_list("currency", "total_minor"))
        assert made == [("EUR", 1500), ("EUR", 3000), ("USD", 10000)]
        assert world.fresh().currency == "USD"

    def test_it_waits_for_the_end_of_a_period_that_restarts(self, world: World) -> None:
        """Two seats for 1 July; on 16 June the year begins: 30000 less 1500, and the seats come with the next year."""
        change = {"subscription_id": world.subscription.id, "seats": 3, "timing": NEXT, "now": at("2026-06-05")}
        plan_changes.change_seats(**change)
        world.to(world.yearly, "2026-06-16")
        waiting = PendingChange.objects.get(settled_at__isnull=True)
        assert (waiting.due_at, world.due()) == (at("2027-06-16"), at("2027-06-16"))
        run("2026-07-01")
        assert totals() == [3000, 28500]
        run("2027-06-16")
        assert sorted(totals()) == [3000, 28500, 90000]
        assert check_books(now=at("2027-06-16")) == ()

    def test_what_waits_moves_with_a_change_that_comes_on_its_date(self, world: World) -> None:
        """The run is late: the year begins on 16 June before the seats, which do not come on 1 July."""
        plan_changes.change_seats(subscription_id=world.subscription.id, seats=3, timing=NEXT, now=at("2026-06-05"))
        world.to(world.yearly, "2026-06-06", Timing(When.SPECIFIC_DATE, at("2026-06-16")))
        run("2026-07-05")
        assert (totals(), world.due()) == ([3000, 28500], at("2027-06-16"))
        assert PendingChange.objects.get(settled_at__isnull=True).due_at == at("2027-06-16")

    def test_on_a_date(self, world: World) -> None:
        world.to(world.big, "2026-06-02", Timing(When.SPECIFIC_DATE, at("2026-06-16")))
        assert world.due() == at("2026-06-16")
        run("2026-06-16")
        assert totals() == [3000, 750]
        with pytest.raises(Invalid):
            world.to(world.small, "2026-06-16", Timing(When.SPECIFIC_DATE, at("2026-06-16")))

    def test_a_newer_one_replaces_it_and_an_instant_one_drops_it(self, world: World) -> None:
        world.to(world.big, "2026-06-02", NEXT)
        world.to(world.yearly, "2026-06-03", NEXT)
        assert PendingChange.objects.filter(settled_at__isnull=True).count() == 1
        world.to(world.big, "2026-06-16")
        run("2026-07-01")
        assert totals() == [3000, 750, 4500]
        assert sorted(PendingChange.objects.values_list("outcome", flat=True)) == ["replaced", "replaced"]

    def test_revoked(self, world: World) -> None:
        world.to(world.big, "2026-06-02", Timing(When.SPECIFIC_DATE, at("2026-06-16")))
        plan_changes.revoke_pending(subscription_id=world.subscription.id, now=at("2026-06-03"))
        assert world.due() == at("2026-07-01")
        run("2026-07-01")
        assert totals() == [3000, 3000]
        with pytest.raises(NotFound):
            plan_changes.revoke_pending(subscription_id=world.subscription.id, now=at("2026-06-03"))

    def test_after_downtime_each_in_its_turn(self, world: World) -> None:
        world.to(world.big, "2026-06-02", Timing(When.SPECIFIC_DATE, at("2026-06-16")))
        run("2026-08-10")
        assert totals() == [3000, 750, 4500, 4500]

    def test_seats_on_a_date(self, world: World) -> None:
        plan_changes.change_seats(
            subscription_id=world.subscription.id,
            delta=2,
            timing=Timing(When.SPECIFIC_DATE, at("2026-06-16")),
            now=at("2026-06-02"),
        )
        run("2026-06-16")
        run("2026-07-01")
        assert totals() == [3000, 3000 + 9000]


class TestSeats:
    def test_at_the_boundary_or_at_once(self, world: World) -> None:
        subscription_id = world.subscription.id
        plan_changes.change_seats(subscription_id=subscription_id, delta=1, now=at("2026-06-16"))
        assert totals() == [3000]
        plan_changes.change_seats(subscription_id=subscription_id, delta=1, invoice_now=True, now=at("2026-06-21"))
        assert totals() == [3000, 1500 + 1000]
        run("2026-07-01")
        assert totals() == [3000, 2500, 9000]
        assert check_books(now=at("2026-07-01")) == ()

    @pytest.mark.parametrize("delta", [-1, -24])
    def test_one_stays(self, world: World, delta: int) -> None:
        with pytest.raises(Invalid) as caught:
            plan_changes.change_seats(subscription_id=world.subscription.id, delta=delta, now=at("2026-06-16"))
        assert set(caught.value.fields or {}) == {"seats"}

    def test_only_where_the_plan_has_seats(self, world: World) -> None:
        world.to(world.other_price, "2026-06-01", plan_id=world.solo.id)
        with pytest.raises(Invalid):
            plan_changes.change_seats(subscription_id=world.subscription.id, delta=1, now=at("2026-06-16"))

    def test_preview_is_the_invoice(self, world: World) -> None:
        subscription_id = world.subscription.id
        shown = plan_changes.preview_seats(subscription_id=subscription_id, seats=3, now=at("2026-06-16"))
        plan_changes.change_seats(subscription_id=subscription_id, seats=3, invoice_now=True, now=at("2026-06-16"))
        assert shown is not None
        assert [one.total_minor for one in shown.proposals] == totals()[1:] == [3000]


class TestItems:
    def test_added_changed_and_ended(self, world: World) -> None:
        extra = world.company.price(unit_price=1000)
        subscription_id = world.subscription.id
        changed = plan_changes.add_item(
            subscription_id=subscription_id, price_id=extra.id, quantity=2, now=at("2026-06-16")
        )
        assert totals() == [3000, 1000]
        item_id = changed.agreement.items[1].item_id
        plan_changes.change_item(
            subscription_id=subscription_id, item_id=item_id, quantity=0, timing=NEXT, now=at("2026-06-17")
        )
        run("2026-07-01")
        assert totals() == [3000, 1000, 3000]
        assert check_books(now=at("2026-07-01")) == ()


class TestAtTheMomentThatWasBilled:
    """Clocks stand still: a change may come at the very instant of the last bill."""

    def test_an_item(self, world: World) -> None:
        extra, once = world.company.price(unit_price=1000), world.company.price(unit_price=500, interval="one_off")
        for price in (extra, once):
            plan_changes.add_item(
                subscription_id=world.subscription.id, price_id=price.id, quantity=1, now=at("2026-06-01")
            )
        assert totals() == [3000, 1000, 500]
        run("2026-07-01")
        assert totals() == [3000, 1000, 500, 4000]
        assert check_books(now=at("2026-07-01")) == ()

    def test_seats_added_and_taken_back(self, world: World) -> None:
        """2 for half of June are 3000; each that is taken back at once gives its 1500 back."""
        given_back: list[int] = []
        for delta in (2, -1, -1):
            plan_changes.change_seats(
                subscription_id=world.subscription.id, delta=delta, invoice_now=True, now=at("2026-06-16")
            )
            assert (totals(), credits()) == ([3000, 3000], given_back)
            given_back = [*given_back, 1500]
        run("2026-07-01")
        assert (totals(), credits()) == ([3000, 3000, 3000], [1500, 1500])
        lines = InvoiceLine.objects.filter(kind="seats").values_list("quantity", flat=True)
        assert list(lines) == [2]
        assert check_books(now=at("2026-07-01")) == ()

    @pytest.mark.parametrize(("refund", "given_back"), [(RefundType.NONE, []), (RefundType.PRORATE, [3000])])
    def test_the_end(self, world: World, refund: RefundType, given_back: list[int]) -> None:
        run("2026-07-01")
        world.cancel(CancelWhen.INSTANTLY, refund, "2026-07-01")
        assert (totals(), credits(), world.fresh().status) == ([3000, 3000], given_back, "cancelled")
        assert check_books(now=at("2026-07-01")) == ()

    def test_a_calendar_year_after_calendar_months(self, company: Company) -> None:
        """From 16 June: 1500 of June back, 199 of 365 days of 30000 are 16356."""
        world = World(company)
        company.start(world.alice, world.team, world.small, now=at("2026-06-01"), alignment="calendar")
        subscription = Subscription.objects.order_by("id").last()
        assert subscription is not None
        plan_changes.change_plan(
            subscription_id=subscription.id, command=PlanCommand(world.yearly.id), now=at("2026-06-16")
        )
        assert totals() == [3000, 3000, 16356 - 1500]


class TestGuards:
    """A pending change is a record: the database lets it be settled once, and nothing else."""

    @pytest.mark.parametrize("values", [{"quantity": 7}, {"kind": "seats", "quantity": 1}, {"actor": "somebody else"}])
    def test_it_never_becomes_another(self, world: World, values: dict[str, Any]) -> None:
        world.to(world.big, "2026-06-02", NEXT)
        with pytest.raises(IntegrityError, match="settled once"), transaction.atomic():
            PendingChange.objects.update(**values)
        PendingChange.objects.update(due_at=at("2026-07-02"))

    def test_it_is_settled_once(self, world: World) -> None:
        world.to(world.big, "2026-06-02", NEXT)
        plan_changes.revoke_pending(subscription_id=world.subscription.id, now=at("2026-06-03"))
        for values in ({"outcome": "applied"}, {"settled_at": None, "outcome": ""}, {"due_at": at("2026-08-01")}):
            with pytest.raises(IntegrityError, match="settled once"), transaction.atomic():
                PendingChange.objects.update(**values)
