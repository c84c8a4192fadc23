"""Writes of what waits for late usage: drafts with the rows that carry their work (Billing rules, section 8)."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core.copying import copy_rows
from core.domain.outbox import OutboxDraft
from core.identifiers import new_id
from core.operations import emit, require_transaction
from core.rows import array_text
from invoicing.domain.assembly import Proposal
from invoicing.domain.waiting import WaitingStep
from invoicing.operations import issuing
from subscriptions.domain.terms import Agreement

STEP_COLUMNS = ("id", "customer_id", "moment", "finalize_at", "created_at")
PART_COLUMNS = ("id", "step_id", "subscription_id", "billed_from_at", "dirty_from")


@dataclass(frozen=True, slots=True)
class StepToHold:
    """A due moment of a customer that begins to wait: its agreements as they stood before, and what its drafts show."""

    customer_id: uuid.UUID
    moment: datetime
    finalize_at: datetime
    before: Sequence[Agreement]
    proposals: Sequence[Proposal]


def hold_steps(steps: Sequence[StepToHold], *, as_of: datetime) -> None:
    """Write drafts of steps that wait, in the caller's transaction: nothing is numbered, posted, spent or charged.

    A proposal that gives more back than it charges has no draft; its credit note is made when the step is issued.
    Raises IntegrityError when one of the subscriptions waits already.
    """
    require_transaction()
    if not steps:
        return
    drafts = [
        issuing.Issued(new_id(), proposal) for step in steps for proposal in step.proposals if not proposal.is_credit
    ]
    issuing.store_drafts(drafts, as_of=as_of)
    rows = [(new_id(), step.customer_id, step.moment, step.finalize_at, as_of) for step in steps]
    copy_rows("invoicing_waitingstep", STEP_COLUMNS, rows)
    parts = [
        (new_id(), row[0], agreement.subscription_id, agreement.billed_to_at, agreement.dirty_from)
        for row, step in zip(rows, steps, strict=True)
        for agreement in step.before
    ]
    copy_rows("invoicing_waitingpart", PART_COLUMNS, parts)
    emit(*(draft_created(draft.id, draft.proposal, as_of) for draft in drafts))


def draft_created(invoice_id: uuid.UUID, proposal: Proposal, as_of: datetime) -> OutboxDraft:
    """Return the fact that a draft was made."""
    payload = {
        "customer": str(proposal.account.customer_id),
        "currency": proposal.currency,
        "total": proposal.total_minor,
        "status": "draft",
    }
    return OutboxDraft("invoice.created", "invoice", invoice_id, as_of, payload)


def release_steps(steps: Iterable[WaitingStep]) -> None:
    """Take waiting steps and their drafts away, in the caller's transaction, which issues them next."""
    require_transaction()
    released = list(steps)
    if not released:
        return
    draft_ids = array_text([draft.invoice_id for step in released for draft in step.drafts])
    step_ids = array_text([step.step_id for step in released])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM invoicing_invoiceline WHERE invoice_id = ANY(%s::uuid[])", [draft_ids])
        cursor.execute("DELETE FROM invoicing_invoice WHERE id = ANY(%s::uuid[])", [draft_ids])
        cursor.execute("DELETE FROM invoicing_waitingpart WHERE step_id = ANY(%s::uuid[])", [step_ids])
        cursor.execute("DELETE FROM invoicing_waitingstep WHERE id = ANY(%s::uuid[])", [step_ids])
