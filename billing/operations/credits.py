"""Give back on paper: credit notes by hand, and invoices voided (Billing rules, section 8)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from billing.operations import attempts, refunds, standing
from billing.operations.agenda import refresh_agenda
from billing.operations.payments import cancel_scheduled
from billing.operations.write_offs import require_no_charge_on_its_way
from billing.queries import payments as payment_queries
from billing.queries import refunds as refund_queries
from core.errors import Conflict, Invalid
from core.identifiers import new_id
from core.operations import SYSTEM, Actor, AuditDraft, emit, record_audit
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.giving_back import GivenBack, LineRest, give_back, give_back_whole, rest_of, spread_gross
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.domain.postings import CreditUsed
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from invoicing.operations import giving_back
from invoicing.operations.giving_back import CreditWanted
from invoicing.operations.voucher_uses import return_vouchers
from invoicing.queries import giving_back as rest_queries
from invoicing.queries.credit_notes import get_credit_note
from invoicing.queries.giving_back import turned_round
from subscriptions.models import Subscription

CREDITABLE = frozenset({Invoice.Status.OPEN, Invoice.Status.PAID})


class InvoicePaid(Conflict):
    """Money came in for the invoice: it is given back by a refund, not by a void."""

    code = "invoice_has_payments"


@dataclass(frozen=True, slots=True)
class CreditNoteCommand:
    """A credit note by hand, gross, in minor units: over all lines of the invoice, or over some, by their position.

    `pay_out`: what is over is paid out by refunds as far as the invoice was paid, not put onto the balance.
    """

    invoice_id: uuid.UUID
    amount_minor: int | None = None
    lines_minor: Mapping[int, int] | None = None
    reason: str = ""
    pay_out: bool = False


def make_credit_note(command: CreditNoteCommand, *, now: datetime, actor: Actor = SYSTEM) -> CreditNote:
    """Issue a credit note by hand and return it: it lowers the open invoice, what is over goes to the customer.

    `now` is the wall's moment. The refunds it may start are paid out by the caller or the sweep. Raises NotFound,
    Conflict for an invoice that is not open or paid, Invalid beyond what the invoice still charges.
    """
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        customer = customer_queries.lock_customer(payment_queries.get_invoice(command.invoice_id).customer_id)
        moment = customer_queries.now_of(customer, now)
        invoice = rest_queries.lock_invoice(command.invoice_id)
        if invoice.status not in CREDITABLE:
            raise Conflict(f"An invoice that is {invoice.status} takes no credit note.", code="invoice_not_creditable")
        rests = rest_queries.list_line_rests(invoice.id)
        given_back = give_back(rests, _wanted(command, rests))
        note_id = new_id()
        wanted = CreditWanted(
            id=note_id,
            invoice=invoice,
            origin=CreditNote.Origin.MANUAL,
            given_back=given_back,
            used=_used(
                invoice,
                note_id,
                total_minor=sum(part.gross_minor for part in given_back),
                pay_out_for=customer if command.pay_out else None,
                reason=command.reason,
                now=moment,
            ),
            reason=command.reason,
        )
        stored = giving_back.store_credit(wanted, now=moment)
        _settle(invoice, moment)
        after = {"invoice": invoice.number, "total": wanted.total_minor, "currency": invoice.currency}
        record_audit(actor, [AuditDraft("credit_note.created", "credit_note", note_id, None, after, command.reason)])
        (note,) = giving_back.finish_credits([stored], now=moment)
    return note


def void_invoice(
    *, invoice_id: uuid.UUID, rebill: bool = False, reason: str = "", now: datetime, actor: Actor = SYSTEM
) -> Invoice:
    """Take back an invoice nobody paid, by a full credit note; return it. `now` is the wall's moment.

    What it took from the balance and the vouchers it used up are given back. Its lines are waived; with `rebill` the
    next run bills them again, as the next revision. Raises NotFound, Conflict for an invoice that is neither open nor
    covered by a balance or a discount, that was paid in part, or whose charge is on its way, Invalid on `rebill` when
    no line is a subscription's.
    """
    with transaction.atomic():
        customer = customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        moment = customer_queries.now_of(customer, now)
        subscriptions = _lock_subscriptions(invoice_id) if rebill else []
        invoice = rest_queries.lock_invoice(invoice_id)
        _check_void(invoice, rebill=rebill, has_subscriptions=bool(subscriptions))
        given_back = give_back_whole(rest_queries.list_line_rests(invoice.id))
        due_minor, rest_minor = invoice.amount_due_minor, sum(part.gross_minor for part in given_back)
        wanted = CreditWanted(
            id=new_id(),
            invoice=invoice,
            origin=CreditNote.Origin.VOID,
            given_back=given_back,
            used=CreditUsed(to_invoices_minor=due_minor, to_balance_minor=rest_minor - due_minor),
            reason=reason,
            rebills=rebill,
        )
        stored = giving_back.store_credit(wanted, now=moment)
        return_vouchers(invoice.id, now=moment)
        _settle(invoice, moment)
        if rebill:
            _free(subscriptions, given_back, moment)
            refresh_agenda(customer)
        after = {"number": invoice.number, "rebill": rebill}
        record_audit(actor, [AuditDraft("invoice.voided", "invoice", invoice.id, after=after, reason=reason)])
        giving_back.finish_credits([stored], now=moment)
    return invoice


def void_credit_note(
    *, credit_note_id: uuid.UUID, reason: str = "", now: datetime, actor: Actor = SYSTEM
) -> CreditNote:
    """Take back a credit note by one of its own series that turns it round; return that.

    Its invoice asks again for what was taken off it, what went to the balance is taken from there, and its lines charge
    what they did. `now` is the wall's moment. Raises NotFound, Conflict for one that was not made by hand, that is
    voided already or was paid out, when the balance does not hold it any more, or when its invoice is void or given up.
    """
    with transaction.atomic():
        note = get_credit_note(credit_note_id)
        customer = customer_queries.lock_customer(note.customer_id)
        moment = customer_queries.now_of(customer, now)
        lines = list(note.lines.order_by("position"))
        invoice = rest_queries.lock_invoice(_voidable_over(note, lines))
        _check_note(note, invoice)
        was_paid = invoice.status == Invoice.Status.PAID
        wanted = CreditWanted(
            id=new_id(),
            invoice=invoice,
            origin=CreditNote.Origin.REVERSAL,
            given_back=tuple(turned_round(line) for line in lines),
            used=CreditUsed(-note.to_invoices_minor, -note.to_balance_minor),
            reason=reason,
            voids=note,
        )
        stored = giving_back.store_credit(wanted, now=moment)
        if was_paid and invoice.amount_due_minor and customer.billing_type == Customer.BillingType.CARD:
            attempts.schedule_attempt(invoice=invoice, now=moment)
        after = {"number": note.number, "invoice": invoice.number, "total": note.total_minor}
        record_audit(actor, [AuditDraft("credit_note.voided", "credit_note", note.id, None, after, reason)])
        (reversal,) = giving_back.finish_credits([stored], now=moment)
    return reversal


def _voidable_over(note: CreditNote, lines: Sequence[CreditNoteLine]) -> uuid.UUID:
    """Return the invoice that a credit note by hand is over. Raises Conflict for any other."""
    if note.origin != CreditNote.Origin.MANUAL:
        raise Conflict("Only a credit note that was made by hand is voided.", code="credit_note_not_voidable")
    (invoice_id,) = {line.invoice_id for line in lines}
    if invoice_id is None:
        raise RuntimeError(f"credit note {note.id} names no invoice")
    return invoice_id


def _check_note(note: CreditNote, invoice: Invoice) -> None:
    """Refuse a credit note whose amount is not there any more. Raises Conflict."""
    if CreditNote.objects.filter(voids=note).exists():
        raise Conflict("The credit note is voided already.", code="credit_note_voided")
    if note.refunded_minor:
        raise Conflict("The credit note was paid out.", code="credit_note_paid_out")
    if invoice.status not in CREDITABLE:
        raise Conflict(f"Its invoice is {invoice.status}.", code="invoice_not_creditable")
    given = note.to_balance_minor
    if given and refund_queries.usable_balance(note.customer_id, note.currency) < given:
        raise Conflict("What went to the balance is used; a debit takes it back.", code="credit_used")


def _wanted(command: CreditNoteCommand, rests: Sequence[LineRest]) -> dict[uuid.UUID, int]:
    """Return the gross to give back of each line. Raises Invalid beyond what lines and invoice still charge."""
    rest_minor = rest_of(rests)
    if command.lines_minor is None:
        amount_minor = command.amount_minor or 0
        if not 0 < amount_minor <= rest_minor:
            words = f"must be above 0 and at most {rest_minor}, what the invoice still charges"
            raise Invalid("The credit note is too large.", fields={"amount": words})
        return spread_gross(rests, amount_minor)
    faults, wanted = {}, {}
    for place, (position, minor) in enumerate(command.lines_minor.items()):
        rest = rests[position - 1] if 0 < position <= len(rests) else None
        if rest is None:
            faults[f"lines.{place}.line"] = "the invoice has no such line"
        elif not 0 < minor <= rest.gross_minor:
            faults[f"lines.{place}.amount"] = f"must be above 0 and at most {max(rest.gross_minor, 0)}"
        else:
            wanted[rest.line_id] = minor
    if not faults and not 0 < sum(wanted.values()) <= rest_minor:
        faults["lines"] = f"must come to at most {rest_minor}, what the invoice still charges"
    if faults:
        raise Invalid("The credit note is too large.", fields=faults)
    return wanted


def _used(
    invoice: Invoice, note_id: uuid.UUID, *, total_minor: int, pay_out_for: Customer | None, reason: str, now: datetime
) -> CreditUsed:
    """Decide what a credit note does with its total; what it pays out to a customer is scheduled."""
    to_invoice_minor = min(total_minor, invoice.amount_due_minor)
    left_minor = total_minor - to_invoice_minor
    refunded_minor = 0
    if pay_out_for is not None and left_minor:
        refunded_minor = left_minor - refunds.schedule_refunds(
            credit_note_id=note_id,
            parts_minor={invoice.id: left_minor},
            amount_minor=left_minor,
            customer=pay_out_for,
            reason=reason,
            now=now,
        )
    return CreditUsed(to_invoice_minor, left_minor - refunded_minor, refunded_minor)


def _settle(invoice: Invoice, now: datetime) -> None:
    """Stop charging an invoice that asks for nothing any more, and let its subscriptions be in good standing."""
    if invoice.amount_due_minor:
        return
    cancel_scheduled(invoice)
    emit(*standing.mark_paid([invoice.id], now))


def _check_void(invoice: Invoice, *, rebill: bool, has_subscriptions: bool) -> None:
    next_invoice_status(invoice.status, InvoiceAction.VOID)
    if invoice.amount_paid_minor:
        raise InvoicePaid("The invoice was paid, at least in part; refund the payment instead.")
    require_no_charge_on_its_way(invoice)
    if rebill and not has_subscriptions:
        raise Invalid("Nothing would be billed again.", fields={"rebill": "no line is a subscription's"})


def _lock_subscriptions(invoice_id: uuid.UUID) -> list[Subscription]:
    """Lock the subscriptions that an invoice's lines charge."""
    ids = InvoiceLine.objects.filter(invoice_id=invoice_id, item__isnull=False).values("subscription_id")
    return list(Subscription.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id"))


def _free(subscriptions: Sequence[Subscription], given_back: Sequence[GivenBack], now: datetime) -> None:
    """Let the next run look back to the freed lines, and make it come."""
    lines = InvoiceLine.objects.filter(id__in=[part.line_id for part in given_back], period_start__isnull=False)
    starts: dict[uuid.UUID | None, datetime] = {}
    for subscription_id, start in lines.values_list("subscription_id", "period_start"):
        if start is not None:
            starts[subscription_id] = min(start, starts.get(subscription_id, start))
    for subscription in subscriptions:
        start = starts.get(subscription.id)
        if start is None:
            continue
        subscription.dirty_from = min(start, subscription.dirty_from or start)
        subscription.next_due_at = min(now, subscription.next_due_at or now)
        subscription.updated_at = now
        subscription.save(update_fields=["dirty_from", "next_due_at", "updated_at"])
