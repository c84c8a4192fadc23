"""The proofs of documents: in the books, whole, numbered, and taxed as the books say."""

from billing.operations.proofs import Proof

DOCUMENTS = (
    Proof(
        "every finalised document is in the books",
        "document",
        """
        WITH document AS (
            SELECT id, 'invoice' AS kind, number, total_minor, sub_total_minor, currency FROM invoicing_invoice
            WHERE status <> 'draft'
            UNION ALL
            SELECT id, 'credit_note', number, total_minor, sub_total_minor, currency FROM invoicing_creditnote
        ), entry AS (
            SELECT kind, object_id FROM ledger_entry WHERE kind IN ('invoice', 'credit_note')
        )
        SELECT coalesce(document.id, entry.object_id),
               CASE WHEN document.id IS NULL THEN format('the books have an entry of %%s that is not here', entry.kind)
                    ELSE format('%%s over %%s %%s has no entry', number, total_minor, currency) END
        FROM document FULL JOIN entry ON entry.object_id = document.id AND entry.kind = document.kind
        WHERE document.id IS NULL OR entry.object_id IS NULL AND (total_minor <> 0 OR sub_total_minor <> 0)
        """,
        "Post the document's entry, or restore the document from a backup.",
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
        # Debts written off, and what is paid on them after all, move it too: they have a proof of their own.
        "tax payable is the tax of the documents",
        "document",
        """
        WITH line AS (
            SELECT invoice_id AS id, tax_country AS country, currency, sum(tax_minor) AS minor
            FROM invoicing_invoiceline GROUP BY 1, 2, 3 HAVING sum(tax_minor) <> 0
            UNION ALL
            SELECT credit_note_id, tax_country, currency, sum(tax_minor) FROM invoicing_creditnoteline
            GROUP BY 1, 2, 3 HAVING sum(tax_minor) <> 0
        ), posted AS (
            SELECT entry.object_id AS id, entry.kind, country, currency, -sum(amount_minor) AS minor
            FROM ledger_posting posting JOIN ledger_entry entry ON entry.id = posting.entry_id
            WHERE account = 'tax_payable' AND entry.kind NOT IN ('write_off', 'write_off_credited', 'payment')
              AND (entry.kind NOT IN ('invoice', 'credit_note') OR entry.object_id IN (
                  SELECT id FROM invoicing_invoice UNION ALL SELECT id FROM invoicing_creditnote))
            GROUP BY 1, 2, 3, 4
        ), booked AS (
            SELECT object_id AS id FROM ledger_entry WHERE kind IN ('invoice', 'credit_note')
        )
        SELECT id, format('%%s: the books say %%s %%s, the lines %%s', country, coalesce(posted.minor, 0), currency,
                          coalesce(line.minor, 0))
        FROM posted FULL JOIN (SELECT line.* FROM line JOIN booked USING (id)) line USING (id, country, currency)
        WHERE coalesce(posted.minor, 0) <> coalesce(line.minor, 0)
        """,
        "Recompute the document; post the difference between its lines and its entry.",
    ),
)
