"""The proofs of money received: in the books, and as the providers have it."""

from billing.operations.proofs import Proof

PAYMENTS = (
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
)
