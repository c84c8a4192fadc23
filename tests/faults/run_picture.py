"""Everything a run leaves behind that must not depend on crashes or on who did the work.

Left out: ids of rows made by the run, times of making, and which document got which number.
"""

import uuid
from collections import Counter
from typing import Any

from django.db import connection

from billing.operations.doctor import check_books
from billing.providers.registry import get_provider
from billing.providers.sandbox import SandboxProvider
from customers.models import Customer
from tests.faults.run_company import AS_OF

Picture = dict[str, Counter[tuple[Any, ...]]]

LINE = """
    line.item_id, line.position, line.kind, line.period_start, line.period_end, line.tier, line.revision, line.quantity,
    line.amount_minor, line.discount_minor, line.net_minor, line.tax_minor, line.gross_minor, line.tax_rate,
    line.tax_category, line.tax_country, line.proof
"""
STATEMENTS = {
    "invoices": """
        SELECT customer_id, brand_id, due_moment_at, currency, origin, status, issue_date, due_date, supply_start,
               supply_end, sub_total_minor, discount_total_minor, tax_total_minor, total_minor, balance_applied_minor,
               amount_paid_minor, amount_credited_minor, amount_due_minor, billing_type, payment_method_id, notes
        FROM invoicing_invoice
    """,
    "lines": f"""
        SELECT invoice.customer_id, invoice.due_moment_at, invoice.currency, {LINE}, line.unit_price
        FROM invoicing_invoiceline line JOIN invoicing_invoice invoice ON invoice.id = line.invoice_id
    """,  # noqa: S608 - composed of constants
    "credit notes": """
        SELECT customer_id, brand_id, currency, issue_date, sub_total_minor, tax_total_minor, total_minor,
               to_invoices_minor, to_balance_minor, refunded_minor
        FROM invoicing_creditnote
    """,
    "credit lines": f"""
        SELECT note.customer_id, note.currency, {LINE}, corrected.customer_id, corrected.due_moment_at
        FROM invoicing_creditnoteline line JOIN invoicing_creditnote note ON note.id = line.credit_note_id
        JOIN invoicing_invoice corrected ON corrected.id = line.invoice_id
    """,  # noqa: S608 - composed of constants
    "numbers": """
        SELECT 'invoice', brand_id, number, sequence FROM invoicing_invoice
        UNION ALL SELECT 'credit note', brand_id, number, sequence FROM invoicing_creditnote
        UNION ALL SELECT 'receipt', brand_id, number, sequence FROM billing_receipt
    """,
    "counters": """
        SELECT series.brand_id, series.kind, counter.year, counter.last_sequence
        FROM invoicing_numbercounter counter JOIN invoicing_numberseries series ON series.id = counter.series_id
    """,
    "entries": """
        SELECT entry.customer_id, entry.kind, entry.object_kind, entry.accounting_date,
               string_agg(concat_ws(' ', account, amount_minor, currency, country, posting.customer_id), '; '
                          ORDER BY account, amount_minor, currency, country)
        FROM ledger_entry entry JOIN ledger_posting posting ON posting.entry_id = entry.id
        WHERE entry.kind <> 'recognition' GROUP BY entry.id
    """,
    "waiting": """
        SELECT step.customer_id, step.moment, step.finalize_at, part.subscription_id, part.billed_from_at
        FROM invoicing_waitingstep step JOIN invoicing_waitingpart part ON part.step_id = step.id
    """,
    "balances": "SELECT customer_id, currency, balance_minor, receivable_minor FROM ledger_customerbalance",
    "agenda": "SELECT customer_id, due_at, retry_at, test_clock_id FROM customers_agenda",
    "parked": "SELECT customer_id, reason FROM billing_parkedcustomer",
    "subscriptions": """
        SELECT id, status, billed_to_at, next_due_at, dirty_from, current_period_start, current_period_end,
               cancelled_at, ended_at
        FROM subscriptions_subscription
    """,
    "terms": """
        SELECT subscription_id, version, from_at, phase, plan_id, anchor_wall, reason
        FROM subscriptions_subscriptionterms
    """,
    "statuses": """
        SELECT subscription_id, from_status, to_status, action, actor, happened_at FROM subscriptions_subscriptionevent
    """,
    "redemptions": "SELECT id, remaining, ended_at FROM subscriptions_voucherredemption",
    "attempts": """
        SELECT attempt.customer_id, attempt.idempotency_key, attempt.number, attempt.status, attempt.failure_reason,
               attempt.failure_message, attempt.currency, attempt.amount_minor, attempt.payment_method_id,
               attempt.due_at, invoice.due_moment_at
        FROM billing_paymentattempt attempt LEFT JOIN invoicing_invoice invoice ON invoice.id = attempt.invoice_id
    """,
    "payments": """
        SELECT payment.customer_id, payment.status, payment.currency, amount_minor, fee_minor, refunded_minor,
               payment.payment_method_id, invoice.due_moment_at, receipt.id IS NOT NULL
        FROM billing_payment payment LEFT JOIN invoicing_invoice invoice ON invoice.id = payment.invoice_id
        LEFT JOIN billing_receipt receipt ON receipt.payment_id = payment.id
    """,
    "facts": """
        SELECT coalesce(invoice.customer_id, note.customer_id, subscription.customer_id, payment.customer_id,
                        attempt.customer_id, object_id), type, object_kind, invoice.due_moment_at,
               payload - ARRAY['invoice', 'invoice_number', 'payment', 'payment_attempt', 'receipt', 'number']
        FROM core_outboxevent event
        LEFT JOIN invoicing_invoice invoice ON object_kind = 'invoice' AND invoice.id = object_id
        LEFT JOIN invoicing_creditnote note ON object_kind = 'credit_note' AND note.id = object_id
        LEFT JOIN subscriptions_subscription subscription
            ON object_kind = 'subscription' AND subscription.id = object_id
        LEFT JOIN billing_payment payment ON object_kind = 'payment' AND payment.id = object_id
        LEFT JOIN billing_paymentattempt attempt ON object_kind = 'payment_attempt' AND attempt.id = object_id
        -- A breach tells how things stood when the proofs ran, perhaps before the work of that minute.
        WHERE type <> 'books.breach'
    """,
}


