"""Each proof of the books finds the breach it is there for, names its object, and no other proof is disturbed.

What is planted is written by the owner of the tables, around the guards.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from billing.models import Dispute, Payment
from billing.operations import charging, doctor
from billing.operations.doctor import PROOF_NAMES, check_books
from billing.operations.proofs_disputes import NAME as PROVIDERS_SAY
from billing.operations.proofs_dunning import DUNNING
from billing.operations.proofs_given_back import GIVEN_BACK
from billing.operations.proofs_refunds import NAME as REFUNDS
from billing.operations.proofs_usage import USAGE
from billing.providers.base import ChargeRequest, DisputeFacts, DisputeStage
from billing.providers.registry import get_provider
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.identifiers import new_id
from customers.models import Agenda, Customer
from invoicing.models import Invoice, InvoiceLine, NumberCounter, RevenueRecognition, ScheduleRow, TaxTurnover
from invoicing.operations.recognition import recognise_revenue
from ledger.domain.entry import EntryDraft, PostingDraft
from ledger.models import CustomerBalance, Entry
from ledger.operations import post_entries
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from tests.sandbox import records

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-03-05")
TABLES = (
    "ledger_entry",
    "ledger_posting",
    "invoicing_invoice",
    "invoicing_invoiceline",
    "invoicing_creditnote",
    "invoicing_revenuerecognition",
    "invoicing_schedulerow",
)
Planted = uuid.UUID | None


@dataclass
class World:
    """Alice pays by card and in advance, Bob by invoice and in advance, Charlie by invoice and in arrears."""

    company: Company
    alice: Customer
    bob: Customer
    charlie: Customer

    def line(self, customer: Customer, number: int = 0) -> InvoiceLine:
        """Return one of a customer's lines, oldest first."""
        return InvoiceLine.objects.filter(invoice__customer=customer).order_by("period_start")[number]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Three customers billed for January and February, and both months recognised: the books hold."""
    monkeypatch.setattr(doctor, "COMMIT_MARGIN", timedelta(hours=-1))  # all this was stored just now
    company = make_company()
    company.tax("DE", "19")
    advance, arrears = company.price(), company.price(billing_timing="arrears")
    team, club = company.plan("Team", advance), company.plan("Club", arrears)
    made = World(company, company.customer("Alice"), company.customer("Bob"), company.customer("Charlie"))
    company.card(made.alice)
    for customer, plan, price in (
        (made.alice, team, advance),
        (made.bob, team, advance),
        (made.charlie, club, arrears),
    ):
        company.start(customer, plan, price, now=at("2026-01-15"))
    run_billing(Scope(as_of=at("2026-02-15"), now=at("2026-02-15")))
    charging.charge_due_everywhere(at("2026-02-15"), limit=10)
    # What Charlie owes for the second month, already: nothing of his is deferred, only his periods are looked at.
    run_billing(Scope(as_of=at("2026-03-15"), now=at("2026-03-15"), customer_ids=(made.charlie.id,)))
    recognise_revenue(now=at("2026-03-01 12:00"))
    assert check_books(now=NOW) == ()
    return made


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


def post(*postings: PostingDraft, object_id: uuid.UUID | None = None) -> uuid.UUID:
    """Post an entry of nothing the engine knows; return the id of its object."""
    from django.db import transaction

    entry = EntryDraft("adjustment", "adjustment", object_id or new_id(), None, NOW, NOW.date(), postings)
    with transaction.atomic():
        post_entries([entry])
    return entry.object_id


def unbalance(world: World) -> Planted:
    entry = Entry.objects.filter(kind="invoice").first()
    assert entry is not None
    with around_the_guards():
        entry.postings.create(account="revenue", currency="EUR", amount_minor=100)
    return entry.id


def post_to_nobodys_invoice(world: World) -> Planted:
    post(PostingDraft("receivable", 100, "EUR", world.bob.id), PostingDraft("revenue", -100, "EUR"))
    return world.bob.id


def raise_a_balance(world: World) -> Planted:
    CustomerBalance.objects.filter(customer=world.bob).update(balance_minor=500)
    return world.bob.id


def lose_an_entry(world: World) -> Planted:
    invoice = world.line(world.bob).invoice
    with around_the_guards():
        Entry.objects.filter(object_id=invoice.id).update(object_id=new_id())
    return None


def change_a_line(world: World) -> Planted:
    line = world.line(world.charlie)
    with around_the_guards():
        InvoiceLine.objects.filter(id=line.id).update(
            amount_minor=line.amount_minor + 1, net_minor=line.net_minor + 1, gross_minor=line.gross_minor + 1
        )
    return line.invoice_id


def take_a_payment_away(world: World) -> Planted:
    first, second = Invoice.objects.filter(customer=world.alice).order_by("id")
    Payment.objects.filter(invoice=second).update(invoice=first)
    return second.id


def dispute(world: World, **facts: Any) -> uuid.UUID:
    """Record a dispute of Alice's first payment, and nothing beside it."""
    payment = Payment.objects.filter(customer=world.alice).order_by("id")[0]
    made = Dispute.objects.create(
        customer=world.alice,
        payment=payment,
        provider=payment.provider,
        external_reference="dp-1",
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        opened_at=NOW,
        **facts,
    )
    return made.id


