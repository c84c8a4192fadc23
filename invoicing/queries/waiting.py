"""Read what waits for late usage, as values."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from core.rows import array_text, fetch_rows
from invoicing.domain.waiting import Draft, WaitingStep, rewind
from invoicing.models import WaitingStep as StoredStep
from subscriptions.queries.terms import list_agreements

WAITING = """
SELECT step.customer_id, step.id, step.moment, step.finalize_at, part.subscription_id, part.billed_from_at,
       part.dirty_from
FROM invoicing_waitingstep step JOIN invoicing_waitingpart part ON part.step_id = step.id
WHERE step.customer_id = ANY(%s::uuid[]) ORDER BY step.moment, part.id
"""
DRAFTS = """
SELECT customer_id, due_moment_at, id, currency, payment_method_id FROM invoicing_invoice
WHERE customer_id = ANY(%s::uuid[]) AND status = 'draft' AND origin = 'cycle' ORDER BY id
"""


def list_waiting_steps(customer_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[WaitingStep, ...]]:
    """Return the steps that wait, by customer, oldest first: by one statement where nothing waits, else by six.

    Their agreements stand as they stood before the step was charged.
    """
    rows = fetch_rows(WAITING, [array_text(customer_ids)])
    if not rows:
        return {}
    agreements = {one.subscription_id: one for one in list_agreements([row[4] for row in rows])}
    drafts: dict[tuple[uuid.UUID, datetime], list[Draft]] = defaultdict(list)
    for customer_id, moment, *draft in fetch_rows(DRAFTS, [array_text({row[0] for row in rows})]):
        drafts[customer_id, moment].append(Draft(*draft))
    steps: dict[tuple[uuid.UUID, uuid.UUID], WaitingStep] = {}
    for customer_id, step_id, moment, finalize_at, subscription_id, billed_to, dirty_from in rows:
        agreement = rewind(agreements[subscription_id], moment, billed_to=billed_to, dirty_from=dirty_from)
        known = steps.get((customer_id, step_id))
        before = known.agreements if known else ()
        mine = tuple(drafts[customer_id, moment])
        steps[customer_id, step_id] = WaitingStep(step_id, moment, finalize_at, (*before, agreement), mine)
    found: dict[uuid.UUID, tuple[WaitingStep, ...]] = {}
    for (customer_id, _), step in steps.items():
        found[customer_id] = (*found.get(customer_id, ()), step)
    return found


def first_finalize_at(customer_id: uuid.UUID) -> datetime | None:
    """Return when the first of a customer's waiting steps is issued, None when nothing waits."""
    steps = StoredStep.objects.filter(customer_id=customer_id).order_by("finalize_at")
    return steps.values_list("finalize_at", flat=True).first()
