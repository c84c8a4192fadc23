"""A subscription that is cancelled: at once, at the end of its period, on a day; what is given back."""

from datetime import datetime

import pytest

from billing.models import Payment, Refund
from billing.operations import charging, lifecycle, plan_changes
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from core.errors import Conflict, Invalid
from invoicing.models import Invoice
from tests.cast import Company, at, make_company
from tests.changing_cast import World, balance, credits, run, totals

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def world(company: Company) -> World:
    return World(company)


class TestCancel:
    @pytest.mark.parametrize(
        ("when", "refund", "given_back"),
        [
            (CancelWhen.INSTANTLY, RefundType.NONE, 0),
            (CancelWhen.INSTANTLY, RefundType.PRORATE, 1500),
            (CancelWhen.INSTANTLY, RefundType.FULL, 3000),
            (CancelWhen.END_OF_RUN, RefundType.NONE, 0),
            (CancelWhen.END_OF_RUN, RefundType.PRORATE, 0),
            (CancelWhen.END_OF_RUN, RefundType.FULL, 3000),
            (CancelWhen.SPECIFIC_DATE, RefundType.NONE, 0),
            (CancelWhen.SPECIFIC_DATE, RefundType.PRORATE, 1000),
            (CancelWhen.SPECIFIC_DATE, RefundType.FULL, 3000),
        ],
    )
    @pytest.mark.parametrize("card", [False, True])
    def test_three_by_three(
        self, company: Company, when: CancelWhen, refund: RefundType, given_back: int, *, card: bool
    ) -> None:
        world = World(company, card=card)
        world.cancel(when, refund, "2026-06-16", at("2026-06-21") if when is CancelWhen.SPECIFIC_DATE else None)
        run("2026-06-21")
        run("2026-07-01")
        run("2026-09-01")
        subscription = world.fresh()
        assert (subscription.status, totals(), sum(credits())) == ("cancelled", [3000], given_back)
        ends = {CancelWhen.INSTANTLY: "2026-06-16", CancelWhen.END_OF_RUN: "2026-07-01"}
        assert subscription.ended_at == at(ends.get(when, "2026-06-21"))
        if card:
            assert sum(Refund.objects.values_list("amount_minor", flat=True)) == given_back
            assert balance() == 0
        else:
            assert Invoice.objects.get().amount_due_minor == 3000 - given_back
        assert check_books(now=at("2026-09-01")) == ()

    def test_what_the_balance_paid_returns_to_it(self, company: Company) -> None:
        world = World(company, card=True)
        world.to(world.big, "2026-06-01")
        charging.charge_due(at("2026-06-01"))
        world.to(world.small, "2026-06-01")
        assert balance() == 1500
        run("2026-07-01")
        charging.charge_due(at("2026-07-01"))
        world.cancel(CancelWhen.INSTANTLY, RefundType.FULL, "2026-07-02")
        assert (sum(Refund.objects.values_list("amount_minor", flat=True)), balance()) == (1500, 1500)
        assert check_books(now=at("2026-07-02")) == ()

    def test_a_prorated_refund_after_an_upgrade_goes_back_to_both_payments(self, company: Company) -> None:
        """30.00 paid; on 11 June -20.00 + 30.00, 10.00 paid; on the 16th 22.50 are unused: 10.00 of one, 12.50."""
        world = World(company, card=True)
        charging.charge_due(at("2026-06-01"))
        world.to(world.big, "2026-06-11")
        charging.charge_due(at("2026-06-11"))
        first, second = Invoice.objects.order_by("id")
        assert list(second.lines.values_list("gross_minor", "corrects_id")) == [(-2000, first.id), (3000, None)]
        world.cancel(CancelWhen.INSTANTLY, RefundType.PRORATE, "2026-06-16")
        refunded = Refund.objects.values_list("payment__invoice_id", "amount_minor")
        assert (dict(refunded), balance(), credits()) == ({second.id: 1000, first.id: 1250}, 0, [2250])
        assert check_books(now=at("2026-06-16")) == ()

    @pytest.mark.parametrize("card", [False, True])
    @pytest.mark.parametrize("grace_days", [0, 4])
    def test_a_full_refund_of_what_is_issued_with_the_end(self, *, card: bool, grace_days: int) -> None:
        """July was not billed yet, or waits as a draft: it is issued, given back, and nobody is charged for it."""
        world = World(make_company(grace_days=grace_days), card=card)
        charging.charge_due(at("2026-06-01"))
        if grace_days:
            run("2026-07-01")
        world.cancel(CancelWhen.INSTANTLY, RefundType.FULL, "2026-07-02")
        charging.charge_due(at("2026-07-02"))
        assert (totals(), credits(), balance()) == ([3000, 3000], [3000], 0)
        assert Invoice.objects.get(due_moment_at=at("2026-07-01")).amount_due_minor == 0
        assert list(Payment.objects.values_list("amount_minor", flat=True)) == ([3000] if card else [])
        assert check_books(now=at("2026-07-02")) == ()

    @pytest.mark.parametrize("card", [False, True])
    def test_a_full_refund_after_a_credit(self, company: Company, *, card: bool) -> None:
        """4500 less 750 that a change gave back."""
        world = World(company, card=card)
        world.to(world.big, "2026-06-01")
        charging.charge_due(at("2026-06-01"))
        world.to(world.small, "2026-06-16")
        world.cancel(CancelWhen.INSTANTLY, RefundType.FULL, "2026-06-21")
        assert (sum(totals()), sum(credits())) == (4500, 4500)
        assert sum(Invoice.objects.values_list("amount_due_minor", flat=True)) == 0
        refunded = sum(Refund.objects.values_list("amount_minor", flat=True))
        assert (refunded, balance()) == ((3750, 750) if card else (0, 0))
        assert check_books(now=at("2026-06-21")) == ()

    @pytest.mark.parametrize("card", [False, True])
    def test_a_full_refund_beside_a_credit_of_the_same_moment(self, company: Company, *, card: bool) -> None:
        """Four seats more, taken off after 10 days and not credited yet: 20/30 of 12000, and what is left of 15000."""
        world = World(company, card=card)
        seats = {"subscription_id": world.subscription.id, "now": at("2026-06-01")}
        plan_changes.change_seats(delta=4, invoice_now=True, **seats)
        charging.charge_due(at("2026-06-01"))
        plan_changes.change_seats(delta=-4, **{**seats, "now": at("2026-06-11")})
        world.cancel(CancelWhen.INSTANTLY, RefundType.FULL, "2026-06-16")
        assert (sum(totals()), sum(credits())) == (15000, 15000)
        refunded = sum(Refund.objects.values_list("amount_minor", flat=True))
        open_minor = sum(Invoice.objects.values_list("amount_due_minor", flat=True))
        assert (refunded + balance() if card else open_minor) == (15000 if card else 0)
        assert check_books(now=at("2026-06-16")) == ()

    def test_a_second_cancel_is_nothing(self, world: World) -> None:
        assert world.cancel(CancelWhen.END_OF_RUN, RefundType.NONE, "2026-06-16") is not None
        assert world.cancel(CancelWhen.END_OF_RUN, RefundType.FULL, "2026-06-17") is None
        assert world.fresh().cancel_refund == "none"
        world.cancel(CancelWhen.INSTANTLY, RefundType.NONE, "2026-06-18")
        assert world.cancel(CancelWhen.INSTANTLY, RefundType.FULL, "2026-06-19") is None

    @pytest.mark.parametrize("date", [None, at("2026-06-16"), at("2026-01-01")])
    def test_a_date_must_lie_ahead(self, world: World, date: datetime | None) -> None:
        with pytest.raises(Invalid) as caught:
            world.cancel(CancelWhen.SPECIFIC_DATE, RefundType.NONE, "2026-06-16", date)
        assert set(caught.value.fields or {}) == {"date"}

    def test_beyond_the_paid_period_it_renews_and_the_last_is_prorated(self, world: World) -> None:
        world.cancel(CancelWhen.SPECIFIC_DATE, RefundType.NONE, "2026-06-16", at("2026-08-11"))
        for moment in ("2026-07-01", "2026-08-01", "2026-08-11", "2026-09-01"):
            run(moment)
        assert (totals(), world.fresh().status) == ([3000, 3000, 968], "cancelled")
        assert check_books(now=at("2026-09-01")) == ()

    def test_undone(self, world: World) -> None:
        world.cancel(CancelWhen.SPECIFIC_DATE, RefundType.PRORATE, "2026-06-16", at("2026-07-11"))
        run("2026-07-01")
        assert totals() == [3000, 968]
        lifecycle.undo_cancel(subscription_id=world.subscription.id, now=at("2026-07-05"))
        assert (totals(), world.fresh().status, world.due()) == ([3000, 968, 2032], "active", at("2026-08-01"))
        run("2026-08-01")
        assert totals() == [3000, 968, 2032, 3000]
        with pytest.raises(Conflict):
            lifecycle.undo_cancel(subscription_id=world.subscription.id, now=at("2026-08-05"))

    def test_preview_is_what_is_given_back(self, world: World) -> None:
        command = CancelCommand(CancelWhen.INSTANTLY, RefundType.PRORATE)
        shown = lifecycle.preview_cancel(subscription_id=world.subscription.id, command=command, now=at("2026-06-16"))
        assert shown is not None
        assert ([one.total_minor for one in shown.proposals], credits()) == ([-1500], [])
