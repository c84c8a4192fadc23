"""The proofs of dunning: one process an invoice, a next step for each, an attempt for each retry, its end made."""

from billing.operations.proofs import Proof

DUNNING = (
    Proof(
        "no invoice has two open dunning processes",
        "invoice",
        """
        SELECT invoice_id, format('%%s open processes', count(*)) FROM billing_dunningprocess
        WHERE status = 'open' GROUP BY invoice_id HAVING count(*) > 1
        """,
        "Stop all but one of them.",
    ),
    Proof(
        "no dunning goes on about an invoice that asks for nothing",
        "dunning_process",
        """
        SELECT process.id, format('invoice %%s is %%s', invoice.number, invoice.status)
        FROM billing_dunningprocess process JOIN invoicing_invoice invoice ON invoice.id = process.invoice_id
        WHERE process.status = 'open' AND (invoice.status <> 'open' OR invoice.amount_due_minor = 0)
        """,
        "Stop the process.",
    ),
    Proof(
        "every dunning process has its next step or a charge under way",
        "dunning_process",
        """
        SELECT process.id, 'neither a next step nor a charge' FROM billing_dunningprocess process
        WHERE process.status = 'open' AND process.next_at IS NULL
          AND NOT EXISTS (
              SELECT FROM billing_paymentattempt attempt
              WHERE attempt.invoice_id = process.invoice_id AND attempt.status IN ('scheduled', 'calling')
          )
        """,
        "Try it again by hand on its page: what comes of the charge sets the next step.",
    ),
    Proof(
        "every retry of dunning has its attempt",
        "dunning_process",
        """
        SELECT step.process_id, format('%%s %%s tried another invoice', step.kind, step.number)
        FROM billing_dunningstep step
        JOIN billing_dunningprocess process ON process.id = step.process_id
        LEFT JOIN billing_paymentattempt attempt ON attempt.id = step.attempt_id
        WHERE step.kind IN ('retry', 'new_card', 'hand') AND attempt.invoice_id IS DISTINCT FROM process.invoice_id
        """,
        "Find out which charge the step made.",
    ),
    Proof(
        # What was given up may be paid after all, and a later credit may take it back.
        "dunning that is finished did what it ends with",
        "dunning_process",
        """
        SELECT process.id, format('%%s: invoice %%s is %%s%%s', process.finish_with, invoice.number, invoice.status,
                                  ', its subscription lives' || lives.words)
        FROM billing_dunningprocess process
        JOIN invoicing_invoice invoice ON invoice.id = process.invoice_id
        JOIN customers_customer customer ON customer.id = process.customer_id
        LEFT JOIN LATERAL (
            SELECT '' AS words FROM invoicing_invoiceline line
            JOIN subscriptions_subscription subscription ON subscription.id = line.subscription_id
            WHERE line.invoice_id = invoice.id AND subscription.status <> 'cancelled'
              AND process.finish_with = 'cancel' LIMIT 1
        ) lives ON true
        WHERE process.status = 'finished' AND (
            process.finish_with IN ('cancel', 'uncollectible') AND invoice.status = 'open'
            OR lives.words IS NOT NULL
            OR process.finish_with = 'disable' AND customer.status = 'active' AND invoice.status = 'open'
               AND NOT EXISTS (
                   SELECT FROM core_auditentry audit
                   WHERE audit.object_id = customer.id AND audit.action = 'customer.enabled'
               )
            OR NOT EXISTS (
                SELECT FROM billing_dunningstep step WHERE step.process_id = process.id AND step.kind = 'finish'
            )
        )
        """,
        "Do by hand what it should have ended with.",
    ),
    Proof(
        "every overdue invoice has its dunning",
        "invoice",
        """
        SELECT parked.invoice_id, format('could not begin %%s times: %%s', parked.failures, parked.reason)
        FROM billing_parkedinvoice parked JOIN invoicing_invoice invoice ON invoice.id = parked.invoice_id
        WHERE invoice.status = 'open'
        """,
        "Mend what the reason names; it is tried again by itself.",
    ),
    Proof(
        "whoever dunning disabled owes what is overdue",
        "customer",
        """
        SELECT customer.id, 'disabled, and nothing that disabled it is open' FROM customers_customer customer
        WHERE customer.disabled_by = 'overdue' AND NOT EXISTS (
            SELECT FROM billing_dunningprocess process
            JOIN invoicing_invoice invoice ON invoice.id = process.invoice_id
            WHERE process.customer_id = customer.id AND process.status = 'finished'
              AND process.finish_with = 'disable' AND invoice.status IN ('open', 'uncollectible')
        )
        """,
        "Enable the customer.",
    ),
)
