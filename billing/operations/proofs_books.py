"""The proofs of the entries themselves, and of the running totals and accounts kept by customer."""

from billing.operations.proofs import Proof

BOOKS = (
    Proof(
        # The trial balance of a currency is the sum of its entries: it is out by what they are out.
        "the trial balance is zero, and so is every entry",
        "entry",
        """
        SELECT entry_id, format('%%s is out by %%s, which the whole of it is by %%s', currency, minor,
                                sum(minor) OVER (PARTITION BY currency))
        FROM (
            SELECT entry_id, currency, sum(amount_minor) AS minor FROM ledger_posting
            GROUP BY 1, 2 HAVING sum(amount_minor) <> 0
        ) unbalanced
        UNION ALL
        SELECT entry.id, format('%%s of %%s %%s has no posting', entry.kind, object_kind, object_id)
        FROM ledger_entry entry LEFT JOIN ledger_posting posting ON posting.entry_id = entry.id
        WHERE posting.id IS NULL
        """,
        "Find out what was written around the guards, and post the missing side of the entry.",
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
        "balances and receivables of customers are the sum of their postings",
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
)
