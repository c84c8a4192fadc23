"""What becomes of a quote that a customer accepts: its documents, and the draft whose charge decides.

Billing rules, section 8, Quotes: priced like an invoice, accepted once, paid only when the charge succeeded.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce

from billing.domain.cycle import settle
from billing.models import PaymentAttempt
from billing.operations import first_invoices
from billing.operations.agenda import refresh_agenda
from billing.run.reading import read_accounts
from billing.run.writing import schedule_charges, spend_vouchers
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.operations import emit, require_transaction
from core.operations_instance import require_running
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.assembly import Occasion, Proposal, documents_of, opened_periods, owed_by, tax_point_of
from invoicing.domain.manual import ItemLine, manual_charges
from invoicing.domain.metered import usage_windows
from invoicing.models import Invoice, Quote, RequestedLine
from invoicing.operations import issuing
from invoicing.operations.requested_lines import list_requested, wanted_lines
from invoicing.queries.tax import get_tax_world
from subscriptions.domain.lifecycle import Action, next_status
from subscriptions.domain.terms import Agreement
from subscriptions.models import Subscription
from subscriptions.queries.terms import list_agreements
from usage import queries as usage_queries

CONFIRMATION_TIME = timedelta(hours=23)


def propose_quote(
    customer: Customer, agreements: Sequence[Agreement], items: Sequence[ItemLine], *, moment: datetime, now: datetime
) -> tuple[Proposal, ...]:
    """Return the documents that open agreements and charge items, by the code of every invoice; writes nothing."""
    account = read_accounts([customer.id], agreements)[customer.id]
    occasion = Occasion(moment, local_date(now, account.seller.zone), Invoice.Origin.QUOTE.value)
    windows = {window.key: window for agreement in agreements for window in usage_windows(agreement, moment)}
    figures = usage_queries.list_usage_figures(list(windows.values()))
    owed = owed_by(account, agreements, occasion, figures)
    by_hand = manual_charges(items, moment, account.zone, tax_point_of(account, occasion))
    owed += tuple((charge, account.payment_method_id) for charge in by_hand)
    return documents_of(account, owed, occasion, get_tax_world(now), opened_periods(account, agreements, moment))


def items_of(rows: Sequence[RequestedLine]) -> tuple[ItemLine, ...]:
    """Return the items with an amount of their own among requested lines."""
    return tuple(
        line for line in wanted_lines([row for row in rows if row.plan_id is None]) if isinstance(line, ItemLine)
    )


def mark_accepted(quote: Quote, invoice_id: uuid.UUID, *, now: datetime) -> None:
    """Note that a quote is accepted, in the caller's transaction, which writes the invoice."""
    require_transaction()
    quote.status, quote.accepted_at, quote.updated_at = Quote.Status.ACCEPTED, now, now
    quote.invoice_id = invoice_id
    quote.save(update_fields=["status", "accepted_at", "updated_at", "invoice"])
    payload = {"customer": str(quote.customer_id), "invoice": str(invoice_id), "total": quote.total_minor}
    emit(OutboxDraft("quote.accepted", "quote", quote.id, now, payload))


def confirm(*, invoice: Invoice, now: datetime) -> Invoice:
    """Finalise the draft of an accepted quote under its own id and start its subscriptions; return the invoice.

    In the caller's transaction, the customer locked; what first_invoices.confirm does for one subscription.
    """
    require_transaction()
    quote = Quote.objects.select_for_update().get(invoice_id=invoice.id)
    rows = list_requested(quote_id=quote.id)
    agreed = {one.subscription_id: one for one in list_agreements(_subscription_ids(rows))}
    started = [
        replace(agreed[one], status=next_status(agreed[one].status, Action.CONFIRM)) for one in _subscription_ids(rows)
    ]
    moment = invoice.due_moment_at
    made = propose_quote(quote.customer, started, items_of(rows), moment=moment, now=now)
    # A stable sort: the first document with something to charge is the draft.
    proposals = sorted(made, key=lambda one: one.amount_due_minor <= 0)
    issuing.delete_draft(invoice.id)
    issued = issuing.store_lines(proposals, as_of=now, kept_ids=[invoice.id])
    spend_vouchers(proposals, now)
    for document in issued[1:]:
        schedule_charges([document], as_of=now)
    for agreement in started:
        subscription = Subscription.objects.select_for_update(no_key=True).get(id=agreement.subscription_id)
        first_invoices.activate(subscription, settle(agreement, moment), action=Action.CONFIRM, now=now)
    mark_accepted(quote, invoice.id, now=now)
    issuing.finalize(issued, as_of=now)
    return Invoice.objects.select_for_update().get(id=invoice.id)


