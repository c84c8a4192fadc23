"""Proposals become documents: numbers, books, what open invoices lose, facts (Billing rules, sections 8 and 9)."""

import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.operations import first_invoices
from billing.operations.doctor import check_books
from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.identifiers import new_id
from core.models import OutboxEvent
from customers.models import Customer
from invoicing.domain.assembly import Proposal
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, NumberCounter
from invoicing.operations import issuing
from ledger.models import CustomerBalance, Entry, Posting
from subscriptions.domain.agreement import AgreementWanted, ItemTermsWanted, agree
from subscriptions.models import Price, Subscription
from subscriptions.operations.agreements import AgreementRecord, store_agreement
from subscriptions.queries.terms import list_price_terms
from tests.cast import Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db

NOW = at("2026-01-31 10:17")


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def proposed(company: Company, customer: Customer, *prices: Price) -> tuple[Proposal, ...]:
    """Store an agreement over these prices and return the documents that open it."""
    plan = company.plans.get("Team") or company.plan("Team", *prices)
    terms = list_price_terms({price.id for price in prices})
    items = tuple(ItemTermsWanted(new_id(), terms[price.id], 1) for price in prices)
    agreement = agree(AgreementWanted(new_id(), customer.id, plan.id, plan.name, items, NOW, customer.zone))
    with transaction.atomic():
        store_agreement(agreement, AgreementRecord("active", NOW, None, "test", "start", NOW))
    return first_invoices.propose_start(agreement, moment=NOW, now=NOW)


def issue(*proposals: Proposal) -> tuple[issuing.Issued, ...]:
    """Store and finalise documents, as the run does."""
    with transaction.atomic():
        issued = issuing.store_lines(proposals, as_of=NOW)
        issuing.finalize(issued, as_of=NOW)
    return issued


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def use(subscription: Subscription, code: str, day: str, value: int) -> None:
    """Report usage on its day."""
    draft = EventDraft(
        event_id=f"{code} {day}", subscription_id=subscription.id, code=code, value=Decimal(value), timestamp=at(day)
    )
    (outcome,) = record_events([draft], now=at(day))
    assert outcome.outcome == "stored"


def facts(*types: str) -> list[tuple[str, uuid.UUID, int]]:
    events = OutboxEvent.objects.filter(type__in=types).order_by("id")
    return [(event.type, event.object_id, event.payload["amount_due"]) for event in events]


def books(object_id: uuid.UUID) -> dict[str, int]:
    postings = Posting.objects.filter(entry__object_id=object_id)
    return dict(postings.values_list("account", "amount_minor"))


class TestInvoices:
    def test_an_invoice_customer_gets_an_open_one(self, company: Company, alice: Customer) -> None:
        issue(*proposed(company, alice, company.price(unit_price=Decimal(1000))))
        invoice = Invoice.objects.get()
        assert (invoice.status, invoice.number, invoice.issue_date) == ("open", "INV-2026-000001", NOW.date())
        assert (invoice.total_minor, invoice.amount_due_minor, invoice.due_date) == (
            1190,
            1190,
            at("2026-03-02").date(),
        )
        assert (invoice.supply_start, invoice.supply_end) == (NOW, at("2026-02-28 10:17"))
        assert (invoice.finalized_at, invoice.paid_at, invoice.due_moment_at) == (NOW, None, NOW)
        assert books(invoice.id) == {"receivable": 1190, "deferred_revenue": -1000, "tax_payable": -190}
        assert facts("invoice.finalized", "invoice.paid") == [("invoice.finalized", invoice.id, 1190)]

    def test_a_line_keeps_its_proof(self, company: Company, alice: Customer) -> None:
        issue(*proposed(company, alice, company.price(unit_price=Decimal("1000.4"))))
        line = InvoiceLine.objects.get()
        assert (line.amount_minor, line.net_minor, line.tax_minor, line.gross_minor) == (1000, 1000, 190, 1190)
        assert (line.unit_price, line.tax_rate, line.tax_country) == (Decimal("1000.4"), 19, "DE")
        assert line.proof["steps"] == "1000.4 x 1 = 1000.4 -> 1000"

    def test_a_balance_that_covers_it_pays_it_at_once(self, company: Company, alice: Customer) -> None:
        CustomerBalance.objects.create(customer=alice, currency="EUR", balance_minor=1500)
        issue(*proposed(company, alice, company.price(unit_price=Decimal(1000))))
        invoice = Invoice.objects.get()
        assert (invoice.status, invoice.paid_at, invoice.balance_applied_minor) == ("paid", NOW, 1190)
        assert books(invoice.id)["customer_balance"] == 1190
        assert "receivable" not in books(invoice.id)
        assert CustomerBalance.objects.get().balance_minor == 310
        assert [fact[0] for fact in facts("invoice.finalized", "invoice.paid")] == ["invoice.finalized", "invoice.paid"]

    def test_a_charge_is_stored_once(self, company: Company, alice: Customer) -> None:
        papers = proposed(company, alice, company.price())
        issue(*papers)
        with pytest.raises(IntegrityError, match="a_charge_is_billed_once"):
            issue(*papers)
        assert Invoice.objects.count() == 1

    def test_a_rollback_burns_no_number(self, company: Company, alice: Customer) -> None:
        first, second = (proposed(company, alice, company.price()) for _ in range(2))
        with transaction.atomic():
            issue(*first)
            transaction.set_rollback(True)
        issue(*second)
        assert [invoice.number for invoice in Invoice.objects.all()] == ["INV-2026-000001"]

    def test_many_at_once_are_numbered_in_their_order(self, company: Company, alice: Customer) -> None:
        papers = [paper for _ in range(3) for paper in proposed(company, alice, company.price())]
        issued = issue(*papers)
        numbers = dict(Invoice.objects.values_list("id", "sequence"))
        assert [numbers[document.id] for document in issued] == [1, 2, 3]
        assert NumberCounter.objects.get().last_sequence == 3

    @pytest.mark.django_db(transaction=True)
    def test_nothing_is_written_outside_a_transaction(self) -> None:
        for step in (issuing.store_lines, issuing.finalize):
            with pytest.raises(RuntimeError, match="transaction"):
                step((), as_of=NOW)

    def test_no_documents_are_no_work(self, company: Company) -> None:
        assert issue() == ()
        assert NumberCounter.objects.count() == 0


