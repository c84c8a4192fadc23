"""Reads of what is still due on invoices, and what cards have paid of them."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from billing.domain.future import Receivable
from billing.queries.refunds import list_paid_by
from core.rows import array_text, fetch_rows
from invoicing.domain.account import CARD, Account

# A card's invoice is expected when a charge of it is scheduled; one that was declined is not.
OPEN = """
SELECT invoice.customer_id, invoice.id, invoice.currency, invoice.amount_due_minor, invoice.billing_type,
       invoice.due_date, invoice.due_moment_at,
       EXISTS (SELECT FROM customers_paymentmethod card WHERE card.customer_id = invoice.customer_id
               AND card.removed_at IS NULL AND (card.is_default OR card.id = invoice.payment_method_id)),
       ARRAY(SELECT DISTINCT line.subscription_id FROM invoicing_invoiceline line
             WHERE line.invoice_id = invoice.id AND line.subscription_id IS NOT NULL),
       (SELECT min(attempt.due_at) FROM billing_paymentattempt attempt
        WHERE attempt.invoice_id = invoice.id AND attempt.status IN ('scheduled', 'calling'))
FROM invoicing_invoice invoice
WHERE invoice.customer_id = ANY(%s::uuid[]) AND invoice.status = 'open' AND invoice.amount_due_minor > 0
ORDER BY invoice.id
"""
UNPAID = """
SELECT DISTINCT line.subscription_id FROM invoicing_invoice invoice
JOIN invoicing_invoiceline line ON line.invoice_id = invoice.id AND line.subscription_id IS NOT NULL
WHERE invoice.customer_id = ANY(%s::uuid[]) AND invoice.status = 'open' AND invoice.billing_type = 'card'
  AND invoice.amount_due_minor > 0
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
    for customer_id, invoice_id, currency, minor, billing_type, due_date, *rest in fetch_rows(
        OPEN, [array_text(customer_ids)]
    ):
        due_moment_at, has_card, subscription_ids, charge_at = rest
        is_charged = billing_type == CARD
        expected_on = due_date
        if is_charged:
            expected_on = None if charge_at is None else max(charge_at.date(), today[customer_id])
        found[customer_id].append(
            Receivable(
                invoice_id,
                currency,
                minor,
                expected_on,
                due_date,
                due_moment_at,
                charge_at,
                frozenset(subscription_ids),
                has_card or not is_charged,
                is_charged,
            )
        )
    return {customer_id: tuple(rows) for customer_id, rows in found.items()}


def list_unpaid_subscription_ids(customer_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return the subscriptions on open invoices of these customers that are paid by card: dunning may end them."""
    return frozenset(row[0] for row in fetch_rows(UNPAID, [array_text(customer_ids)]))


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