def abandon(*, invoice: Invoice, now: datetime) -> None:
    """Delete the draft and the subscriptions that never began; the quote is open again. In the caller's transaction."""
    require_transaction()
    quote = Quote.objects.select_for_update().get(invoice_id=invoice.id)
    customer = customer_queries.lock_customer(quote.customer_id)
    begun = _subscription_ids(list_requested(quote_id=quote.id))
    quote.invoice, quote.updated_at = None, now
    quote.save(update_fields=["invoice", "updated_at"])
    RequestedLine.objects.filter(quote=quote).update(subscription=None)
    PaymentAttempt.objects.filter(invoice_id=invoice.id).update(invoice=None)
    issuing.delete_draft(invoice.id)
    for subscription in Subscription.objects.filter(id__in=begun):
        subscription.delete()
    refresh_agenda(customer)


def abandon_stale(*, now: datetime) -> int:
    """Open again the quotes whose charge nobody confirmed within 23 hours, each in a transaction; return how many.

    One whose charge is still on its way is left alone. Raises InstanceHeld.
    """
    require_running()
    waiting = Quote.objects.filter(status=Quote.Status.OPEN, invoice__isnull=False)
    stale = [
        quote.id
        for quote in waiting.select_related("customer__test_clock", "invoice")
        if quote.invoice is not None
        and quote.invoice.created_at <= customer_queries.now_of(quote.customer, now) - CONFIRMATION_TIME
    ]
    return sum(_abandon_if_idle(quote_id, now) for quote_id in stale)


def _abandon_if_idle(quote_id: uuid.UUID, now: datetime) -> bool:
    """Open one quote again unless it was confirmed meanwhile or its charge is on its way."""
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(Quote.objects.get(id=quote_id).customer_id)
        drafts = Invoice.objects.filter(quote__id=quote_id, status=Invoice.Status.DRAFT)
        draft = drafts.exclude(attempts__status__in=first_invoices.OPEN_STATUSES).first()
        if draft is not None:
            abandon(invoice=draft, now=now)
    return draft is not None


def tell_expired(*, now: datetime) -> int:
    """Tell once of every open quote whose day is over, by its customer's clock; return of how many."""
    moment = Coalesce("customer__test_clock__now_at", Value(now), output_field=DateTimeField())
    with transaction.atomic(durable=True):
        expired = Quote.objects.alias(moment=moment).filter(
            expires_at__lte=F("moment"), status=Quote.Status.OPEN, invoice__isnull=True, expiry_told_at__isnull=True
        )
        found = list(expired.select_for_update(of=("self",), skip_locked=True).order_by("id"))
        Quote.objects.filter(id__in=[quote.id for quote in found]).update(expiry_told_at=now)
        emit(
            *(
                OutboxDraft(
                    "quote.expired", "quote", quote.id, quote.expires_at or now, {"customer": str(quote.customer_id)}
                )
                for quote in found
            )
        )
    return len(found)


def _subscription_ids(rows: Sequence[RequestedLine]) -> list[uuid.UUID]:
    """Return the subscriptions that a quote's lines began, in order."""
    return [row.subscription_id for row in rows if row.subscription_id is not None]
