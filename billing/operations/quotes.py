"""Quotes: write one, change it, accept it (Billing rules, section 8, Quotes)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.domain.cycle import settle
from billing.operations import attempts, charging, first_invoices
from billing.operations.accepting import items_of, mark_accepted, propose_quote
from billing.operations.start import NoUsablePaymentMethod, Opening, StartCommand, agreement_for, store_opening
from billing.run.writing import schedule_charges, spend_vouchers
from core.domain.outbox import OutboxDraft
from core.errors import BillingError, Conflict, Invalid
from core.operations import Actor, AuditDraft, emit, record_audit
from core.operations_idempotency import remember_resources, resumed_resource
from core.operations_instance import require_running
from customers import queries as customer_queries
from customers.models import Customer, PaymentMethod
from invoicing.domain.account import CARD
from invoicing.domain.assembly import Proposal
from invoicing.models import Quote, RequestedLine
from invoicing.operations import issuing
from invoicing.operations.requested_lines import PaperWanted, list_requested, requested_lines, store_requested
from invoicing.queries.quotes import get_quote
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import Agreement


class QuoteExpired(BillingError):
    """The quote's day is over."""

    kind = "not_acceptable"
    code = "quote_expired"


@dataclass(frozen=True, slots=True)
class QuoteWanted:
    """What a quote shall offer; None leaves it as it is. `expires_at` None with `never_expires` takes its day away."""

    paper: PaperWanted | None = None
    name: str | None = None
    expires_at: datetime | None = None
    never_expires: bool = False


@transaction.atomic
def create_quote(*, customer_id: uuid.UUID, wanted: QuoteWanted, now: datetime, actor: Actor) -> Quote:
    """Write a quote, priced as accepting it now would be; `now` is the customer's moment.

    Raises NotFound, Invalid when its lines cannot be charged together, come to nothing, or its day is over.
    """
    customer = customer_queries.lock_customer(customer_id)
    quote = Quote(customer=customer, status=Quote.Status.OPEN, created_at=now)
    _write(quote, requested_lines(wanted.paper or PaperWanted()), wanted, now)
    facts = {"customer": str(customer_id), "total": quote.total_minor, "currency": quote.currency}
    emit(OutboxDraft("quote.created", "quote", quote.id, now, facts))
    _audit(actor, "quote.created", quote, now)
    return get_quote(quote.id, now=now)


@transaction.atomic
def update_quote(quote_id: uuid.UUID, wanted: QuoteWanted, *, now: datetime, actor: Actor) -> Quote:
    """Change a quote that is not accepted, and price it afresh. Raises Conflict, and what create_quote does."""
    quote = _lock_open(quote_id)
    rows = requested_lines(wanted.paper) if wanted.paper is not None else list_requested(quote_id=quote_id)
    quote.expiry_told_at = None
    _write(quote, rows, wanted, now)
    _audit(actor, "quote.updated", quote, now)
    return get_quote(quote_id, now=now)


@transaction.atomic
def delete_quote(quote_id: uuid.UUID, *, now: datetime, actor: Actor) -> None:
    """Delete a quote that is not accepted. Raises NotFound, Conflict."""
    quote = _lock_open(quote_id)
    _audit(actor, "quote.deleted", quote, now)
    quote.delete()


def accept_quote(quote_id: uuid.UUID, *, now: datetime, actor: Actor) -> Quote:
    """Accept a quote: start its subscriptions and issue its invoice, once.

    A card customer's invoice is a draft until its charge succeeds: a decline leaves the quote open, and ChargeDeclined
    is raised. With an unknown outcome the quote stays open, with its draft, until the outcome is known. Raises
    NotFound, QuoteExpired, Conflict when it is accepted or being charged, NoUsablePaymentMethod, InstanceHeld.
    """
    attempt_id = resumed_resource("attempt")
    if attempt_id is None and resumed_resource("quote") is None:
        with transaction.atomic(durable=True):
            attempt_id = _accept(quote_id, now, actor)
            remember_resources(quote=quote_id, **({"attempt": attempt_id} if attempt_id else {}))
    if attempt_id is not None:
        outcome = charging.charge_now(attempt_id, now)
        if not outcome.is_paid and not outcome.is_open:
            raise charging.ChargeDeclined(outcome)
    return get_quote(quote_id, now=now)