def leave_a_disputes_fee_out(world: World) -> Planted:
    return dispute(world, status="inquiry", held_minor=0, fee_minor=1500)


def call_a_payment_disputed(world: World) -> Planted:
    payment = Payment.objects.filter(customer=world.alice).order_by("id")[0]
    Payment.objects.filter(id=payment.id).update(status="disputed")
    return payment.id


def burn_a_number(world: World) -> Planted:
    counter = NumberCounter.objects.filter(series__kind="invoice").get()
    NumberCounter.objects.update(last_sequence=counter.last_sequence + 1)
    return counter.series_id


def post_tax_of_nothing(world: World) -> Planted:
    return post(PostingDraft("tax_payable", 19, "EUR", country="DE"), PostingDraft("revenue", -19, "EUR"))


def lose_a_payments_entry(world: World) -> Planted:
    payment = Payment.objects.order_by("id").first()
    assert payment is not None
    with around_the_guards():
        Entry.objects.filter(object_id=payment.id).update(object_id=new_id())
    return payment.id


def charge_behind_our_back(world: World) -> Planted:
    payment = Payment.objects.select_related("payment_method").order_by("id").first()
    assert payment is not None
    assert payment.payment_method is not None
    get_provider("sandbox").charge(
        ChargeRequest(
            idempotency_key=f"charge:{world.alice.id}:20260301T000000000000Z:EUR:{new_id()}:1",
            amount_minor=777,
            currency="EUR",
            customer_reference="",
            card_reference=payment.payment_method.provider_reference,
        )
    )
    return world.alice.id


def forget_a_charge(world: World) -> Planted:
    payment = Payment.objects.order_by("id").first()
    assert payment is not None
    with closing(sqlite3.connect(records().path)) as database, database:
        database.execute("DELETE FROM charge WHERE reference = ?", [payment.external_reference])
    return payment.id


def charge_another_amount(world: World) -> Planted:
    payment = Payment.objects.order_by("id").first()
    assert payment is not None
    with closing(sqlite3.connect(records().path)) as database, database:
        database.execute("UPDATE charge SET asked_minor = 1 WHERE reference = ?", [payment.external_reference])
    return payment.id


def post_to_deferred_revenue(world: World) -> Planted:
    return post(PostingDraft("deferred_revenue", 50, "EUR"), PostingDraft("revenue", -50, "EUR"))


def move_a_schedule_row(world: World) -> Planted:
    january, february = RevenueRecognition.objects.order_by("month")
    line = world.line(world.bob, 1)
    assert [row.recognition_id for row in ScheduleRow.objects.filter(line_id=line.id)] == [february.id]
    with around_the_guards():
        ScheduleRow.objects.filter(line_id=line.id).update(recognition_id=january.id)
    return january.id


def change_a_schedule_row(world: World) -> Planted:
    line = world.line(world.bob, 1)
    with around_the_guards():
        ScheduleRow.objects.filter(line_id=line.id).update(days_passed=1)
    return line.id


def lengthen_a_period(world: World) -> Planted:
    line = world.line(world.bob, 1)
    with around_the_guards():
        InvoiceLine.objects.filter(id=line.id).update(period_end=at("2026-04-15"))
    return line.id


def bill_a_day_twice(world: World) -> Planted:
    line = world.line(world.charlie, 1)
    with around_the_guards():
        InvoiceLine.objects.filter(id=line.id).update(period_start=at("2026-02-14"))
    return line.item_id


def leave_a_day_out(world: World) -> Planted:
    line = world.line(world.charlie, 1)
    with around_the_guards():
        InvoiceLine.objects.filter(id=line.id).update(period_start=at("2026-02-16"))
    return line.item_id


def forget_when_bob_is_due(world: World) -> Planted:
    Agenda.objects.filter(customer=world.bob).update(due_at=at("2026-06-15"))
    return world.bob.id


