"""Reads of what is still due on invoices, and what cards have paid of them."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from billing.domain.forecast import Receivable
from billing.queries.refunds import list_paid_by
from core.rows import array_text, fetch_rows
from invoicing.domain.account import CARD, Account

# A card's invoice is expected when a charge of it is scheduled; one that was declined is not.
OPEN = """
SELECT invoice.customer_id, invoice.id, invoice.currency, invoice.amount_due_minor, invoice.billing_type,
       invoice.due_date,
       (SELECT min(attempt.due_at) FROM billing_paymentattempt attempt
        WHERE attempt.invoice_id = invoice.id AND attempt.status IN ('scheduled', 'calling'))
FROM invoicing_invoice invoice
WHERE invoice.customer_id = ANY(%s::uuid[]) AND invoice.status = 'open' AND invoice.amount_due_minor > 0
ORDER BY invoice.id
"""
PAID = """
SELECT invoice_id, sum(amount_minor - refunded_minor)::bigint FROM billing_payment
WHERE invoice_id = ANY(%s::uuid[]) AND status IN ('completed', 'partially_refunded') GROUP BY invoice_id
"""


def list_receivables(
    customer_ids: Collection[uuid.UUID], today: Mapping[uuid.UUID, date]
) -> dict[uuid.UUID, tuple[Receivable, ...]]:
    """Return what is open on these customers' invoices, oldest first, by one statement."""
    found: dict[uuid.UUID, list[Receivable]] = defaultdict(list)
    for customer_id, invoice_id, currency, minor, billing_type, due_date, charged_at in fetch_rows(
        OPEN, [array_text(customer_ids)]
    ):
        expected_on = due_date
        if billing_type == CARD:
            expected_on = None if charged_at is None else max(charged_at.date(), today[customer_id])
        found[customer_id].append(Receivable(invoice_id, currency, minor, expected_on))
    return {customer_id: tuple(rows) for customer_id, rows in found.items()}


def list_paid(
    accounts: Sequence[Account],
) -> tuple[dict[uuid.UUID, int], dict[uuid.UUID, dict[uuid.UUID, int]]]:
    """Return what cards have paid of invoices whose subscriptions are to end, and what those gave back of others.

    By a few statements, none where none is to end.
    """
    invoice_ids = {
        line.invoice_id
        for account in accounts
        if account.billing_type == CARD and any(one.cancel_at is not None for one in account.agreements)
        for lines in account.billed.values()
        for line in lines
        if line.invoice_id is not None
    }
    if not invoice_ids:
        return {}, {}
    gives_back = list_paid_by(invoice_ids)
    return dict(fetch_rows(PAID, [array_text(gives_back)])), gives_back