def picture() -> Picture:
    """Return the rows of the database at hand, and what the provider itself has captured."""
    found: Picture = {}
    with connection.cursor() as cursor:
        for name, statement in STATEMENTS.items():
            cursor.execute(statement)
            found[name] = Counter(cursor.fetchall())
    found["captures"] = Counter(captures())
    return found


def captures() -> list[tuple[Any, ...]]:
    """Return every charge that the provider took money for, from its own records."""
    provider = get_provider("sandbox")
    assert isinstance(provider, SandboxProvider)
    return [
        (customer_id, charge.idempotency_key, charge.asked_minor, charge.result.currency)
        for customer_id in _customer_ids()
        for charge in provider.store.list_charges(customer=str(customer_id))
        if charge.is_captured
    ]


def differences(found: Picture, wanted: Picture) -> list[str]:
    """Say which rows are missing and which are too many; empty when two pictures are equal."""
    return [
        f"{name}: {word} {count} x {row}"
        for name in wanted
        for word, rows in (("missing", wanted[name] - found[name]), ("too many", found[name] - wanted[name]))
        for row, count in rows.items()
    ]


def assert_same(wanted: Picture, *, told: object = "") -> None:
    """Fail unless the database looks like the undisturbed one and its books hold; `told` says what was done to it."""
    found = differences(picture(), wanted)
    assert not found, "\n".join([f"after {told}:", *found[:20], f"... {len(found)} differences"])
    breaches = check_books(now=AS_OF)
    assert breaches == (), f"after {told}: {breaches}"


def _customer_ids() -> list[uuid.UUID]:
    return list(Customer.objects.order_by("id").values_list("id", flat=True))
