"""Prove the books: every promise the engine makes about money is asked of the database (Billing rules, section 9)."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from billing.operations.proofs import Proof
from billing.operations.proofs_given_back import GIVEN_BACK


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken promise: which, of what, by how much, and what would mend it."""

    proof: str
    object_kind: str
    object_id: uuid.UUID | None
    detail: str
    mend: str


PROOFS = (
    Proof(
        "the trial balance is zero",
        "currency",
        """
        SELECT NULL, format('%%s is out by %%s', currency, sum(amount_minor))
        FROM ledger_posting GROUP BY currency HAVING sum(amount_minor) <> 0
        """,
        "Find the entry that does not balance; the database refuses such entries, so somebody wrote around it.",
    ),
    Proof(
        "every entry balances",
        "entry",
        """
        SELECT entry.id, format('%%s %%s sums to %%s', entry.kind, entry.object_id, coalesce(sum(amount_minor), 0))
        FROM ledger_entry entry LEFT JOIN ledger_posting posting ON posting.entry_id = entry.id
        GROUP BY entry.id, posting.currency HAVING sum(amount_minor) IS DISTINCT FROM 0
        """,
        "Post the missing side of the entry.",
    ),
    Proof(
        "receivable is what open invoices ask for",
        "customer",
        """
        WITH asked AS (
            SELECT customer_id, currency, sum(amount_due_minor) AS minor FROM invoicing_invoice
            WHERE status = 'open' GROUP BY 1, 2
        ), posted AS (
            SELECT customer_id, currency, sum(amount_minor) AS minor FROM ledger_posting
            WHERE account = 'receivable' GROUP BY 1, 2
        )
        SELECT customer_id, format('books say %%s %%s, open invoices ask for %%s',
                                   coalesce(posted.minor, 0), currency, coalesce(asked.minor, 0))
        FROM asked FULL JOIN posted USING (customer_id, currency)
        WHERE coalesce(asked.minor, 0) <> coalesce(posted.minor, 0)
        """,
        "Compare the customer's invoices with their entries; one was written without the other.",
    ),
    Proof(
        "running totals are the sum of the postings",
        "customer",
        """
        WITH posted AS (
            SELECT customer_id, currency,
                   coalesce(-sum(amount_minor) FILTER (WHERE account = 'customer_balance'), 0) AS balance,
                   coalesce(sum(amount_minor) FILTER (WHERE account = 'receivable'), 0) AS receivable
            FROM ledger_posting WHERE customer_id IS NOT NULL GROUP BY 1, 2
        )
        SELECT customer_id, format('%%s: balance %%s, postings say %%s; receivable %%s, postings say %%s', currency,
                                   balance_minor, coalesce(balance, 0), receivable_minor, coalesce(receivable, 0))
        FROM posted FULL JOIN ledger_customerbalance USING (customer_id, currency)
        WHERE coalesce(balance_minor, 0) <> coalesce(balance, 0)
           OR coalesce(receivable_minor, 0) <> coalesce(receivable, 0)
        """,
        "Set the running total to the sum of the postings.",
    ),
    Proof(
        "every finalised document is in the books",
        "invoice",
        """
        SELECT invoice.id, format('%%s over %%s %%s has no entry', number, total_minor, currency)
        FROM invoicing_invoice invoice
        LEFT JOIN ledger_entry entry ON entry.object_id = invoice.id AND entry.kind = 'invoice'
        WHERE invoice.status <> 'draft' AND entry.id IS NULL
          AND (invoice.total_minor <> 0 OR invoice.sub_total_minor <> 0)
        UNION ALL
        SELECT note.id, format('%%s over %%s %%s has no entry', number, total_minor, currency)
        FROM invoicing_creditnote note
        LEFT JOIN ledger_entry entry ON entry.object_id = note.id AND entry.kind = 'credit_note'
        WHERE entry.id IS NULL AND (note.total_minor <> 0 OR note.sub_total_minor <> 0)
        """,
        "Post the document's entry.",
    ),
    Proof(
        "every payment is in the books",
        "payment",
        """
        SELECT payment.id, format('%%s %%s received, %%s posted', amount_minor, payment.currency, coalesce(posted, 0))
        FROM billing_payment payment
        LEFT JOIN LATERAL (
            SELECT sum(posting.amount_minor) AS posted
            FROM ledger_entry entry JOIN ledger_posting posting ON posting.entry_id = entry.id
            WHERE entry.object_id = payment.id AND entry.kind = 'payment'
              AND posting.account IN ('provider_clearing', 'processor_fees')
        ) books ON true
        WHERE payment.status <> 'pending' AND posted IS DISTINCT FROM payment.amount_minor
        """,
        "Post the payment's entry, or find out what was posted in its place.",
    ),
    Proof(
        "an invoice is the sum of its lines",
        "invoice",
        """
        SELECT invoice.id, format('%%s says net %%s and tax %%s, its lines %%s and %%s', number, sub_total_minor,
                                  tax_total_minor, coalesce(sum(net_minor), 0), coalesce(sum(tax_minor), 0))
        FROM invoicing_invoice invoice LEFT JOIN invoicing_invoiceline line ON line.invoice_id = invoice.id
        GROUP BY invoice.id
        HAVING sub_total_minor <> coalesce(sum(net_minor), 0) OR tax_total_minor <> coalesce(sum(tax_minor), 0)
        """,
        "Recompute the invoice; a line was lost or added.",
    ),
    Proof(
        "what is paid on an invoice is the sum of its payments",
        "invoice",
        """
        SELECT invoice.id, format('%%s says %%s paid, its payments %%s less what went to the balance', number,
                                  amount_paid_minor, coalesce(sum(payment.amount_minor), 0))
        FROM invoicing_invoice invoice
        LEFT JOIN billing_payment payment ON payment.invoice_id = invoice.id AND payment.status <> 'pending'
        GROUP BY invoice.id HAVING amount_paid_minor > coalesce(sum(payment.amount_minor), 0)
        """,
        "Find the payment that was taken away, or correct the invoice by a credit note.",
    ),
    Proof(
        "numbers have no gap",
        "series",
        """
        WITH given AS (
            SELECT series_id, number_year, sequence FROM invoicing_invoice WHERE sequence IS NOT NULL
            UNION ALL SELECT series_id, number_year, sequence FROM invoicing_creditnote
            UNION ALL SELECT series_id, number_year, sequence FROM billing_receipt
        )
        SELECT counter.series_id, format('%%s: %%s numbers given, the last is %%s', counter.year, count(given.sequence),
                                         counter.last_sequence)
        FROM invoicing_numbercounter counter
        LEFT JOIN given ON given.series_id = counter.series_id AND given.number_year = counter.year
        GROUP BY counter.id HAVING count(given.sequence) <> counter.last_sequence
        UNION ALL
        SELECT given.series_id, format('%%s: number %%s was given without its counter', number_year, sequence)
        FROM given LEFT JOIN invoicing_numbercounter counter
          ON counter.series_id = given.series_id AND counter.year = given.number_year
        WHERE counter.id IS NULL OR sequence > counter.last_sequence
        """,
        "A document was deleted or written around the series; restore it from a backup.",
    ),
    Proof(
        "recurring lines tile their item's timeline",
        "item",
        """
        WITH recurring AS (
            SELECT item_id, subscription_id, period_start, period_end, sum(amount_minor) AS amount_minor
            FROM invoicing_invoiceline WHERE kind = 'recurring' AND revision = 0 GROUP BY 1, 2, 3, 4
            UNION ALL
            SELECT item_id, subscription_id, period_start, period_end, sum(amount_minor)
            FROM invoicing_creditnoteline
            WHERE kind = 'recurring' AND revision = 0 AND invoice_line_id IS NULL GROUP BY 1, 2, 3, 4
        ), line AS (
            SELECT item_id, subscription_id, period_start, period_end,
                   lag(period_end) OVER (PARTITION BY item_id ORDER BY period_start) AS previous_end,
                   lag(amount_minor) OVER (PARTITION BY item_id ORDER BY period_start) AS previous_minor
            FROM recurring
        )
        SELECT item_id, format('billed to %%s, then from %%s', previous_end, period_start) FROM line
        WHERE (previous_end > period_start OR previous_end < period_start AND previous_minor <> 0)
          AND NOT EXISTS (
              SELECT FROM subscriptions_subscriptionterms terms
              WHERE terms.subscription_id = line.subscription_id AND terms.from_at > previous_end - interval '1 day'
                AND terms.from_at <= line.period_start AND terms.version > 1
          )
        """,
        "Look at the subscription's timeline; a period is missing or billed twice.",
    ),
    Proof(
        "the agenda knows when each customer is due",
        "customer",
        """
        SELECT customer.id, format('due at %%s, the agenda says %%s', min(subscription.next_due_at), agenda.due_at)
        FROM customers_customer customer
        JOIN subscriptions_subscription subscription ON subscription.customer_id = customer.id
        LEFT JOIN customers_agenda agenda ON agenda.customer_id = customer.id
        GROUP BY customer.id, agenda.customer_id
        HAVING (min(subscription.next_due_at) IS NULL) <> (agenda.due_at IS NULL)
            OR agenda.due_at < min(subscription.next_due_at)
            OR agenda.due_at > min(subscription.next_due_at) + interval '25 hours'
        """,
        "Set the agenda from the customer's subscriptions.",
    ),
    Proof(
        "nobody is due and unbilled",
        "customer",
        """
        SELECT agenda.customer_id, format('due since %%s%%s', agenda.due_at, ': ' || parked.reason)
        FROM customers_agenda agenda
        LEFT JOIN core_testclock clock ON clock.id = agenda.test_clock_id
        LEFT JOIN billing_parkedcustomer parked ON parked.customer_id = agenda.customer_id
        WHERE agenda.due_at < CASE WHEN clock.id IS NULL THEN %(now)s - interval '1 hour'
                                   WHEN clock.status = 'ready' THEN clock.now_at END
        """,
        "Run `manage.py bill`; if the customer is parked, mend the reason first.",
    ),
    *GIVEN_BACK,
)


def check_books(*, now: datetime) -> tuple[Breach, ...]:
    """Ask the database for every breach of every proof; empty when the books hold. Writes nothing.

    `now` is the wall's moment, against which overdue work is judged.
    """
    breaches: list[Breach] = []
    with connection.cursor() as cursor:
        for proof in PROOFS:
            cursor.execute(proof.statement, {"now": now})
            breaches.extend(
                Breach(proof.name, proof.object_kind, object_id, detail, proof.mend)
                for object_id, detail in cursor.fetchall()
            )
    return tuple(breaches)
