"""The proofs of time: periods tile, the agenda knows when, and nothing due is left unbilled."""

from billing.operations.proofs import Proof

TIMELINE = (
    Proof(
        # A period ends where a credit gives back the rest of it, or where new terms began; a line of nothing is not
        # written, so a gap after a line of nothing, while nothing was charged, or while the customer was disabled, is
        # none. What was taken back whole under the same price is no period. With the policy `full` the period restarts
        # and nothing is given back.
        "recurring lines tile their item's timeline",
        "item",
        """
        WITH recurring AS (
            SELECT item_id, subscription_id, kind, revision, proof ->> 'price' AS price, period_start, period_end,
                   amount_minor
            FROM invoicing_invoiceline WHERE kind IN ('recurring', 'credit') AND item_id IS NOT NULL
            UNION ALL
            SELECT item_id, subscription_id, kind, revision, proof ->> 'price', period_start, period_end, amount_minor
            FROM invoicing_creditnoteline
            WHERE kind IN ('recurring', 'credit') AND item_id IS NOT NULL AND invoice_line_id IS NULL
        ), credit AS (
            SELECT DISTINCT item_id, price, period_start, period_end FROM recurring WHERE kind = 'credit'
        ), charge AS (
            SELECT item_id, subscription_id, price, period_start, period_end, sum(amount_minor) AS amount_minor
            FROM recurring WHERE kind = 'recurring' GROUP BY 1, 2, 3, 4, 5
            HAVING sum(amount_minor) <> 0 OR max(revision) = 0
        ), served AS (
            SELECT charge.item_id, charge.subscription_id, charge.period_start, charge.amount_minor,
                   least(charge.period_end, min(credit.period_start)) AS period_end
            FROM charge LEFT JOIN credit
              ON credit.item_id = charge.item_id AND credit.price = charge.price
             AND credit.period_end = charge.period_end AND credit.period_start >= charge.period_start
            GROUP BY charge.item_id, charge.subscription_id, charge.price, charge.period_start, charge.period_end,
                     charge.amount_minor
        ), line AS (
            SELECT item_id, subscription_id, period_start,
                   lag(period_start) OVER item AS previous_start, lag(period_end) OVER item AS previous_end,
                   lag(amount_minor) OVER item AS previous_minor
            FROM served WINDOW item AS (PARTITION BY item_id ORDER BY period_start, period_end)
        )
        SELECT item_id, format('billed to %%s, then from %%s', previous_end, period_start) FROM line
        WHERE (previous_end > period_start OR previous_end < period_start AND previous_minor <> 0)
          AND NOT EXISTS (
              SELECT FROM subscriptions_subscriptionterms terms
              WHERE terms.subscription_id = line.subscription_id AND terms.version > 1
                AND terms.from_at <= line.period_start
                AND (terms.from_at > previous_end - interval '1 day'
                     OR terms.phase <> 'paid' AND terms.from_at > previous_start)
          )
          AND NOT EXISTS (
              SELECT FROM customers_disabledstretch stretch
              JOIN subscriptions_subscription subscription ON subscription.customer_id = stretch.customer_id
              WHERE subscription.id = line.subscription_id AND previous_end < period_start
                AND stretch.from_at <= previous_end AND stretch.to_at >= previous_end
          )
          AND NOT EXISTS (
              SELECT FROM subscriptions_itemterms terms
              JOIN subscriptions_subscriptionitem item ON item.id = terms.item_id
              WHERE item.subscription_id = line.subscription_id AND terms.from_at = line.period_start
                AND terms.proration = 'full'
          )
        """,
        "Look at the subscription's timeline; a period is missing or billed twice.",
    ),
    Proof(
        "the agenda knows when each customer is due",
        "customer",
        """
        WITH ahead AS (
            SELECT customer_id, next_due_at AS at FROM subscriptions_subscription WHERE next_due_at IS NOT NULL
            UNION ALL SELECT customer_id, finalize_at FROM invoicing_waitingstep
        )
        SELECT customer.id, format('due at %%s, the agenda says %%s', min(ahead.at), agenda.due_at)
        FROM customers_customer customer
        LEFT JOIN ahead ON ahead.customer_id = customer.id
        LEFT JOIN customers_agenda agenda ON agenda.customer_id = customer.id
        GROUP BY customer.id, agenda.customer_id
        HAVING (min(ahead.at) IS NULL) <> (agenda.due_at IS NULL)
            OR agenda.due_at < min(ahead.at)
            OR agenda.due_at > min(ahead.at) + interval '25 hours'
        """,
        "Set the agenda from the customer's subscriptions and what waits.",
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
)
