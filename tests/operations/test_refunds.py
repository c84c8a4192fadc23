"""Refunds: rows, credit notes, books and the provider agree, whatever the provider answers (section 11)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.models import Payment, Refund
from billing.operations import refunds
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.refunding import pay_out_due, refund_payment, settle_refund
from billing.operations.refunds import NotRefundable, RefundWanted
from billing.providers.base import RefundOutcome, RefundResult
from billing.providers.pacing import Pace
from core.errors import Conflict, Invalid, NotFound
from core.identifiers import new_id
from core.models import OutboxEvent
from invoicing.models import CreditNote, Invoice
from ledger.models import CustomerBalance, Entry, Posting
from tests.books import assert_books_balance
from tests.cast import JANUARY, Company, make_company
from tests.factories import make_due_charge, make_invoice
from tests.sandbox import records

pytestmark = pytest.mark.django_db
NOW = JANUARY + timedelta(days=10)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture(autouse=True)
def sound_books() -> Iterator[None]:
    Pace("sandbox").note_answer()
    yield
    assert_books_balance()
    assert [breach for breach in check_books(now=NOW) if "agenda" not in breach.proof] == []


def paid(company: Company, token: str = "tok_visa", name: str = "Alice") -> Payment:
    """Charge a customer's invoice of 11.90 and return the payment."""
    attempt = make_due_charge(company, name, token)
    charge_due(JANUARY)
    attempt.refresh_from_db()
    assert attempt.payment is not None
    return attempt.payment


def transferred(company: Company, amount_minor: int) -> Payment:
    """Record a transfer for an invoice of 11.90 and return the payment."""
    invoice = make_invoice(company.customer("Bob"))
    return record_transfer(
        invoice_id=invoice.id, amount_minor=amount_minor, currency="EUR", paid_at=NOW, reference="BANK-1", now=NOW
    )


def refund(payment: Payment, amount_minor: int, currency: str = "EUR") -> Refund:
    return refund_payment(RefundWanted(payment.id, amount_minor, currency, "Not needed"), now=NOW)


def stands(payment: Payment) -> tuple[str, int]:
    payment.refresh_from_db()
    return payment.status, payment.refunded_minor


def given_back() -> list[int]:
    return [kept.amount_minor for kept in records().list_refunds() if kept.result.outcome is not RefundOutcome.REJECTED]


def balance_minor() -> int:
    return CustomerBalance.objects.values_list("balance_minor", flat=True).get()


def expire_leases() -> None:
    Refund.objects.filter(lease_until__isnull=False).update(lease_until=JANUARY)


def test_a_refund_issues_a_credit_note_of_the_same_gross_and_pays_it_out(company: Company) -> None:
    payment = paid(company)
    before = len(given_back())
    made = refund(payment, 500)
    assert (made.status, made.amount_minor, made.from_balance_minor, made.settled_at) == ("issued", 500, 0, NOW)
    assert stands(payment) == ("partially_refunded", 500)
    note = CreditNote.objects.get()
    # 500 of 1190 with 190 tax: 79.83 of tax.
    assert (note.origin, note.sub_total_minor, note.tax_total_minor, note.total_minor) == ("refund", 420, 80, 500)
    assert (note.to_invoices_minor, note.to_balance_minor, note.refunded_minor) == (0, 0, 500)
    assert note.number == "CN-2026-000001"
    assert (note.lines.get().net_minor, note.lines.get().gross_minor) == (-420, -500)
    assert balance_minor() == 0
    assert sorted(given_back()[before:]) == [500]
    assert made.external_reference == records().list_refunds()[-1].result.reference
    entry = Entry.objects.get(kind="credit_note")
    assert sorted(entry.postings.values_list("account", "amount_minor")) == [
        ("refunds_payable", -500),
        ("revenue", 420),
        ("tax_payable", 80),
    ]
    assert set(OutboxEvent.objects.values_list("type", flat=True)) >= {"refund.created", "refund.updated"}
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.amount_due_minor, invoice.amount_credited_minor) == ("paid", 0, 0)


