"""The proofs of what is given back or given up: credit notes, refunds, debts written off."""

from billing.operations.proofs import Proof

GIVEN_BACK = (
    Proof(
        "refunds stay within their payment, which says so",
        "payment",
        """
        SELECT payment.id, format('%%s %%s, %%s: says %%s refunded, its refunds %%s', amount_minor, payment.currency,
                                  payment.status, refunded_minor, given)
        FROM billing_payment payment
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(refund.amount_minor), 0) AS given FROM billing_refund refund
            WHERE refund.payment_id = payment.id AND refund.status <> 'rejected'
        ) refunds
        WHERE given <> refunded_minor OR given > amount_minor
           OR (payment.status = 'completed' AND given <> 0)
           OR (payment.status = 'partially_refunded' AND (given = 0 OR given = amount_minor))
           OR (payment.status = 'fully_refunded' AND given <> amount_minor)
           OR (payment.status = 'pending' AND given <> 0)
        """,
        "Set what the payment says from its refunds; beyond its amount, ask the provider what it paid out.",
    ),
    Proof(
        "every settled refund is in the books",
        "refund",
        """
        SELECT refund.id, format('%%s %%s, %%s: the books say %%s paid out, %%s kept', amount_minor,
                                 refund.currency, refund.status, coalesce(paid_out, 0), coalesce(kept, 0))
        FROM billing_refund refund
        LEFT JOIN LATERAL (
            SELECT -sum(posting.amount_minor) FILTER (
                       WHERE entry.kind = 'refund' AND posting.account = 'provider_clearing') AS paid_out,
                   -sum(posting.amount_minor) FILTER (
                       WHERE entry.kind = 'refund_rejected' AND posting.account = 'customer_balance') AS kept
            FROM ledger_entry entry JOIN ledger_posting posting ON posting.entry_id = entry.id
            WHERE entry.object_id = refund.id
        ) books ON true
        WHERE coalesce(paid_out, 0) <> CASE refund.status WHEN 'issued' THEN amount_minor ELSE 0 END
           OR coalesce(kept, 0) <> CASE refund.status WHEN 'rejected' THEN amount_minor ELSE 0 END
        """,
        "Post the refund's entry, or find out what was posted in its place.",
    ),
    Proof(
        "refunds payable is what refunds under way owe",
        "currency",
        """
        WITH owed AS (
            SELECT currency, sum(amount_minor) AS minor FROM billing_refund
            WHERE status IN ('started', 'authorised') GROUP BY 1
        ), posted AS (
            SELECT currency, -sum(amount_minor) AS minor FROM ledger_posting
            WHERE account = 'refunds_payable' GROUP BY 1
        )
        SELECT NULL, format('books say %%s %%s, refunds under way %%s', coalesce(posted.minor, 0), currency,
                            coalesce(owed.minor, 0))
        FROM owed FULL JOIN posted USING (currency)
        WHERE coalesce(owed.minor, 0) <> coalesce(posted.minor, 0)
        """,
        "Compare the credit notes that were paid out with their refunds; one was written without the other.",
    ),
    Proof(
        "a refund paid out is known to its provider",
        "refund",
        """
        SELECT id, format('%%s %%s issued by %%s without its reference', amount_minor, currency, provider)
        FROM billing_refund WHERE status = 'issued' AND external_reference = '' AND provider <> 'manual'
        """,
        "Ask the provider for the refund by its idempotency key.",
    ),
    Proof(
        "what a credit note pays out is the sum of its refunds",
        "credit_note",
        """
        SELECT note.id, format('%%s pays out %%s %%s, its refunds %%s', number, refunded_minor, note.currency, given)
        FROM invoicing_creditnote note
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(refund.amount_minor - refund.from_balance_minor), 0) AS given
            FROM billing_refund refund WHERE refund.credit_note_id = note.id
        ) refunds
        WHERE given <> refunded_minor
        """,
        "Find the refund that was not scheduled, or correct the customer's balance.",
    ),
    Proof(
        "a credit note is the sum of its lines",
        "credit_note",
        """
        SELECT note.id, format('%%s says net %%s and tax %%s, its lines %%s and %%s', number, sub_total_minor,
                               tax_total_minor, coalesce(-sum(net_minor), 0), coalesce(-sum(tax_minor), 0))
        FROM invoicing_creditnote note LEFT JOIN invoicing_creditnoteline line ON line.credit_note_id = note.id
        GROUP BY note.id
        HAVING sub_total_minor <> coalesce(-sum(net_minor), 0) OR tax_total_minor <> coalesce(-sum(tax_minor), 0)
        """,
        "Recompute the credit note; a line was lost or added.",
    ),
    Proof(
        # A credit that a proposal made is rounded apart from the line it corrects: it may differ by a unit. What its
        # credit note charges beside it may be given back over the same invoice.
        "credits stay within their invoice",
        "invoice",
        """
        SELECT invoice.id, format('%%s charges %%s %%s, credited %%s', number, charged, invoice.currency,
                                  -sum(credit.gross_minor))
        FROM invoicing_invoice invoice JOIN invoicing_creditnoteline credit ON credit.invoice_id = invoice.id
        CROSS JOIN LATERAL (
            -- What it gives back itself of another invoice is no charge of its own.
            SELECT coalesce(sum(greatest(line.gross_minor, 0)), 0) AS charged
            FROM invoicing_invoiceline line WHERE line.invoice_id = invoice.id
        ) own
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(beside.gross_minor), 0) AS charged_beside
            FROM invoicing_creditnoteline beside
            WHERE beside.invoice_id IS NULL AND beside.gross_minor > 0 AND beside.credit_note_id IN (
                SELECT one.credit_note_id FROM invoicing_creditnoteline one
                WHERE one.invoice_id = invoice.id AND one.invoice_line_id IS NULL
            )
        ) notes
        GROUP BY invoice.id, charged, charged_beside
        HAVING -sum(credit.gross_minor)
               > charged + charged_beside + count(*) FILTER (WHERE credit.invoice_line_id IS NULL)
        """,
        "Find the credit that was given twice, and bill the customer what is missing.",
    ),
    Proof(
        "what credit notes took off invoices is what invoices lost",
        "customer",
        """
        WITH lost AS (
            SELECT customer_id, currency, sum(amount_credited_minor) AS minor FROM invoicing_invoice GROUP BY 1, 2
        ), given AS (
            SELECT customer_id, currency, sum(to_invoices_minor) AS minor FROM invoicing_creditnote GROUP BY 1, 2
        )
        SELECT customer_id, format('%%s: invoices lost %%s, credit notes took %%s', currency, coalesce(lost.minor, 0),
                                   coalesce(given.minor, 0))
        FROM lost FULL JOIN given USING (customer_id, currency)
        WHERE coalesce(lost.minor, 0) <> coalesce(given.minor, 0)
        """,
        "Compare the customer's invoices with the credit notes; one was written without the other.",
    ),
    Proof(
        "what is given up of invoices is in the books",
        "customer",
        """
        WITH given_up AS (
            SELECT customer_id, currency, sum(written_off_minor) AS minor FROM invoicing_invoice GROUP BY 1, 2
        ), posted AS (
            SELECT entry.customer_id, posting.currency, sum(posting.amount_minor) AS minor
            FROM ledger_entry entry JOIN ledger_posting posting ON posting.entry_id = entry.id
            WHERE entry.kind IN ('write_off', 'write_off_credited', 'payment')
              AND posting.account IN ('bad_debt', 'tax_payable')
            GROUP BY 1, 2
        )
        SELECT customer_id, format('%%s: invoices say %%s is given up, the books %%s', currency,
                                   coalesce(given_up.minor, 0), coalesce(posted.minor, 0))
        FROM given_up FULL JOIN posted USING (customer_id, currency)
        WHERE coalesce(given_up.minor, 0) <> coalesce(posted.minor, 0)
        """,
        "Post what was given up, or what was paid or credited after it.",
    ),
)