def _accept(quote_id: uuid.UUID, now: datetime, actor: Actor) -> uuid.UUID | None:
    """Store what accepting makes; return the attempt that must succeed before it counts, if there is one."""
    quote = _lock_open(quote_id)
    customer = quote.customer
    if quote.expires_at is not None and quote.expires_at <= now:
        raise QuoteExpired(f"The quote expired at {quote.expires_at:%Y-%m-%d %H:%M} UTC.")
    rows = list_requested(quote_id=quote_id)
    agreements = _agreements(customer, rows, now)
    proposals = _proposals(customer, agreements, rows, now)
    to_charge = [one for one in proposals if one.amount_due_minor > 0 and customer.billing_type == CARD]
    if not to_charge:
        _store_subscriptions(customer, rows, [settle(one, now) for one in agreements], now, actor)
        issued = issuing.store_lines(proposals, as_of=now)
        spend_vouchers(proposals, now)
        schedule_charges(issued, as_of=now)
        mark_accepted(quote, issued[0].id, now=now)
        _audit(actor, "quote.accepted", quote, now)
        issuing.finalize(issued, as_of=now)
        return None
    method_id = to_charge[0].payment_method_id
    if method_id is None:
        raise NoUsablePaymentMethod("The customer has no card to charge.")
    require_running()
    _store_subscriptions(customer, rows, [_incomplete(one) for one in agreements], now, actor)
    draft = first_invoices.store_draft(to_charge[0], now=now)
    quote.invoice, quote.updated_at = draft, now
    quote.save(update_fields=["invoice", "updated_at"])
    _audit(actor, "quote.accepted", quote, now)
    card = PaymentMethod.objects.get(id=method_id)
    attempt_id: uuid.UUID = attempts.schedule_attempt(invoice=draft, now=now, card=card).id
    return attempt_id


def _incomplete(agreement: Agreement) -> Agreement:
    """Return an agreement that waits for its first charge."""
    return replace(agreement, status=Status.INCOMPLETE)


def _write(quote: Quote, rows: Sequence[RequestedLine], wanted: QuoteWanted, now: datetime) -> None:
    """Price a quote's lines and store both. Raises Invalid."""
    if wanted.name is not None:
        quote.name = wanted.name
    if wanted.expires_at is not None or wanted.never_expires:
        quote.expires_at = wanted.expires_at
    if quote.expires_at is not None and quote.expires_at <= now:
        raise Invalid("The quote would be expired.", fields={"expires_at": "must lie ahead"})
    proposals = _proposals(quote.customer, _agreements(quote.customer, rows, now), rows, now)
    quote.currency = proposals[0].currency
    quote.sub_total_minor = sum(one.sub_total_minor for one in proposals)
    quote.tax_total_minor = sum(one.tax_total_minor for one in proposals)
    quote.total_minor = sum(one.total_minor for one in proposals)
    quote.lines = [_line(line, one.currency) for one in proposals for line in one.lines]
    quote.updated_at = now
    quote.save()
    store_requested(_copies(rows), quote=quote)


def _copies(rows: Sequence[RequestedLine]) -> list[RequestedLine]:
    """Return rows to be stored anew: those of before are deleted first."""
    copied = ("plan_id", "price_id", "seats", "description", "currency", "amount_minor", "including_tax", "tax_type_id")
    return [RequestedLine(position=row.position, **{name: getattr(row, name) for name in copied}) for row in rows]


def _line(line: Any, currency: str) -> dict[str, Any]:
    """Return a proposed line as a quote keeps it."""
    return {
        "description": line.charge.description,
        "quantity": str(line.charge.quantity),
        "currency": currency,
        "sub_total": line.tax.net_minor,
        "tax_total": line.tax.tax_minor,
        "total": line.tax.gross_minor,
        "tax_rate": str(line.treatment.rate),
    }


def _agreements(customer: Customer, rows: Sequence[RequestedLine], now: datetime) -> list[Agreement]:
    """Return the agreements that a quote's plans would start now, without a trial. Raises what a start does."""
    return [
        agreement_for(
            customer, StartCommand(plan=str(row.plan_id), price_id=row.price_id, seats=row.seats or 1, trial=False), now
        )
        for row in rows
        if row.plan_id is not None
    ]


def _proposals(
    customer: Customer, agreements: Sequence[Agreement], rows: Sequence[RequestedLine], now: datetime
) -> tuple[Proposal, ...]:
    """Return the documents accepting would make. Raises Invalid when there are none."""
    proposals = propose_quote(customer, agreements, items_of(rows), moment=now, now=now)
    if not proposals:
        raise Invalid("Nothing is charged.", fields={"items": "Nothing is charged."})
    return proposals


def _store_subscriptions(
    customer: Customer, rows: Sequence[RequestedLine], agreements: Sequence[Agreement], now: datetime, actor: Actor
) -> None:
    """Store the subscriptions of a quote's plans, and note them on its lines."""
    planned = [row for row in rows if row.plan_id is not None]
    for row, agreement in zip(planned, agreements, strict=True):
        row.subscription = store_opening(Opening(customer, agreement, now, actor, {}), agreement)
        row.save(update_fields=["subscription"])


def _lock_open(quote_id: uuid.UUID) -> Quote:
    """Lock a quote that can still be changed, its customer first. Raises NotFound, Conflict."""
    customer_queries.lock_customer(get_quote(quote_id).customer_id)
    quote = Quote.objects.select_for_update(of=("self",)).select_related("customer__brand").get(id=quote_id)
    if quote.status == Quote.Status.ACCEPTED:
        raise Conflict("The quote is accepted.", code="quote_accepted")
    if quote.invoice_id is not None:
        raise Conflict("The quote is being charged.", code="quote_being_charged")
    return quote


def _audit(actor: Actor, action: str, quote: Quote, now: datetime) -> None:
    """Write one audit entry."""
    after = {"total": quote.total_minor, "currency": quote.currency}
    record_audit(actor, [AuditDraft(action, "quote", quote.id, after=after)], recorded_at=now)
