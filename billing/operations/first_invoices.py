"""The first invoice of a card customer: a draft until its charge succeeds.

Billing rules, section 5, Start: success finalises it; a decline deletes draft and subscription, and keeps the attempt.
A draft has no number and no postings; finalising proposes it afresh.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from billing.domain.cycle import period_bounds, settle
from billing.models import PaymentAttempt
from billing.operations.agenda import refresh_agenda
from billing.run.reading import read_accounts
from billing.run.writing import schedule_charges, spend_vouchers
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.operations import emit, require_transaction
from core.operations_instance import require_running
from customers import queries as customer_queries
from invoicing.domain.account import Account
from invoicing.domain.assembly import Occasion, Proposal, propose
from invoicing.domain.metered import usage_windows
from invoicing.models import Invoice, InvoiceLine
from invoicing.operations import issuing
from invoicing.queries.tax import get_tax_world
from subscriptions.domain.lifecycle import Action, Status, next_status
from subscriptions.domain.terms import Agreement
from subscriptions.models import Subscription
from subscriptions.operations.agreements import record_status
from subscriptions.queries.terms import list_agreements
from usage import queries as usage_queries

ACTOR = "first charge"
CONFIRMATION_TIME = timedelta(hours=23)
OPEN_STATUSES = (PaymentAttempt.Status.SCHEDULED, PaymentAttempt.Status.CALLING)


def propose_start(agreement: Agreement, *, moment: datetime, now: datetime) -> tuple[Proposal, ...]:
    """Return the documents that open an agreement, charged up to `moment` and issued at `now`; writes nothing."""
    return propose_opening(read_account(agreement), agreement, moment=moment, now=now)


def read_account(agreement: Agreement) -> Account:
    """Return the customer of a new agreement, nothing of it billed yet."""
    return read_accounts([agreement.customer_id], [agreement])[agreement.customer_id]


def propose_opening(account: Account, agreement: Agreement, *, moment: datetime, now: datetime) -> tuple[Proposal, ...]:
    """Return the documents that open an agreement of an account."""
    windows = {window.key: window for window in usage_windows(agreement, moment)}
    occasion = Occasion(moment, local_date(now, account.seller.zone), "start")
    figures = usage_queries.list_usage_figures(list(windows.values()))
    return propose(account, (agreement,), occasion, figures, get_tax_world(now))


def store_draft(proposal: Proposal, *, now: datetime) -> Invoice:
    """Write a proposal as a draft with its lines, in the caller's transaction: nothing is numbered, posted or spent."""
    require_transaction()
    return Invoice.objects.get(id=issuing.store_draft(proposal, as_of=now))


def confirm(*, invoice: Invoice, now: datetime) -> Invoice:
    """Finalise a draft under its own id and start its subscription, in the caller's transaction; return the invoice.

    It is open: the caller holds the customer's lock and puts the payment onto what is returned. Where taxes make two
    documents of one start, the others are charged like any invoice.
    """
    require_transaction()
    subscription = _lock_subscription(invoice.id)
    (agreement,) = list_agreements([subscription.id])
    moment = invoice.due_moment_at
    started = replace(agreement, status=next_status(agreement.status, Action.CONFIRM))
    # A stable sort: the first document with something to charge is the draft.
    proposals = sorted(propose_start(started, moment=moment, now=now), key=lambda one: one.amount_due_minor <= 0)
    issuing.delete_draft(invoice.id)
    issued = issuing.store_lines(proposals, as_of=now, kept_ids=[invoice.id])
    spend_vouchers(proposals, now)
    schedule_charges(issued[1:], as_of=now)
    activate(subscription, settle(started, moment), action=Action.CONFIRM, now=now)
    issuing.finalize(issued, as_of=now)
    return Invoice.objects.select_for_update().get(id=invoice.id)


def abandon(*, invoice: Invoice, now: datetime) -> None:
    """Delete the draft and the subscription that never began, in the caller's transaction."""
    require_transaction()
    subscription = _lock_subscription(invoice.id)
    customer = customer_queries.lock_customer(subscription.customer_id)
    PaymentAttempt.objects.filter(invoice_id=invoice.id).update(invoice=None)
    issuing.delete_draft(invoice.id)
    subscription.delete()
    refresh_agenda(customer)


def abandon_stale(*, now: datetime) -> int:
    """Abandon the starts that nobody confirmed within 23 hours, each in a transaction of its own; return how many.

    One whose charge is still scheduled or being asked for is left alone: its outcome decides. `now` is the wall's
    moment; customers on a test clock are judged by theirs. Raises InstanceHeld: what a provider took meanwhile may
    confirm a start.
    """
    require_running()
    waiting = Subscription.objects.filter(status=Status.INCOMPLETE).select_related("customer__test_clock")
    stale = [
        subscription.id
        for subscription in waiting
        if subscription.created_at <= customer_queries.now_of(subscription.customer, now) - CONFIRMATION_TIME
    ]
    return sum(_abandon_if_idle(subscription_id, now) for subscription_id in stale)


def _abandon_if_idle(subscription_id: uuid.UUID, now: datetime) -> bool:
    """Abandon one start unless it was confirmed meanwhile or its charge is on its way."""
    with transaction.atomic(durable=True):
        subscription = Subscription.objects.filter(id=subscription_id).first()
        if subscription is None:
            return False
        customer_queries.lock_customer(subscription.customer_id)
        draft = (
            Invoice.objects.filter(
                lines__subscription_id=subscription_id, status=Invoice.Status.DRAFT, origin=Invoice.Origin.START
            )
            .exclude(attempts__status__in=OPEN_STATUSES)
            .first()
        )
        still_waiting = Subscription.objects.filter(id=subscription_id, status=Status.INCOMPLETE).exists()
        if draft is None or not still_waiting:
            return False
        abandon(invoice=draft, now=now)
        return True


def activate(subscription: Subscription, settled: Agreement, *, action: Action, now: datetime) -> None:
    """Set a subscription going: its status, running period and next due moment; the agenda follows."""
    before = subscription.status
    subscription.status = settled.status
    start, end = period_bounds(settled, settled.billed_to_at or now)
    subscription.current_period_start, subscription.current_period_end = start, end
    subscription.billed_to_at, subscription.next_due_at = settled.billed_to_at, settled.next_due_at
    subscription.updated_at = now
    subscription.save()
    record_status(subscription, before, action=action, actor=ACTOR, happened_at=now)
    refresh_agenda(customer_queries.get_customer(subscription.customer_id))
    emit(OutboxDraft("subscription.created", "subscription", subscription.id, now, {"status": subscription.status}))


def _lock_subscription(invoice_id: uuid.UUID) -> Subscription:
    """Lock and return the subscription that a first invoice opens."""
    subscription_id = (
        InvoiceLine.objects.filter(invoice_id=invoice_id, subscription__isnull=False)
        .values_list("subscription_id", flat=True)
        .first()
    )
    if subscription_id is None:
        raise RuntimeError(f"draft {invoice_id} opens no subscription")
    return Subscription.objects.select_for_update(no_key=True).get(id=subscription_id)