def leave_bob_unbilled(world: World) -> Planted:
    for rows in (Agenda.objects.filter(customer=world.bob), Subscription.objects.filter(customer=world.bob)):
        rows.update(**{"due_at" if rows.model is Agenda else "next_due_at": at("2026-03-01")})
    return world.bob.id


def count_a_sale_nobody_made(world: World) -> Planted:
    TaxTurnover.objects.create(
        brand=world.company.brand,
        country="CH",
        day="2026-02-01",
        currency="EUR",
        payments=1,
        net_minor=1000,
        consumers_net_minor=0,
    )
    return world.company.brand.id


def change_a_part_of_a_tax(world: World) -> Planted:
    line = world.line(world.bob, 1)
    line.proof["tax"]["parts"][0][4] += 1
    with around_the_guards():
        InvoiceLine.objects.filter(id=line.id).update(proof=line.proof)
    return line.id


PLANTED: dict[Callable[[World], Planted], str] = {
    unbalance: "the trial balance is zero, and so is every entry",
    post_to_nobodys_invoice: "receivable is what open invoices ask for",
    raise_a_balance: "balances and receivables of customers are the sum of their postings",
    lose_an_entry: "every finalised document is in the books",
    change_a_line: "an invoice is the sum of its lines",
    take_a_payment_away: "what is paid on an invoice is the sum of its payments",
    leave_a_disputes_fee_out: "every dispute is in the books",
    call_a_payment_disputed: "a payment is disputed while a dispute takes it away",
    burn_a_number: "numbers have no gap",
    post_tax_of_nothing: "tax payable is the tax of the documents",
    lose_a_payments_entry: "every payment is in the books",
    charge_behind_our_back: "payments are what the providers took",
    forget_a_charge: "payments are what the providers took",
    charge_another_amount: "payments are what the providers took",
    post_to_deferred_revenue: "deferred revenue is what lines deferred and months recognised",
    move_a_schedule_row: "a recognised month is the sum of its schedule rows",
    change_a_schedule_row: "schedule rows follow from their line",
    lengthen_a_period: "what is over is recognised",
    bill_a_day_twice: "recurring lines tile their item's timeline",
    leave_a_day_out: "recurring lines tile their item's timeline",
    count_a_sale_nobody_made: "tax turnover is what documents of closed days come to",
    change_a_part_of_a_tax: "the parts of a line's tax sum to it",
    forget_when_bob_is_due: "the agenda knows when each customer is due",
    leave_bob_unbilled: "nobody is due and unbilled",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_breach_is_named_and_nothing_else(world: World, plant: Callable[[World], Planted]) -> None:
    planted = plant(world)
    found = check_books(now=NOW)
    assert {breach.proof for breach in found} == {PLANTED[plant]}, found
    assert planted is None or planted in {breach.object_id for breach in found}
    assert all(breach.detail and breach.mend for breach in found)


def test_a_dispute_that_the_provider_tells_otherwise_or_alone_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = Payment.objects.filter(customer=world.alice).order_by("id")[0]
    told = DisputeFacts(
        "dp-1", payment.external_reference, DisputeStage.INQUIRY, payment.amount_minor, "EUR", 0, 0, "general", NOW
    )
    provider = type(get_provider("sandbox"))
    monkeypatch.setattr(provider, "list_disputes", lambda *_: iter([told]))
    (unknown,) = check_books(now=NOW)
    assert (unknown.proof, unknown.object_id) == (PROVIDERS_SAY, payment.id)
    dispute(world, status="inquiry", held_minor=0, fee_minor=0)
    assert check_books(now=NOW) == ()
    monkeypatch.setattr(provider, "list_disputes", lambda *_: iter([replace(told, stage=DisputeStage.WON)]))
    (other,) = check_books(now=NOW)
    assert (other.proof, other.object_kind) == (PROVIDERS_SAY, "dispute")


def test_every_proof_has_a_breach_planted() -> None:
    # Those of credits, refunds, usage totals, dunning and of what providers say are planted in tests of their own.
    theirs = {proof.name for proof in (*GIVEN_BACK, *USAGE, *DUNNING)} | {REFUNDS, PROVIDERS_SAY}
    assert set(PROOF_NAMES) - theirs == set(PLANTED.values())


def test_the_command_lists_breach_object_and_mend(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.management.commands.check_books.wall_now", lambda: NOW)
    burn_a_number(world)
    with pytest.raises(CommandError, match=r"\d+ breach"):
        call_command("check_books")
    said = capsys.readouterr().out
    assert "BROKEN  numbers have no gap" in said
    assert "holds   recurring lines tile" in said
    assert "mend: A document was deleted" in said