def test_two_halves_are_fully_refunded_and_their_tax_sums_to_the_line(company: Company) -> None:
    payment = paid(company)
    refund(payment, 595)
    assert stands(payment) == ("partially_refunded", 595)
    refund(payment, 595)
    assert stands(payment) == ("fully_refunded", 1190)
    assert sorted(CreditNote.objects.values_list("tax_total_minor", flat=True)) == [95, 95]
    with pytest.raises(NotRefundable):
        refund(payment, 1)
    assert [one.number for one in Refund.objects.order_by("id")] == [1, 2]


def test_what_cannot_be_given_back_is_refused(company: Company) -> None:
    payment = paid(company)
    with pytest.raises(NotRefundable):
        refund(payment, 1191)
    with pytest.raises(Invalid) as refusal:
        refund(payment, 0, "USD")
    assert set(refusal.value.fields) == {"amount", "currency"}
    with pytest.raises(NotFound):
        refund_payment(RefundWanted(new_id(), 1, "EUR"), now=NOW)
    Payment.objects.update(status="disputed")
    with pytest.raises(Conflict):
        refund(payment, 1)
    assert not Refund.objects.exists()
    assert not CreditNote.objects.exists()
    Payment.objects.update(status="completed")


def test_what_a_provider_rejects_stays_with_the_customer(company: Company) -> None:
    payment = paid(company, "tok_refund_rejected")
    made = refund(payment, 500)
    assert (made.status, made.failure_message) == ("rejected", "The card's account is closed.")
    assert stands(payment) == ("completed", 0)
    assert CreditNote.objects.get().refunded_minor == 500
    assert balance_minor() == 500
    # The next try takes it from there: one credit note, however often it is tried.
    again = refund(payment, 500)
    assert (again.status, again.from_balance_minor, again.credit_note) == ("rejected", 500, None)
    assert (CreditNote.objects.count(), balance_minor()) == (1, 500)


def test_a_refund_taken_on_is_asked_for_until_it_is_paid_out(company: Company) -> None:
    payment = paid(company, "tok_refund_pending")
    assert refund(payment, 1190).status == "authorised"
    assert stands(payment) == ("fully_refunded", 1190)
    assert not Entry.objects.filter(kind="refund").exists()
    expire_leases()
    assert pay_out_due(NOW, limit=10).issued == 1
    assert Refund.objects.get().status == "issued"
    assert Entry.objects.filter(kind="refund").count() == 1


def test_a_refund_taken_on_may_still_be_rejected(company: Company) -> None:
    payment = paid(company, "tok_refund_pending_rejected")
    refund(payment, 1190)
    expire_leases()
    assert pay_out_due(NOW, limit=10).rejected == 1
    assert (stands(payment), balance_minor()) == (("completed", 0), 1190)


@pytest.mark.parametrize("token", ["tok_refund_timeout", "tok_refund_timeout_lost"])
def test_an_unknown_outcome_is_settled_by_asking(company: Company, token: str) -> None:
    payment = paid(company, token)
    before = sum(given_back())
    assert refund(payment, 700).status == ("issued" if token == "tok_refund_timeout" else "started")
    expire_leases()
    pay_out_due(NOW, limit=10)
    assert Refund.objects.get().status == "issued"
    assert sum(given_back()) - before == 700


def test_an_outcome_is_stored_once(company: Company) -> None:
    payment = paid(company)
    made = refund(payment, 500)
    for outcome in (RefundOutcome.ISSUED, RefundOutcome.REJECTED):
        assert settle_refund(made.id, RefundResult(outcome, "re_other", "late"), NOW) == "issued"
    assert Entry.objects.filter(object_id=made.id).count() == 1
    for change in ({"status": "started", "settled_at": None}, {"amount_minor": 1}):
        with pytest.raises(IntegrityError, match="settled once"), transaction.atomic():
            Refund.objects.filter(id=made.id).update(**change)
    with pytest.raises(IntegrityError, match="settled once"), transaction.atomic():
        Refund.objects.all()._raw_delete("default")


