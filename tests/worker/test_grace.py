"""Invoices of the run that wait as drafts for late usage (Billing rules, section 8, grace period)."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.models import PaymentAttempt
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.operations.drafts import finalize_draft
from billing.operations.manual_invoices import delete_draft, update_draft
from billing.run.claiming import Scope
from billing.run.engine import Tally, propose_outcomes, run_billing
from billing.run.reading import read_accounts
from core.errors import Conflict
from core.models import OutboxEvent
from core.operations import SYSTEM
from customers.models import Agenda, Customer
from invoicing.models import CreditNote, Invoice, InvoiceLine, NumberCounter, WaitingPart, WaitingStep
from invoicing.queries.tax import get_tax_world
from ledger.models import Entry
from subscriptions.models import Subscription, VoucherRedemption
from tests.books import assert_books_balance
from tests.cast import Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company(grace_days=3)


def run(moment: str) -> Tally:
    return run_billing(Scope(as_of=at(moment), now=at(moment)))


def proven(moment: str) -> None:
    assert_books_balance()
    assert check_books(now=at(moment)) == ()


def metered(company: Company, name: str = "Alice", *, day: str = "2026-01-01") -> Subscription:
    """Start 30.00 a month in advance and 1 cent a call in arrears."""
    company.brand.refresh_from_db()
    calls = company.metric("calls") if not company.plans else None
    if calls is not None:
        usage = company.price(type="unit", unit_price=Decimal(1), usage=True, metric=calls)
        company.plan("Team", company.price(), usage)
    plan = company.plans["Team"]
    flat, usage = plan.prices.order_by("usage")
    return company.start(company.customer(name), plan, flat, now=at(day), items=(usage,))


def use(subscription: Subscription, moment: str, value: int, *, now: str) -> None:
    draft = EventDraft(
        event_id=f"{moment}-{value}-{now}",
        subscription_id=subscription.id,
        code="calls",
        value=Decimal(value),
        properties=None,
        timestamp=at(moment),
    )
    (outcome,) = record_events([draft], now=at(now))
    assert outcome.outcome == "stored", outcome


def lines(invoice: Invoice) -> list[tuple[str, str, int, int]]:
    found = invoice.lines.order_by("position")
    return [(line.kind, f"{line.period_start:%m-%d}", line.revision, line.amount_minor) for line in found]


def the_draft() -> Invoice:
    return Invoice.objects.get(status="draft")


class TestWaiting:
    def test_a_cycle_invoice_is_first_a_draft_and_uses_nothing(self, company: Company) -> None:
        subscription = metered(company)
        alice = Customer.objects.get()
        company.card(alice)
        company.voucher(alice)
        entries, numbers = Entry.objects.count(), NumberCounter.objects.get().last_sequence
        use(subscription, "2026-01-20", 100, now="2026-01-20")
        assert run("2026-02-01") == Tally(customers=1)
        draft = the_draft()
        assert lines(draft) == [("recurring", "02-01", 0, 3000), ("usage", "01-01", 0, 100)]
        assert (draft.number, draft.finalized_at, draft.total_minor) == (None, None, 1550)
        assert VoucherRedemption.objects.get().remaining == 1
        assert not PaymentAttempt.objects.filter(invoice=draft).exists()
        assert (Entry.objects.count(), NumberCounter.objects.get().last_sequence) == (entries, numbers)
        assert OutboxEvent.objects.filter(type="invoice.created", object_id=draft.id).count() == 1
        subscription.refresh_from_db()
        assert subscription.current_period_start == at("2026-02-01")
        assert Agenda.objects.get().due_at == at("2026-02-04")
        proven("2026-02-01")
        assert run("2026-02-03 23:59") == Tally()

    def test_it_is_finalised_at_the_grace_end_with_late_usage_once(self, company: Company) -> None:
        subscription = metered(company)
        use(subscription, "2026-01-20", 100, now="2026-01-20")
        run("2026-02-01")
        draft = the_draft()
        use(subscription, "2026-01-31 23:00", 40, now="2026-02-02")
        use(subscription, "2026-02-02", 7, now="2026-02-02")
        assert run("2026-02-04") == Tally(customers=1, invoices=1)
        invoice = Invoice.objects.get(id=draft.id)
        assert lines(invoice) == [("recurring", "02-01", 0, 3000), ("usage", "01-01", 0, 140)]
        assert (invoice.status, invoice.number, invoice.total_minor) == ("open", "INV-2026-000002", 3140)
        assert (str(invoice.issue_date), str(invoice.due_date)) == ("2026-02-04", "2026-03-06")
        assert not WaitingStep.objects.exists()
        assert run("2026-02-04") == run("2026-02-20") == Tally()
        proven("2026-02-20")
        run("2026-03-01")
        assert lines(the_draft()) == [("recurring", "03-01", 0, 3000), ("usage", "02-01", 0, 7)]

    def test_usage_later_than_grace_is_late_usage(self, company: Company) -> None:
        subscription = metered(company)
        run("2026-02-01")
        run("2026-02-04")
        use(subscription, "2026-01-31", 5, now="2026-02-10")
        run("2026-03-01")
        assert ("usage", "01-01", 1, 5) in lines(the_draft())

    def test_a_step_that_owes_nothing_yet_waits_too(self, company: Company) -> None:
        calls = company.metric("calls")
        usage = company.price(type="unit", unit_price=Decimal(1), usage=True, metric=calls)
        subscription = company.start(company.customer("Alice"), company.plan("Pay", usage), usage, now=at("2026-01-01"))
        run("2026-02-01")
        assert not Invoice.objects.exists()
        assert WaitingStep.objects.count() == 1
        use(subscription, "2026-01-31", 5, now="2026-02-02")
        assert run("2026-02-04").invoices == 1
        assert lines(Invoice.objects.get()) == [("usage", "01-01", 0, 5)]
        proven("2026-02-04")

    def test_vouchers_balance_and_card_come_in_at_the_end(self, company: Company) -> None:
        metered(company)
        alice = Customer.objects.get()
        company.card(alice)
        run("2026-02-01")
        company.voucher(alice)
        run("2026-02-04")
        invoice = Invoice.objects.get(number="INV-2026-000002")
        assert (invoice.total_minor, VoucherRedemption.objects.get().remaining) == (1500, 0)
        assert charge_due(at("2026-02-04")).succeeded == 1
        invoice.refresh_from_db()
        assert invoice.status == "paid"

    def test_the_final_invoice_waits_too(self, company: Company) -> None:
        subscription = metered(company)
        Subscription.objects.update(status="pending_cancel", cancel_at=at("2026-02-01"))
        run("2026-02-01")
        subscription.refresh_from_db()
        assert subscription.status == "cancelled"
        use(subscription, "2026-01-31", 9, now="2026-02-02")
        run("2026-02-04")
        assert lines(Invoice.objects.get(number="INV-2026-000002")) == [("usage", "01-01", 0, 9)]
        proven("2026-02-04")


class TestSooner:
    def test_downtime_past_the_grace_end_issues_at_once(self, company: Company) -> None:
        metered(company)
        assert run("2026-02-04").invoices == 1
        assert not WaitingStep.objects.exists()

    def test_missed_periods_are_issued_and_only_the_last_waits(self, company: Company) -> None:
        subscription = metered(company)
        use(subscription, "2026-02-11", 11, now="2026-02-11")
        assert run("2026-04-02").invoices == 2
        assert lines(the_draft()) == [("recurring", "04-01", 0, 3000)]
        part = WaitingPart.objects.get()
        assert (part.billed_from_at, part.step.finalize_at) == (at("2026-03-01"), at("2026-04-04"))
        assert run("2026-04-04").invoices == 1
        amounts = Invoice.objects.filter(origin="cycle").order_by("sequence").values_list("total_minor", flat=True)
        assert list(amounts) == [3000, 3011, 3000]
        proven("2026-04-04")

    def test_the_next_step_of_a_subscription_has_the_one_before_issued(self, company: Company) -> None:
        """Grace of 20 days, usage by the week: each week issues the week before."""
        company.brand.grace_days = 20
        company.brand.save()
        calls = company.metric("calls")
        weekly = company.price(type="unit", unit_price=Decimal(1), usage=True, metric=calls, interval="week")
        plan = company.plan("Pay", weekly)
        subscription = company.start(company.customer("Alice"), plan, weekly, now=at("2026-01-01"))
        use(subscription, "2026-01-02", 3, now="2026-01-02")
        run("2026-01-08")
        use(subscription, "2026-01-07", 2, now="2026-01-09")
        use(subscription, "2026-01-09", 4, now="2026-01-09")
        assert run("2026-01-15").invoices == 1
        assert lines(Invoice.objects.get(status="open")) == [("usage", "01-01", 0, 5)]
        assert lines(the_draft()) == [("usage", "01-08", 0, 4)]
        proven("2026-01-15")

    def test_another_subscription_of_the_customer_does_not_end_the_wait(self, company: Company) -> None:
        company.brand.grace_days = 20
        company.brand.save()
        metered(company)
        alice = Customer.objects.get()
        plan = company.plans["Team"]
        flat, _ = plan.prices.order_by("usage")
        company.start(alice, plan, flat, now=at("2026-01-10"))
        run("2026-02-01")
        assert run("2026-02-10") == Tally(customers=1)
        assert Invoice.objects.filter(status="draft").count() == WaitingStep.objects.count() == 2
        assert run("2026-02-21").invoices == 1
        assert Agenda.objects.get().due_at == at("2026-03-01")
        proven("2026-02-21")

    def test_a_draft_is_finalised_by_hand(self, company: Company) -> None:
        subscription = metered(company)
        run("2026-02-01")
        use(subscription, "2026-01-31", 8, now="2026-02-02")
        draft = the_draft()
        invoice = finalize_draft(draft.id, now=at("2026-02-02"), actor=SYSTEM)
        assert (invoice.id, invoice.number, invoice.total_minor) == (draft.id, "INV-2026-000002", 3008)
        assert Agenda.objects.get().due_at == at("2026-03-01")
        with pytest.raises(Conflict):
            finalize_draft(draft.id, now=at("2026-02-02"), actor=SYSTEM)
        assert run("2026-02-04") == Tally()
        proven("2026-02-04")

    def test_it_is_neither_changed_nor_deleted_by_hand(self, company: Company) -> None:
        metered(company)
        run("2026-02-01")
        with pytest.raises(Conflict, match="not made by hand"):
            delete_draft(the_draft().id, now=at("2026-02-02"), actor=SYSTEM)
        with pytest.raises(Conflict, match="not made by hand"):
            update_draft(the_draft().id, None, now=at("2026-02-02"), actor=SYSTEM)

    def test_grace_that_was_taken_away_ends_when_it_would_have(self, company: Company) -> None:
        metered(company)
        run("2026-02-01")
        company.brand.grace_days = 0
        company.brand.save()
        assert run("2026-02-02") == Tally()
        assert run("2026-02-04").invoices == 1

    def test_what_waited_is_issued_to_a_disabled_customer(self, company: Company) -> None:
        metered(company)
        run("2026-02-01")
        Customer.objects.update(status="disabled", disabled_at=at("2026-02-02"))
        assert run("2026-02-04").invoices == 1
        assert run("2026-03-01").invoices == 0
        assert not WaitingStep.objects.exists()


class TestSafety:
    def test_a_run_that_is_rolled_back_leaves_the_draft_waiting(self, company: Company) -> None:
        metered(company)
        run("2026-02-01")
        before = list(InvoiceLine.objects.order_by("id").values_list("id", "invoice_id"))
        with transaction.atomic():
            finalize_draft(the_draft().id, now=at("2026-02-02"), actor=SYSTEM)
            transaction.set_rollback(True)
        assert list(InvoiceLine.objects.order_by("id").values_list("id", "invoice_id")) == before
        assert run("2026-02-04").invoices == 1
        assert Invoice.objects.filter(number__isnull=False).count() == 2

    def test_a_subscription_waits_once(self, company: Company) -> None:
        subscription = metered(company)
        run("2026-02-01")
        step = WaitingStep.objects.create(
            customer=Customer.objects.get(),
            moment=at("2026-02-02"),
            finalize_at=at("2026-02-05"),
            created_at=at("2026-02-02"),
        )
        with pytest.raises(IntegrityError), transaction.atomic():
            WaitingPart.objects.create(step=step, subscription=subscription)

    def test_a_dry_run_shows_what_would_be_issued_and_writes_nothing(self, company: Company) -> None:
        subscription = metered(company)
        run("2026-02-01")
        use(subscription, "2026-01-31", 8, now="2026-02-02")
        moment = at("2026-02-04")
        ids = [Customer.objects.get().id]
        ((outcome,), failures) = propose_outcomes(read_accounts(ids), moment, get_tax_world(moment))
        assert (failures, [proposal.total_minor for proposal in outcome.proposals]) == ({}, [3008])
        assert the_draft().total_minor == 3000
        assert run("2026-02-04").invoices == 1

    def test_more_back_than_charged_has_no_draft_and_is_a_credit_note_in_the_end(self, company: Company) -> None:
        from billing.operations.seats import remove_seats

        seats = company.price(type="unit", unit_price=Decimal(1000), billing_timing="advance")
        plan = company.plan("Seats", seats, per_seat=True)
        subscription = company.start(company.customer("Alice"), plan, seats, seats=3, now=at("2026-01-01"))
        remove_seats(subscription_id=subscription.id, seats=2, actor=SYSTEM, now=at("2026-01-02"))
        run("2026-02-01")
        assert Invoice.objects.filter(origin="cycle").count() + CreditNote.objects.count() <= 1
        run("2026-02-04")
        assert not Invoice.objects.filter(status="draft").exists()
        assert not WaitingStep.objects.exists()
        proven("2026-02-04")

    def test_a_brand_without_grace_reads_one_statement_more_whatever_the_number(self, company: Company) -> None:
        company.brand.grace_days = 0
        company.brand.save()
        for name in ("Alice", "Bob", "Charlie"):
            metered(company, name)

        def statements(moment: datetime) -> list[str]:
            with CaptureQueriesContext(connection) as queries:
                run_billing(Scope(as_of=moment, now=moment))
            return [query["sql"] for query in queries]

        asked = statements(at("2026-02-01"))
        assert sum("invoicing_waiting" in sql for sql in asked) == 1
        assert not WaitingStep.objects.exists()


def test_ending_a_subscription_in_its_grace_has_the_draft_issued_first(company: Company) -> None:
    from billing.operations.lifecycle import CancelCommand, CancelWhen, cancel_subscription

    subscription = metered(company)
    run("2026-02-01")
    draft = the_draft()
    use(subscription, "2026-01-31", 8, now="2026-02-02")
    use(subscription, "2026-02-01 06:00", 5, now="2026-02-02")
    command = CancelCommand(when=CancelWhen.INSTANTLY)
    cancel_subscription(subscription_id=subscription.id, command=command, now=at("2026-02-02"))
    assert lines(Invoice.objects.get(id=draft.id)) == [("recurring", "02-01", 0, 3000), ("usage", "01-01", 0, 8)]
    assert lines(Invoice.objects.get(number="INV-2026-000003")) == [("usage", "02-01", 0, 5)]
    assert not WaitingStep.objects.exists()
    assert run("2026-02-04") == Tally()
    proven("2026-02-04")
