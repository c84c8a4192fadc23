"""Give up what nobody pays: an open invoice becomes uncollectible (Billing rules, sections 8 and 9)."""

import uuid
from collections import defaultdict
from datetime import datetime

from django.db import transaction

from billing.domain.postings import OwedBy, write_off_entry
from billing.operations import standing
from billing.operations.payments import cancel_scheduled
from billing.queries import payments as payment_queries
from core.domain.schedule import local_date
from core.errors import Conflict
from core.operations import SYSTEM, Actor, AuditDraft, emit, record_audit, require_transaction
from customers import queries as customer_queries
from invoicing.domain.giving_back import give_back, rest_of, spread_gross
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.domain.write_offs import GivenUp
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries import giving_back as rest_queries
from ledger import operations as ledger_operations


class ChargeOnItsWay(Conflict):
    """The provider is being asked for the invoice's money: what comes of it decides."""

    code = "charge_on_its_way"


def write_off_invoice(*, invoice_id: uuid.UUID, reason: str, now: datetime, actor: Actor = SYSTEM) -> Invoice:
    """Give up what is due on an open invoice and return it; `now` is the wall's moment.

    Raises NotFound, Conflict for an invoice that is not open or whose charge is on its way.
    """
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        customer = customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        invoice = rest_queries.lock_invoice(invoice_id)
        write_off(invoice, now=customer_queries.now_of(customer, now))
        after = {"number": invoice.number, "amount": invoice.written_off_minor, "currency": invoice.currency}
        record_audit(actor, [AuditDraft("invoice.written_off", "invoice", invoice.id, after=after, reason=reason)])
    return invoice


def write_off(invoice: Invoice, *, now: datetime) -> None:
    """Give up what is due on a locked invoice, in the caller's transaction, the customer locked.

    Its dunning ends, and subscriptions that were overdue over it go on. `now` is the customer's moment. Raises Conflict
    for an invoice that is not open or whose charge is on its way, RuntimeError outside a transaction.
    """
    require_transaction()
    invoice.status = next_invoice_status(invoice.status, InvoiceAction.WRITE_OFF)
    require_no_charge_on_its_way(invoice)
    given_up = _given_up(invoice)
    invoice.uncollectible_at = now
    invoice.written_off_minor, invoice.amount_due_minor = invoice.amount_due_minor, 0
    invoice.save(update_fields=["status", "uncollectible_at", "written_off_minor", "amount_due_minor"])
    cancel_scheduled(invoice)
    entry = write_off_entry(
        given_up,
        invoice_id=invoice.id,
        owed=OwedBy(invoice.customer_id, invoice.currency),
        posted_at=now,
        accounting_date=local_date(now, invoice.brand.time_zone),
    )
    ledger_operations.post_entries([entry])
    emit(*standing.mark_given_up([invoice.id], now))


def require_no_charge_on_its_way(invoice: Invoice) -> None:
    """Refuse while the provider is being asked for an invoice's money. Raises ChargeOnItsWay."""
    if payment_queries.is_being_charged(invoice.id):
        raise ChargeOnItsWay("A charge of this invoice is on its way; try again when its outcome is known.")


def _given_up(invoice: Invoice) -> GivenUp:
    """Return what is due on an invoice with the tax in it: the same share of every line's rest.

    What a debit on the balance added to the invoice carries no tax.
    """
    rests = rest_queries.list_line_rests(invoice.id)
    unpaid_minor = min(invoice.amount_due_minor, rest_of(rests))
    countries = dict(InvoiceLine.objects.filter(invoice=invoice).values_list("id", "tax_country"))
    tax_minor: dict[str, int] = defaultdict(int)
    if unpaid_minor > 0:
        for part in give_back(rests, spread_gross(rests, unpaid_minor)):
            tax_minor[countries[part.line_id]] += part.tax_minor
    return GivenUp(invoice.amount_due_minor, {country: tax for country, tax in tax_minor.items() if tax})