def test_the_database_refuses_refunds_beyond_the_payment(company: Company) -> None:
    payment = paid(company)
    made = refund(payment, 700)
    row = {**Refund.objects.filter(id=made.id).values().get(), "id": new_id(), "number": 2, "idempotency_key": "k"}
    with pytest.raises(IntegrityError, match="beyond its amount"), transaction.atomic():
        Refund.objects.create(**{**row, "external_reference": "", "amount_minor": 491})


def test_a_surplus_is_refunded_from_the_balance_without_a_credit_note(company: Company) -> None:
    payment = transferred(company, 1500)
    assert balance_minor() == 310
    made = refund(payment, 310)
    assert (made.status, made.from_balance_minor, made.credit_note) == ("issued", 310, None)
    assert (balance_minor(), CreditNote.objects.count()) == (0, 0)
    assert Posting.objects.filter(account="provider_clearing").values_list("amount_minor", flat=True)[1] == -310
    refund(payment, 1190)
    assert CreditNote.objects.get().total_minor == 1190
    assert stands(payment) == ("fully_refunded", 1500)


def test_a_surplus_that_was_used_up_is_not_refunded_twice(company: Company) -> None:
    payment = transferred(company, 1500)
    other = make_invoice(payment.customer)
    with transaction.atomic():
        # The next invoice takes the balance.
        Entry.objects.all()
        from billing.operations.balance import Adjustment, adjust_balance

        adjust_balance(customer_id=payment.customer_id, adjustment=Adjustment("debit", 310, "EUR"), now=NOW)
    assert other.status == "open"
    with pytest.raises(NotRefundable):
        refund(payment, 1500)
    refund(payment, 1190)
    assert stands(payment) == ("partially_refunded", 1190)


def test_a_refund_of_a_partly_paid_invoice_leaves_the_rest_due(company: Company) -> None:
    payment = transferred(company, 400)
    refund(payment, 400)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.amount_due_minor) == ("open", 790)
    assert CreditNote.objects.get().total_minor == 400


def test_refunds_of_a_credit_note_are_spread_over_payments_newest_first(company: Company) -> None:
    customer = company.customer("Bob")
    invoice = make_invoice(customer)
    for minor, day in ((500, 1), (690, 2)):
        record_transfer(
            invoice_id=invoice.id,
            amount_minor=minor,
            currency="EUR",
            paid_at=JANUARY + timedelta(days=day),
            reference=f"BANK-{day}",
            now=NOW,
        )
    from tests.factories import credit_note_of

    note = credit_note_of(invoice, 1400 - 210, refunded_minor=1190)
    with transaction.atomic():
        rest_minor = refunds.schedule_refunds(
            credit_note_id=note.id,
            parts_minor={invoice.id: 1400},
            amount_minor=1400,
            customer=customer,
            reason="",
            now=NOW,
        )
    assert rest_minor == 210
    assert list(Refund.objects.order_by("id").values_list("amount_minor", "status")) == [
        (690, "started"),
        (500, "started"),
    ]
    assert pay_out_due(NOW, limit=10).issued == 2
    assert set(Payment.objects.values_list("status", flat=True)) == {"fully_refunded"}


def test_a_refund_of_a_provider_that_is_paused_waits(company: Company) -> None:
    payment = paid(company)
    for _ in range(10):
        Pace("sandbox").note_failure("away")
    assert refund(payment, 100).status == "started"
    assert pay_out_due(NOW, limit=10).issued == 0
    Pace("sandbox").note_answer()
    assert pay_out_due(NOW, limit=10).issued == 1
