"""Transfers: partial, exact, too much; receipts without gaps; balanced books."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.models import Payment, PaymentAttempt, Receipt
from billing.operations import claiming, settling
from billing.operations.charging import charge_due
from billing.operations.credits import void_invoice
from billing.operations.payments import record_transfer
from billing.operations.settling import Settlement
from billing.providers.base import ChargeResult, Outcome
from billing.queries import payments as payment_queries
from core.errors import Conflict, Invalid, NotFound
from core.identifiers import new_id
from core.models import OutboxEvent
from invoicing.models import Invoice
from ledger.models import CustomerBalance, Entry
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import make_due_charge, make_invoice, make_subscription, schedule

pytestmark = pytest.mark.django_db
NOW = JANUARY + timedelta(days=10)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def invoice(company: Company) -> Invoice:
    return make_invoice(company.customer("Alice"))


@pytest.fixture(autouse=True)
def sound_books() -> Iterator[None]:
    yield
    assert_books_balance()
    assert_charges_are_whole()


def transfer(invoice: Invoice, **values: Any) -> Payment:
    wanted = {"amount_minor": 1190, "currency": "EUR", "paid_at": NOW, "reference": "", "now": NOW}
    return record_transfer(invoice_id=invoice.id, **{**wanted, **values})


def balance_minor() -> int:
    return CustomerBalance.objects.get().balance_minor


def test_an_exact_transfer_pays_the_invoice(invoice: Invoice) -> None:
    payment = transfer(invoice, reference="BANK-1", paid_at=JANUARY)
    assert (payment.provider, payment.status, payment.completed_at) == ("manual", "completed", JANUARY)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid_minor, invoice.paid_at) == ("paid", 1190, JANUARY)
    assert Receipt.objects.get().payment == payment
    entry = Entry.objects.get(kind="payment")
    assert (entry.accounting_date, entry.object_id) == (JANUARY.date(), payment.id)
    assert list(OutboxEvent.objects.values_list("type", flat=True)) == ["payment.succeeded", "invoice.paid"]


def test_partial_transfers_add_up(invoice: Invoice) -> None:
    transfer(invoice, amount_minor=400)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid_minor, invoice.amount_due_minor) == ("open", 400, 790)
    assert list(OutboxEvent.objects.values_list("type", flat=True)) == ["payment.succeeded"]
    transfer(invoice, amount_minor=790)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid_minor, invoice.amount_due_minor) == ("paid", 1190, 0)
    assert balance_minor() == 0


def test_what_is_over_goes_to_the_balance(invoice: Invoice) -> None:
    transfer(invoice, amount_minor=1500)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid_minor, invoice.amount_due_minor) == ("paid", 1190, 0)
    assert balance_minor() == 310


def test_a_second_transfer_for_a_paid_invoice_goes_to_the_balance(invoice: Invoice) -> None:
    transfer(invoice, reference="BANK-1")
    transfer(invoice, reference="BANK-2", amount_minor=200)
    assert balance_minor() == 200
    assert Receipt.objects.count() == 2


def test_the_same_transfer_is_recorded_once(invoice: Invoice) -> None:
    transfer(invoice, reference="BANK-1", amount_minor=400)
    with pytest.raises(Conflict) as refusal:
        transfer(invoice, reference="BANK-1", amount_minor=400)
    assert refusal.value.code == "duplicate_transfer"
    invoice.refresh_from_db()
    assert invoice.amount_paid_minor == 400


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": -5}, "amount"),
        ({"paid_at": NOW + timedelta(seconds=1)}, "paid_at"),
    ],
)
def test_a_wrong_transfer_is_refused(invoice: Invoice, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        transfer(invoice, **values)
    assert list(refusal.value.fields) == [field]
    assert not Payment.objects.exists()


def test_a_void_invoice_takes_no_transfer(invoice: Invoice) -> None:
    void_invoice(invoice_id=invoice.id, now=NOW)
    with pytest.raises(Conflict):
        transfer(invoice)
    assert not Payment.objects.exists()


def test_an_unknown_invoice_is_not_found(company: Company) -> None:
    with pytest.raises(NotFound):
        record_transfer(invoice_id=new_id(), amount_minor=1, currency="EUR", paid_at=JANUARY, reference="", now=JANUARY)


def test_a_transfer_takes_the_scheduled_charge_away(company: Company) -> None:
    attempt = make_due_charge(company)
    transfer(Invoice.objects.get())
    attempt.refresh_from_db()
    assert attempt.status == "cancelled"
    assert charge_due(NOW).succeeded == 0


def test_a_partial_transfer_leaves_the_rest_to_the_card(company: Company) -> None:
    make_due_charge(company)
    transfer(Invoice.objects.get(), amount_minor=190)
    assert charge_due(NOW).succeeded == 1
    assert sorted(Payment.objects.values_list("provider", "amount_minor")) == [("manual", 190), ("sandbox", 1000)]
    assert Invoice.objects.get().status == "paid"


def test_a_transfer_during_the_call_sends_the_charge_to_the_balance(company: Company) -> None:
    attempt = make_due_charge(company)
    with transaction.atomic():
        assert claiming.claim_attempt(attempt.id, NOW) is not None
    transfer(Invoice.objects.get())
    taken = ChargeResult(Outcome.SUCCEEDED, reference=f"ch_{new_id().hex}", amount_minor=1190, currency="EUR")
    (outcome,) = settling.settle([Settlement(attempt.id, taken)], NOW)
    assert outcome.is_paid
    assert balance_minor() == 1190
    assert Invoice.objects.get().amount_paid_minor == 1190


def test_settling_twice_changes_nothing(company: Company) -> None:
    attempt = make_due_charge(company)
    with transaction.atomic():
        claiming.claim_attempt(attempt.id, NOW)
    taken = ChargeResult(Outcome.SUCCEEDED, reference=f"ch_{new_id().hex}", amount_minor=1190, currency="EUR")
    declined = ChargeResult(Outcome.DECLINED, message="late")
    for result in (taken, taken, declined):
        assert settling.settle([Settlement(attempt.id, result)], NOW)[0].is_paid
    assert Payment.objects.count() == Receipt.objects.count() == 1


def test_money_in_another_currency_is_left_for_a_person(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    attempt = make_due_charge(company)
    with transaction.atomic():
        claiming.claim_attempt(attempt.id, NOW)
    taken = ChargeResult(Outcome.SUCCEEDED, reference="ch_1", amount_minor=1190, currency="USD")
    assert settling.settle([Settlement(attempt.id, taken)], NOW)[0].is_open
    assert "charge_in_another_currency" in caplog.text


def test_a_transfer_makes_the_subscription_active_again(company: Company) -> None:
    make_due_charge(company, token="tok_declined")
    charge_due(JANUARY)
    assert Subscription.objects.get().status == "overdue_payment_open"
    transfer(Invoice.objects.get(), amount_minor=1000)
    assert Subscription.objects.get().status == "overdue_payment_open"
    transfer(Invoice.objects.get(), amount_minor=190)
    assert Subscription.objects.get().status == "active"


def test_a_disabled_subscription_is_enabled_by_paying(company: Company) -> None:
    customer = company.customer("Alice")
    subscription = make_subscription(company, customer, status="overdue_payment_disabled")
    transfer(make_invoice(customer, subscription=subscription))
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_receipts_have_a_series_of_their_own_per_brand_and_no_gap(company: Company) -> None:
    customer = company.customer("Alice")
    for number in range(3):
        transfer(make_invoice(customer), reference=f"BANK-{number}")
        with pytest.raises(Conflict):
            transfer(make_invoice(customer), reference="BANK-0")
    numbers = Receipt.objects.order_by("sequence").values_list("number", flat=True)
    assert list(numbers) == [f"RCP-2026-{number:06}" for number in (1, 2, 3)]


def test_lists_show_the_newest_first(company: Company) -> None:
    attempt = make_due_charge(company)
    schedule(make_invoice(attempt.customer, at=JANUARY + timedelta(days=1)), attempt.payment_method)
    charge_due(NOW)
    assert [
        payment.invoice.number for payment in payment_queries.list_payments(attempt.customer_id) if payment.invoice
    ] == [
        "INV-2026-000002",
        "INV-2026-000001",
    ]
    assert payment_queries.list_attempts(invoice_id=attempt.invoice_id).get() == attempt
    assert payment_queries.list_attempts(customer_id=attempt.customer_id).count() == PaymentAttempt.objects.count() == 2
    payment = Payment.objects.first()
    assert payment is not None
    assert payment_queries.get_payment(payment.id) == payment
    assert payment_queries.get_receipt(Receipt.objects.get(payment=payment).id).payment == payment
    for missing in (payment_queries.get_payment, payment_queries.get_receipt, payment_queries.get_attempt):
        with pytest.raises(NotFound):
            missing(new_id())
