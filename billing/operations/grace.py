"""Issue what waits for late usage before its grace period is over (Billing rules, section 8)."""

import uuid
from datetime import UTC, datetime

from django.db import transaction

from billing.domain.cycle import plan_steps, step_windows
from billing.domain.grace import bill_sorted, sort_steps
from billing.run.reading import read_accounts
from billing.run.writing import Outcome, write_outcomes
from core.errors import Conflict
from core.operations import require_transaction
from customers import queries as customer_queries
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.models import Invoice
from invoicing.queries.invoices import get_invoice
from invoicing.queries.tax import get_tax_world
from usage import queries as usage_queries

BEFORE_EVERYTHING = datetime.min.replace(tzinfo=UTC)


@transaction.atomic
def finalize_waiting_draft(invoice_id: uuid.UUID, *, now: datetime) -> Invoice:
    """Issue the due moment that a draft of the run shows, and every document of it, with the usage known by now.

    Returns the invoice, under the id the draft had. Raises NotFound; Conflict when it does not wait, or when nothing
    of it would be left: then it goes on waiting.
    """
    customer_queries.lock_customer(get_invoice(invoice_id).customer_id)
    draft = get_invoice(invoice_id)
    next_invoice_status(draft.status, InvoiceAction.FINALIZE)
    account = read_accounts([draft.customer_id])[draft.customer_id]
    mine = {step.step_id for step in account.waiting if step.moment == draft.due_moment_at}
    if not mine:
        raise Conflict("This draft does not wait for usage; its charge decides.", code="draft_not_waiting")
    issue_waiting(draft.customer_id, now=now, step_ids=frozenset(mine))
    if not Invoice.objects.filter(id=invoice_id).exists():
        raise Conflict("Nothing is left to charge on this draft.", code="nothing_due")
    return get_invoice(invoice_id)


def issue_waiting(customer_id: uuid.UUID, *, now: datetime, step_ids: frozenset[uuid.UUID] | None = None) -> None:
    """Issue waiting steps of a customer now, all unless some are named, in the caller's transaction, it locked.

    Numbers come last in it, so the caller should do nothing long after it. Raises RuntimeError outside a transaction,
    and what the computation raises.
    """
    require_transaction()
    account = read_accounts([customer_id])[customer_id]
    wanted = frozenset(step.step_id for step in account.waiting) if step_ids is None else step_ids
    if not wanted:
        return
    # No step of the run itself is due before everything: only what waits is issued.
    plan = plan_steps(account, BEFORE_EVERYTHING)
    steps = sort_steps(account, plan, BEFORE_EVERYTHING, wanted)
    windows = {window.key: window for window in step_windows(steps.charged)}
    figures = usage_queries.list_usage_figures(list(windows.values()))
    bill = bill_sorted(account, steps, now, figures, get_tax_world(now))
    write_outcomes([Outcome(account, plan, bill, steps.finished, steps.next_due_at)], as_of=now)
