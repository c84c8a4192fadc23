"""Finalise a draft, whatever it waits for (Billing rules, section 8)."""

import uuid
from datetime import datetime

from billing.operations.grace import finalize_waiting_draft
from billing.operations.manual_invoices import finalize_manual
from core.operations import Actor
from invoicing.models import Invoice
from invoicing.queries.invoices import get_invoice


def finalize_draft(invoice_id: uuid.UUID, *, now: datetime, actor: Actor) -> Invoice:
    """Give a draft its number now: one made by hand, or one of the run before its grace period is over.

    Raises NotFound; Conflict for what is no draft, and for a draft whose charge decides.
    """
    if get_invoice(invoice_id).origin == Invoice.Origin.CYCLE:
        return finalize_waiting_draft(invoice_id, now=now)
    return finalize_manual(invoice_id, now=now, actor=actor)
