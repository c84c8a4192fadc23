"""Quotes: priced like invoices, accepted once, paid only when the charge succeeded (Billing rules, section 8)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.models import Payment, PaymentAttempt
from billing.operations import accepting
from billing.operations.doctor import check_books
from billing.operations.quotes import QuoteExpired, QuoteWanted, accept_quote, create_quote, delete_quote, update_quote
from billing.operations.start import NoUsablePaymentMethod
from core.errors import Conflict, Declined, Invalid
from core.models import OutboxEvent
from core.operations import SYSTEM
from customers.models import Agenda, Customer
from invoicing.models import Invoice, Quote, RequestedLine
from invoicing.operations.requested_lines import ItemWanted, PaperWanted, PlanWanted
from subscriptions.models import Subscription, VoucherRedemption
from tests.books import assert_books_balance
from tests.cast import Company, at, make_company

NOW = at("2026-01-31 10:17")
ITEM = ItemWanted("Set-up", 5000, "EUR")


@pytest.fixture
def company(db: None) -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def plan(company: Company, amount: int = 3000, seats: int = 1) -> PlanWanted:
    price = company.price(unit_price=Decimal(amount))
    return PlanWanted(company.plan(f"P{amount}", price, per_seat=True).id, price.id, seats)


def quote(customer: Customer, *plans: PlanWanted, items: tuple[ItemWanted, ...] = (ITEM,), **values: object) -> Quote:
    wanted = QuoteWanted(PaperWanted(plans, items), **values)  # type: ignore[arg-type]
    return create_quote(customer_id=customer.id, wanted=wanted, now=NOW, actor=SYSTEM)


def accept(one: Quote, now: str = "2026-01-31 10:17") -> Quote:
    return accept_quote(one.id, now=at(now), actor=SYSTEM)


class TestByInvoice:
    def test_it_is_priced_as_its_invoice_and_starts_its_subscriptions(self, company: Company, alice: Customer) -> None:
        one = quote(alice, plan(company, 3000, seats=30))
        assert (one.sub_total_minor, one.tax_total_minor, one.total_minor) == (95000, 18050, 113050)
        accepted = accept(one)
        invoice = accepted.invoice
        assert invoice is not None
        assert (accepted.status, invoice.status, invoice.number) == ("accepted", "open", "INV-2026-000001")
        assert (invoice.total_minor, invoice.origin) == (113050, "quote")
        kinds = list(invoice.lines.order_by("position").values_list("kind", "amount_minor"))
        assert kinds == [("recurring", 90000), ("manual", 5000)]
        subscription = Subscription.objects.get()
        assert (subscription.status, Agenda.objects.get().due_at) == ("active", at("2026-02-28 10:17"))
        assert RequestedLine.objects.get(plan__isnull=False).subscription_id == subscription.id
        assert_books_balance()
        assert check_books(now=NOW) == ()

    def test_vouchers_are_used_when_it_is_accepted(self, company: Company, alice: Customer) -> None:
        company.voucher(alice)
        one = quote(alice)
        assert (one.total_minor, VoucherRedemption.objects.get().remaining) == (2975, 1)
        accepted = accept(one)
        assert accepted.invoice is not None
        assert (accepted.invoice.total_minor, VoucherRedemption.objects.get().remaining) == (2975, 0)

    def test_it_is_accepted_once_and_then_fixed(self, alice: Customer) -> None:
        one = quote(alice)
        accept(one)
        for again in (
            lambda: accept(one),
            lambda: update_quote(one.id, QuoteWanted(name="x"), now=NOW, actor=SYSTEM),
            lambda: delete_quote(one.id, now=NOW, actor=SYSTEM),
        ):
            with pytest.raises(Conflict, match="accepted"):
                again()
        assert Invoice.objects.count() == 1
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            Quote.objects.update(total_minor=1, sub_total_minor=1, tax_total_minor=0)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RequestedLine.objects.update(amount_minor=1)

    def test_it_can_expire(self, alice: Customer) -> None:
        one = quote(alice, expires_at=at("2026-02-10"))
        with pytest.raises(QuoteExpired):
            accept(one, "2026-02-10")
        assert accepting.tell_expired(now=at("2026-02-09 23:59")) == 0
        assert [accepting.tell_expired(now=at("2026-02-10")) for _ in range(2)] == [1, 0]
        assert OutboxEvent.objects.filter(type="quote.expired").count() == 1
        update_quote(one.id, QuoteWanted(never_expires=True), now=at("2026-02-11"), actor=SYSTEM)
        assert accept(one, "2026-02-11").status == "accepted"

    def test_it_is_changed_and_deleted_until_then(self, company: Company, alice: Customer) -> None:
        one = quote(alice)
        changed = update_quote(one.id, QuoteWanted(PaperWanted((plan(company),)), name="Team"), now=NOW, actor=SYSTEM)
        assert (changed.name, changed.total_minor, RequestedLine.objects.count()) == ("Team", 3570, 1)
        delete_quote(one.id, now=NOW, actor=SYSTEM)
        assert not Quote.objects.exists()

    def test_what_could_not_be_charged_is_refused(self, company: Company, alice: Customer) -> None:
        for wanted, field in (
            (QuoteWanted(PaperWanted()), "items"),
            (QuoteWanted(PaperWanted((plan(company, 0),))), "items"),
            (QuoteWanted(PaperWanted(items=(ITEM, ItemWanted("Book", 1, "USD")))), "items.1.currency"),
            (QuoteWanted(PaperWanted(items=(ITEM,)), expires_at=NOW), "expires_at"),
        ):
            with pytest.raises(Invalid) as refusal:
                create_quote(customer_id=alice.id, wanted=wanted, now=NOW, actor=SYSTEM)
            assert list(refusal.value.fields) == [field]


class TestByCard:
    def test_it_counts_once_the_charge_succeeded(self, company: Company, alice: Customer) -> None:
        company.card(alice)
        accepted = accept(quote(alice, plan(company), plan(company, 1000)))
        assert accepted.invoice is not None
        assert (accepted.status, accepted.invoice.status, accepted.invoice.total_minor) == ("accepted", "paid", 10710)
        assert Payment.objects.get().amount_minor == 10710
        assert set(Subscription.objects.values_list("status", flat=True)) == {"active"}
        assert_books_balance()
        assert check_books(now=NOW) == ()

    def test_a_decline_leaves_it_open_with_nothing_started(self, company: Company, alice: Customer) -> None:
        company.card(alice, "tok_declined")
        one = quote(alice, plan(company))
        with pytest.raises(Declined):
            accept(one)
        one.refresh_from_db()
        assert (one.status, one.invoice_id) == ("open", None)
        assert not Subscription.objects.exists()
        assert not Invoice.objects.exists()
        assert PaymentAttempt.objects.get().status == "failed"
        company.card(alice, "tok_visa")
        from billing.operations.cards import set_default_card
        from customers.models import PaymentMethod

        set_default_card(payment_method_id=PaymentMethod.objects.order_by("-id")[0].id, now=NOW)
        assert accept(one).status == "accepted"
        assert check_books(now=NOW) == ()

    def test_an_unknown_outcome_leaves_it_open_until_it_is_known(self, company: Company, alice: Customer) -> None:
        company.card(alice, "tok_pending")
        one = quote(alice, plan(company))
        waiting = accept(one)
        assert (waiting.status, Subscription.objects.get().status) == ("open", "incomplete")
        with pytest.raises(Conflict, match="being charged"):
            accept(one)
        assert accepting.abandon_stale(now=NOW + timedelta(days=2)) == 0

    def test_what_nobody_confirms_is_open_again(self, company: Company, alice: Customer) -> None:
        company.card(alice, "tok_authentication_required")
        one = quote(alice, plan(company))
        with pytest.raises(Declined):
            accept(one)
        assert Subscription.objects.get().status == "incomplete"
        assert accepting.abandon_stale(now=NOW + timedelta(hours=22)) == 0
        assert accepting.abandon_stale(now=NOW + timedelta(hours=23)) == 1
        one.refresh_from_db()
        assert (one.status, one.invoice_id) == ("open", None)
        assert not Subscription.objects.exists()
        assert not Invoice.objects.exists()

    def test_without_a_card_nothing_is_accepted(self, company: Company, alice: Customer) -> None:
        one = quote(alice)
        Customer.objects.update(billing_type="card")
        with pytest.raises(NoUsablePaymentMethod):
            accept(one)
        assert not Invoice.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_card", [False, True])
def test_of_many_who_accept_at_once_one_does(by_card: bool) -> None:
    company = make_company()
    alice = company.customer("Alice")
    if by_card:
        company.card(alice)
    one = quote(alice, plan(company))
    barrier = threading.Barrier(4)

    def try_it(_: int) -> str:
        try:
            barrier.wait()
            return accept(one).status
        except Conflict as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(try_it, range(4)))
    assert outcomes.count("accepted") == 1, outcomes
    assert set(outcomes) <= {"accepted", "quote_accepted", "quote_being_charged"}
    assert (Invoice.objects.count(), Subscription.objects.count()) == (1, 1)
    assert Payment.objects.count() == int(by_card)