class TestDrafts:
    def test_a_draft_has_lines_and_nothing_else(self, company: Company, alice: Customer) -> None:
        (paper,) = proposed(company, alice, company.price(unit_price=Decimal(1000)))
        draft_id = issuing.store_draft(paper, as_of=NOW)
        draft = Invoice.objects.get(id=draft_id)
        assert (draft.status, draft.number, draft.issue_date, draft.finalized_at) == ("draft", None, None, None)
        assert (draft.amount_due_minor, draft.lines.count()) == (1190, 1)
        assert (Entry.objects.count(), NumberCounter.objects.count(), OutboxEvent.objects.count()) == (0, 0, 0)

    def test_it_becomes_the_invoice_under_its_own_id(self, company: Company, alice: Customer) -> None:
        (paper,) = proposed(company, alice, company.price())
        draft_id = issuing.store_draft(paper, as_of=NOW)
        issuing.delete_draft(draft_id)
        issued = issuing.store_lines([paper], as_of=NOW, kept_ids=[draft_id])
        issuing.finalize(issued, as_of=NOW)
        assert Invoice.objects.get().id == draft_id

    def test_a_finalised_invoice_is_no_draft(self, company: Company, alice: Customer) -> None:
        (document,) = issue(*proposed(company, alice, company.price()))
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            issuing.delete_draft(document.id)
        assert (Invoice.objects.count(), InvoiceLine.objects.count()) == (1, 1)


class TestCreditNotes:
    @pytest.fixture
    def subscription(self, company: Company, alice: Customer) -> Subscription:
        """Three seats of 10.00 from 1 June, two gone at once: July's paper gives 10.00 back."""
        price = company.price(type="unit", unit_price=Decimal(1000))
        team = company.plan("Team", price, per_seat=True)
        subscription = company.start(alice, team, price, now=at("2026-06-01"), seats=3)
        remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-06-01 12:00"))
        return subscription

    def test_it_lowers_the_open_invoice_whose_line_it_corrects(self, subscription: Subscription) -> None:
        run("2026-07-01")
        invoice, note = Invoice.objects.get(), CreditNote.objects.get()
        assert (note.number, note.total_minor, note.to_invoices_minor, note.to_balance_minor) == (
            "CN-2026-000001",
            1190,
            1190,
            0,
        )
        assert (invoice.status, invoice.amount_credited_minor, invoice.amount_due_minor) == ("open", 1190, 2380)
        assert books(note.id) == {
            "receivable": -1190,
            "revenue": 2000,
            "deferred_revenue": -1000,
            "tax_payable": 190,
        }
        lines = CreditNoteLine.objects.order_by("position").values_list("kind", "net_minor", "invoice_id")
        assert list(lines) == [("seats", -2000, invoice.id), ("recurring", 1000, None)]
        assert check_books(now=at("2026-07-01")) == ()

    def test_an_invoice_it_leaves_nothing_of_is_paid_and_said_to_be(self, subscription: Subscription) -> None:
        """It was paid but for 11.00; 11.90 come back, and 0.90 go onto the balance."""
        Invoice.objects.update(amount_paid_minor=2470, amount_due_minor=1100)
        run("2026-07-01")
        invoice, note = Invoice.objects.get(), CreditNote.objects.get()
        assert (invoice.status, invoice.amount_due_minor, invoice.paid_at) == ("paid", 0, at("2026-07-01"))
        assert (note.to_invoices_minor, note.to_balance_minor) == (1100, 90)
        assert CustomerBalance.objects.get().balance_minor == 90
        assert facts("credit_note.created", "invoice.paid")[-1] == ("invoice.paid", invoice.id, 0)

    def test_a_paid_invoice_stays_and_the_balance_has_it_all(self, subscription: Subscription) -> None:
        Invoice.objects.update(amount_paid_minor=3570, amount_due_minor=0, status="paid", paid_at=NOW)
        run("2026-07-01")
        assert CreditNote.objects.get().to_balance_minor == 1190
        assert facts("invoice.paid") == []


def test_lines_that_cancel_are_a_paper_trail_without_an_entry(company: Company, alice: Customer) -> None:
    """Mails for 40 and calls taken back for 40: no account moves, and the books have nothing to hold."""
    prices = [
        company.price(
            type="unit", usage=True, metric=company.metric(code), unit_price=Decimal(10), metric_type="continuous"
        )
        for code in ("calls", "mails")
    ]
    team = company.plan("Team", *prices)
    subscription = company.start(alice, team, prices[0], now=at("2026-01-01"), items=(prices[1],))
    use(subscription, "calls", "2026-01-05", 10)
    run("2026-02-01")
    use(subscription, "calls", "2026-02-05", -4)
    use(subscription, "mails", "2026-02-05", 4)
    run("2026-03-01")
    last = Invoice.objects.order_by("sequence").last()
    assert last is not None
    assert (last.total_minor, last.status, last.lines.count(), books(last.id)) == (0, "paid", 2, {})
    assert check_books(now=at("2026-03-01")) == ()
