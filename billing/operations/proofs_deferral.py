"""The proofs of deferred revenue: the account is what lines deferred less what months recognised, row by row.

The schedule is computed here a second time, in the database's own arithmetic: the pure code and it must agree.
"""

from billing.operations.proofs import Proof

_LINES = """
    SELECT line.id, line.deferred_minor, line.period_start, line.period_end, line.subscription_id, line.currency,
           paper.brand_id, paper.time_zone, paper.issue_date
    FROM invoicing_invoiceline line JOIN invoicing_invoice paper ON paper.id = line.invoice_id
    WHERE line.deferred_minor <> 0 AND paper.status <> 'draft'
    UNION ALL
    SELECT line.id, line.deferred_minor, line.period_start, line.period_end, line.subscription_id, line.currency,
           paper.brand_id, paper.time_zone, paper.issue_date
    FROM invoicing_creditnoteline line JOIN invoicing_creditnote paper ON paper.id = line.credit_note_id
    WHERE line.deferred_minor <> 0
"""


def _share(minor: str, part: str, whole: str) -> str:
    """Return round(minor x part / whole) as an expression of whole numbers: a numeric quotient is rounded itself."""
    return f"(sign({minor})::bigint * ((2 * abs({minor}) * {part} + {whole}) / (2 * {whole})))"


DEFERRAL = (
    Proof(
        "deferred revenue is what lines deferred and months recognised",
        "document",
        """
        WITH wanted AS (
            SELECT line.invoice_id AS id, line.currency, sum(line.deferred_minor) AS minor
            FROM invoicing_invoiceline line WHERE line.deferred_minor <> 0 GROUP BY 1, 2
            UNION ALL
            SELECT line.credit_note_id, line.currency, sum(line.deferred_minor)
            FROM invoicing_creditnoteline line WHERE line.deferred_minor <> 0 GROUP BY 1, 2
            UNION ALL
            SELECT id, currency, -recognised_minor FROM invoicing_revenuerecognition WHERE recognised_minor <> 0
        ), posted AS (
            SELECT entry.object_id AS id, currency, -sum(amount_minor) AS minor
            FROM ledger_posting posting JOIN ledger_entry entry ON entry.id = posting.entry_id
            WHERE account = 'deferred_revenue'
              AND (entry.kind NOT IN ('invoice', 'credit_note') OR entry.object_id IN (
                  SELECT id FROM invoicing_invoice UNION ALL SELECT id FROM invoicing_creditnote))
            GROUP BY 1, 2
        ), booked AS (
            SELECT object_id AS id FROM ledger_entry WHERE kind IN ('invoice', 'credit_note')
            UNION ALL SELECT id FROM invoicing_revenuerecognition
        )
        SELECT id, format('the books say %%s %%s, the schedule %%s', coalesce(posted.minor, 0), currency,
                          coalesce(wanted.minor, 0))
        FROM posted FULL JOIN (SELECT wanted.* FROM wanted JOIN booked USING (id)) wanted USING (id, currency)
        WHERE coalesce(posted.minor, 0) <> coalesce(wanted.minor, 0)
        """,
        "Compare the entry with the document's lines or the month's rows; post the difference.",
    ),
    Proof(
        "a recognised month is the sum of its schedule rows",
        "recognition",
        """
        SELECT month.id, format('%%s %%s recognised, its rows say %%s', month.recognised_minor, month.currency,
                                coalesce(rows.minor, 0))
        FROM invoicing_revenuerecognition month
        LEFT JOIN (
            SELECT recognition_id, sum(recognised_minor) AS minor FROM invoicing_schedulerow GROUP BY 1
        ) rows ON rows.recognition_id = month.id
        WHERE month.recognised_minor <> coalesce(rows.minor, 0)
        """,
        "Find the row that was lost or added; restore it from a backup.",
    ),
    Proof(
        "schedule rows follow from their line",
        "line",
        f"""
        WITH line AS ({_LINES}), told AS (
            SELECT line_id AS id, sum(recognised_minor) AS minor, max(days_passed) AS days_passed, max(days) AS days
            FROM invoicing_schedulerow GROUP BY 1
        )
        SELECT id, CASE WHEN line.id IS NULL THEN 'no document has this line, or nothing of it was deferred'
                        ELSE format('%%s %%s deferred, %%s of %%s days: rows say %%s', deferred_minor, currency,
                                    days_passed, days, told.minor) END
        FROM told LEFT JOIN line USING (id)
        WHERE line.id IS NULL OR told.minor <> {_share("deferred_minor", "days_passed", "days")}
        """,  # noqa: S608 - composed of constants
        "Compute the line's schedule again; what its rows lack, the next month recognises.",
    ),
    Proof(
        # What was stored about the time of the last recognition, or after it, comes with the next one, and so does
        # what an end cut short.
        "what is over is recognised",
        "line",
        f"""
        WITH line AS ({_LINES}), last AS (
            SELECT brand_id, currency, (month + interval '1 month')::date AS until,
                   (lpad(to_hex(made_ms - %(margin_ms)s), 12, '0') || repeat('0', 20))::uuid AS settled_before
            FROM (
                SELECT DISTINCT ON (brand_id, currency) brand_id, currency, month,
                       ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint AS made_ms
                FROM invoicing_revenuerecognition ORDER BY brand_id, currency, month DESC
            ) latest
        ), span AS (
            SELECT line.id, line.deferred_minor, line.currency, last.until, line.issue_date,
                   (line.period_start AT TIME ZONE line.time_zone)::date AS first_date,
                   (line.period_end AT TIME ZONE line.time_zone)::date AS end_date
            FROM line JOIN last USING (brand_id, currency)
            LEFT JOIN subscriptions_subscription subscription ON subscription.id = line.subscription_id
            WHERE line.id < last.settled_before AND line.issue_date < last.until
              AND (subscription.ended_at IS NULL OR subscription.ended_at >= line.period_end)
        ), dated AS (
            SELECT id, deferred_minor, currency, until, end_date,
                   CASE WHEN deferred_minor > 0 THEN first_date
                        ELSE least(greatest(first_date, issue_date), greatest(first_date, end_date)) END AS start_date
            FROM span
        ), counted AS (
            SELECT id, deferred_minor, currency, greatest(end_date - start_date, 1) AS days,
                   least(greatest(until - start_date, 0), greatest(end_date - start_date, 1)) AS days_passed
            FROM dated
        ), told AS (
            SELECT line_id AS id, sum(recognised_minor) AS minor FROM invoicing_schedulerow GROUP BY 1
        )
        SELECT id, format('%%s %%s deferred, %%s of %%s days over: %%s recognised', deferred_minor, currency,
                          days_passed, days, coalesce(told.minor, 0))
        FROM counted LEFT JOIN told USING (id)
        WHERE coalesce(told.minor, 0) <> {_share("deferred_minor", "days_passed", "days")}
        """,  # noqa: S608 - composed of constants
        "Run `manage.py recognise_revenue` when the month is over: it catches up what earlier months left.",
    ),
)
