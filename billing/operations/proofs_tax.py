"""The proofs of tax: the turnover that thresholds are compared with, and what lines owe to whom."""

from billing.operations.proofs import Proof
from invoicing.queries.tax_sales import SALES

_CLOSED = SALES.format(
    where="paper.issue_date < (SELECT closed_until FROM invoicing_taxclosing WHERE brand_id = paper.brand_id)"
)

TAX = (
    Proof(
        "tax turnover is what documents of closed days come to",
        "brand",
        f"""
        WITH documents AS (
            SELECT brand_id, day, country, region, currency, sum(payments) AS payments, sum(net_minor) AS net,
                   sum(consumers_net_minor) AS consumers
            FROM ({_CLOSED}) paper GROUP BY 1, 2, 3, 4, 5
        ), rolled AS (
            SELECT brand_id, day, country, region, currency, sum(payments) AS payments, sum(net_minor) AS net,
                   sum(consumers_net_minor) AS consumers
            FROM invoicing_taxturnover GROUP BY 1, 2, 3, 4, 5
        )
        SELECT brand_id, format('%%s %%s%%s: turnover says %%s %%s in %%s payments, documents %%s in %%s', day, country,
                                '-' || nullif(region, ''), coalesce(rolled.net, 0), currency,
                                coalesce(rolled.payments, 0), coalesce(documents.net, 0),
                                coalesce(documents.payments, 0))
        FROM documents FULL JOIN rolled USING (brand_id, day, country, region, currency)
        WHERE coalesce(rolled.net, 0) <> coalesce(documents.net, 0)
           OR coalesce(rolled.payments, 0) <> coalesce(documents.payments, 0)
           OR coalesce(rolled.consumers, 0) <> coalesce(documents.consumers, 0)
        """,  # noqa: S608 - nothing but a constant is put into the text
        "Add a row of the difference to the tax turnover, and find out who issued without counting.",
    ),
    Proof(
        "the parts of a line's tax sum to it",
        "line",
        """
        SELECT line.id, format('%%s taxed %%s, its parts %%s', line.description, line.tax_minor, parts.minor)
        FROM (SELECT id, description, tax_minor, proof FROM invoicing_invoiceline
              UNION ALL SELECT id, description, tax_minor, proof FROM invoicing_creditnoteline) line
        CROSS JOIN LATERAL (
            SELECT coalesce(sum((part.value ->> 4)::bigint), 0) AS minor
            FROM jsonb_array_elements(line.proof -> 'tax' -> 'parts') part
        ) parts
        WHERE line.proof -> 'tax' -> 'parts' IS NOT NULL AND parts.minor <> line.tax_minor
        """,
        "Correct the document by a credit note; its tax report says the parts.",
    ),
)
