"""Each proof of what is given back or given up finds the breach it is there for, and no other proof is disturbed."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F

from billing.models import Payment, Refund
from billing.operations import doctor
from billing.operations.charging import charge_due
from billing.operations.credits import CreditNoteCommand, make_credit_note
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.proofs_given_back import GIVEN_BACK
from billing.operations.proofs_refunds import NAME as REFUNDS
from billing.operations.refunding import refund_payment
from billing.operations.refunds import RefundWanted
from billing.operations.write_offs import write_off_invoice
from billing.providers.base import RefundRequest
from billing.providers.pacing import Pace
from billing.providers.registry import get_provider
from core.identifiers import new_id
from invoicing.models import CreditNote, CreditNoteLine, Invoice
from ledger.domain.entry import REFUNDS_PAYABLE, REVENUE, EntryDraft, PostingDraft
from ledger.models import Entry
from ledger.operations import post_entries
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db(transaction=True)
NOW = at("2026-01-20")
TABLES = ("ledger_entry", "invoicing_invoice", "invoicing_creditnote", "invoicing_creditnoteline", "billing_refund")


@dataclass
class World:
    """Alice's payment was refunded in part, Bob's open invoice credited, Charlie's debt given up, a part of it paid."""

    payment: Payment
    refund: Refund
    paid_out: CreditNote
    credited: Invoice
    credit: CreditNote
    given_up: Invoice


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    Pace("sandbox").note_answer()
    monkeypatch.setattr(doctor, "COMMIT_MARGIN", timedelta(hours=-1))  # all this was stored just now
    company = make_company()
    company.tax("DE", "19")
    price = company.price(unit_price=1000)
    plan = company.plan("Team", price)
    alice = company.customer("Alice")
    company.card(alice)
    invoices = []
    for customer in (alice, company.customer("Bob"), company.customer("Charlie")):
        company.start(customer, plan, price, now=at("2026-01-15"))
        invoices.append(Invoice.objects.get(customer=customer))
    charge_due(at("2026-01-15"))
    payment = Payment.objects.get()
    refund = refund_payment(RefundWanted(payment.id, 1000, "EUR"), now=NOW)
    note = make_credit_note(CreditNoteCommand(invoices[1].id, 500), now=NOW)
    write_off_invoice(invoice_id=invoices[2].id, reason="", now=NOW)
    record_transfer(
        invoice_id=invoices[2].id, amount_minor=400, currency="EUR", paid_at=NOW, reference="BANK-1", now=NOW
    )
    assert check_books(now=NOW) == ()
    assert refund.credit_note is not None
    return World(payment, refund, refund.credit_note, invoices[1], note, invoices[2])


@contextmanager
def around_the_guards() -> Iterator[None]:
    """Write as somebody who owns the tables and switched their guards off."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            yield
        finally:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def say_less_was_refunded(world: World) -> uuid.UUID:
    Payment.objects.filter(id=world.payment.id).update(refunded_minor=999)
    return world.payment.id


def call_the_entry_something_else(world: World) -> uuid.UUID:
    with around_the_guards():
        Entry.objects.filter(object_id=world.refund.id, kind="refund").update(kind="adjustment")
    return world.refund.id


def owe_a_refund_nobody_asked_for(world: World) -> None:
    postings = (PostingDraft(REFUNDS_PAYABLE, -100, "EUR"), PostingDraft(REVENUE, 100, "EUR"))
    with transaction.atomic():
        post_entries([EntryDraft("adjustment", "adjustment", new_id(), None, NOW, NOW.date(), postings)])


def forget_the_providers_reference(world: World) -> uuid.UUID:
    with around_the_guards():
        Refund.objects.filter(id=world.refund.id).update(external_reference="")
    return world.refund.id


def say_less_was_paid_out(world: World) -> uuid.UUID:
    with around_the_guards():
        CreditNote.objects.filter(id=world.paid_out.id).update(refunded_minor=999, to_balance_minor=1)
    return world.paid_out.id


def change_a_credit_note(world: World) -> uuid.UUID:
    with around_the_guards():
        CreditNote.objects.filter(id=world.credit.id).update(
            sub_total_minor=F("sub_total_minor") + 1, tax_total_minor=F("tax_total_minor") - 1
        )
    return world.credit.id


def credit_another_invoice(world: World) -> uuid.UUID:
    with around_the_guards():
        CreditNoteLine.objects.filter(credit_note=world.paid_out).update(invoice=world.credited)
    return world.credited.id


def say_the_invoice_lost_less(world: World) -> uuid.UUID:
    with around_the_guards():
        CreditNote.objects.filter(id=world.credit.id).update(to_invoices_minor=499, to_balance_minor=1)
    return world.credit.customer_id


def give_up_more(world: World) -> uuid.UUID:
    with around_the_guards():
        Invoice.objects.filter(id=world.given_up.id).update(written_off_minor=791, amount_paid_minor=399)
    return world.given_up.customer_id


def refund_behind_our_back(world: World) -> uuid.UUID:
    get_provider("sandbox").refund(RefundRequest("refund:by hand", world.payment.external_reference, 100, "EUR"))
    return world.payment.id


def say_another_amount_was_refunded(world: World) -> uuid.UUID:
    with around_the_guards():
        Refund.objects.filter(id=world.refund.id).update(idempotency_key="refund:sandbox:another")
    return world.payment.id


PLANTED: dict[Callable[[World], uuid.UUID | None], str] = {
    say_less_was_refunded: "refunds stay within their payment, which says so",
    call_the_entry_something_else: "every settled refund is in the books",
    owe_a_refund_nobody_asked_for: "refunds payable is what refunds under way owe",
    forget_the_providers_reference: "a refund paid out is known to its provider",
    say_less_was_paid_out: "what a credit note pays out is the sum of its refunds",
    change_a_credit_note: "a credit note is the sum of its lines",
    credit_another_invoice: "credits stay within their invoice",
    say_the_invoice_lost_less: "what credit notes took off invoices is what invoices lost",
    give_up_more: "what is given up of invoices is in the books",
    refund_behind_our_back: REFUNDS,
    say_another_amount_was_refunded: REFUNDS,
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_breach_is_named_and_nothing_else(world: World, plant: Callable[[World], uuid.UUID | None]) -> None:
    planted = plant(world)
    found = check_books(now=NOW)
    assert {breach.proof for breach in found} == {PLANTED[plant]}, found
    assert planted is None or planted in {breach.object_id for breach in found}
    assert all(breach.detail and breach.mend for breach in found)


def test_every_proof_has_a_breach_planted() -> None:
    assert {proof.name for proof in GIVEN_BACK} | {REFUNDS} == set(PLANTED.values())
