"""Invoices made by hand: issued at once, or drafts that are changed, deleted or finalised later.

Billing rules, section 8. A draft has no number and no postings, and uses no balance or voucher; finalising proposes it
afresh, by the rules of then.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.run.reading import read_accounts
from billing.run.writing import schedule_charges, spend_vouchers
from core.domain.schedule import local_date
from core.errors import Conflict, Invalid
from core.operations import Actor, AuditDraft, emit, record_audit, require_transaction
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.assembly import Occasion, Proposal, documents_of, tax_point_of
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.domain.manual import WantedLine, manual_charges
from invoicing.models import Invoice
from invoicing.operations import issuing
from invoicing.operations.requested_lines import (
    PaperWanted,
    delete_requested,
    list_requested,
    requested_lines,
    store_requested,
    wanted_lines,
)
from invoicing.operations.waiting import draft_created
from invoicing.queries.invoices import get_invoice
from invoicing.queries.tax import get_tax_world

MANUAL = Invoice.Origin.MANUAL.value


@transaction.atomic
def create_invoice(
    *, customer_id: uuid.UUID, wanted: PaperWanted, draft: bool = False, now: datetime, actor: Actor
) -> Invoice:
    """Make an invoice of what is wanted, finalised at once unless it shall be a draft; `now` is the customer's moment.

    1000 + 2000 + an item of 5000 -> 8000. A card customer's is charged by the worker like any invoice. Raises NotFound,
    Invalid when the lines cannot be charged together or come to nothing, Conflict for a disabled customer.
    """
    customer = _lock_customer(customer_id)
    rows = requested_lines(wanted)
    proposals = propose_manual(customer, wanted_lines(rows), now=now)
    (proposal,) = _one_paper(proposals)
    if draft:
        invoice_id = issuing.store_draft(proposal, as_of=now)
        store_requested(rows, invoice=get_invoice(invoice_id))
        emit(draft_created(invoice_id, proposal, now))
    else:
        invoice_id = issue(proposals, now=now)
    _audit(actor, "invoice.created", invoice_id, now, after={"draft": draft, "total": proposal.total_minor})
    return get_invoice(invoice_id)


@transaction.atomic
def update_draft(invoice_id: uuid.UUID, wanted: PaperWanted | None, *, now: datetime, actor: Actor) -> Invoice:
    """Put other lines onto a draft made by hand, all at once; None leaves it as it is.

    Raises NotFound, Invalid, Conflict when it is no such draft.
    """
    customer, invoice = _lock_draft(invoice_id)
    if wanted is None:
        return invoice
    rows = requested_lines(wanted)
    (proposal,) = _one_paper(propose_manual(customer, wanted_lines(rows), now=now))
    issuing.delete_draft(invoice_id)
    issuing.store_draft(proposal, as_of=now, invoice_id=invoice_id)
    Invoice.objects.filter(id=invoice_id).update(created_at=invoice.created_at)
    store_requested(rows, invoice=invoice)
    before, after = {"total": invoice.total_minor}, {"total": proposal.total_minor}
    _audit(actor, "invoice.updated", invoice_id, now, before=before, after=after)
    return get_invoice(invoice_id)


@transaction.atomic
def delete_draft(invoice_id: uuid.UUID, *, now: datetime, actor: Actor) -> None:
    """Delete a draft made by hand. Raises NotFound, Conflict when it is no such draft."""
    _, invoice = _lock_draft(invoice_id)
    delete_requested(invoice_id=invoice_id)
    issuing.delete_draft(invoice_id)
    _audit(actor, "invoice.deleted", invoice_id, now, before={"total": invoice.total_minor})


@transaction.atomic
def finalize_manual(invoice_id: uuid.UUID, *, now: datetime, actor: Actor) -> Invoice:
    """Finalise a draft made by hand: propose it afresh and give it its number, under the id it had.

    Balance and vouchers are used now. Raises NotFound, Conflict when it is no such draft or the customer is disabled,
    Invalid when a rule of now leaves nothing of it.
    """
    customer, _ = _lock_draft(invoice_id)
    proposals = _some_paper(propose_manual(customer, wanted_lines(list_requested(invoice_id=invoice_id)), now=now))
    delete_requested(invoice_id=invoice_id)
    issuing.delete_draft(invoice_id)
    issue(proposals, now=now, first_id=invoice_id)
    _audit(actor, "invoice.finalized", invoice_id, now, after={"total": proposals[0].total_minor})
    return get_invoice(invoice_id)


def propose_manual(customer: Customer, wanted: Sequence[WantedLine], *, now: datetime) -> tuple[Proposal, ...]:
    """Return the documents that charge wanted lines for service from now on; writes nothing."""
    account = read_accounts([customer.id], ())[customer.id]
    occasion = Occasion(now, local_date(now, account.seller.zone), MANUAL)
    owed = manual_charges(wanted, now, account.zone, tax_point_of(account, occasion))
    charged = tuple((charge, account.payment_method_id) for charge in owed)
    return documents_of(account, charged, occasion, get_tax_world(as_of=now), {})


def issue(proposals: Sequence[Proposal], *, now: datetime, first_id: uuid.UUID | None = None) -> uuid.UUID:
    """Finalise documents with their charge work, in the caller's transaction; return the first one's id.

    Numbers come last: the caller adds nothing but audit entries, and commits.
    """
    require_transaction()
    issued = issuing.store_lines(proposals, as_of=now, kept_ids=[first_id])
    spend_vouchers(proposals, now)
    # One after the other: the key of each counts those before it.
    for document in issued:
        schedule_charges([document], as_of=now)
    issuing.finalize(issued, as_of=now)
    return issued[0].id


def _lock_customer(customer_id: uuid.UUID) -> Customer:
    """Lock a customer who may be charged. Raises NotFound, Conflict when it is disabled or erased."""
    customer = customer_queries.lock_customer(customer_id)
    customer_operations.refuse_erased(customer)
    if customer.status == Customer.Status.DISABLED:
        raise Conflict("The customer is disabled.", code="customer_disabled")
    return customer


def _lock_draft(invoice_id: uuid.UUID) -> tuple[Customer, Invoice]:
    """Lock a customer and return it with its draft made by hand. Raises NotFound, Conflict for any other invoice."""
    customer = _lock_customer(get_invoice(invoice_id).customer_id)
    invoice = get_invoice(invoice_id)
    next_invoice_status(invoice.status, InvoiceAction.FINALIZE)
    if invoice.origin != MANUAL:
        raise Conflict("This draft was not made by hand; what it charges is not changed here.", code="draft_not_manual")
    return customer, invoice


def _one_paper(proposals: Sequence[Proposal]) -> Sequence[Proposal]:
    """Return the one document that lines make. Raises Invalid when they make none, or need two."""
    if len(_some_paper(proposals)) > 1:
        message = "Their taxes do not stand on one invoice: put these lines on two."
        raise Invalid(message, fields={"items": message})
    return proposals


def _some_paper(proposals: Sequence[Proposal]) -> Sequence[Proposal]:
    """Return documents, of which there is at least one. Raises Invalid."""
    if not proposals:
        raise Invalid("Nothing is charged.", fields={"items": "Nothing is charged."})
    return proposals


def _audit(
    actor: Actor,
    action: str,
    invoice_id: uuid.UUID,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write one audit entry."""
    record_audit(actor, [AuditDraft(action, "invoice", invoice_id, before=before, after=after)], recorded_at=now)
