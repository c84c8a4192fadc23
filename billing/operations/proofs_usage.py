"""The proof of usage: the totals that are kept beside events."""

from billing.operations.proofs import Proof

USAGE = (
    Proof(
        "the totals of busy subscriptions are the sums of their events",
        "subscription",
        """
        WITH kept AS (
            SELECT total.subscription_id, metric_id, hour, sum(event_count) AS count, sum(total) AS value,
                   max(greatest) AS greatest, min(first_at) AS first_at, max(last_at) AS last_at
            FROM usage_hourtotal total JOIN usage_busysubscription busy USING (subscription_id)
            WHERE busy.totalled_at IS NOT NULL GROUP BY 1, 2, 3
        ), stored AS (
            SELECT event.subscription_id, metric_id, date_trunc('hour', "timestamp", 'UTC') AS hour, count(*) AS count,
                   sum(value) AS value, max(value) AS greatest,
                   min("timestamp") AS first_at, max("timestamp") AS last_at
            FROM usage_event event JOIN usage_busysubscription busy USING (subscription_id)
            WHERE busy.totalled_at IS NOT NULL GROUP BY 1, 2, 3
        )
        SELECT subscription_id, format('%%s of metric %%s: %%s events of %%s stored, %%s of %%s totalled',
                                       hour, metric_id, stored.count, stored.value, kept.count, kept.value)
        FROM kept FULL JOIN stored USING (subscription_id, metric_id, hour)
        WHERE (kept.count, kept.value, kept.greatest, kept.first_at, kept.last_at)
            IS DISTINCT FROM (stored.count, stored.value, stored.greatest, stored.first_at, stored.last_at)
        """,
        "Set totalled_at of the busy subscription to null: its usage is then read from the events, and added up again.",
    ),
)
