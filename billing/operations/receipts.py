"""Receipts: the paper that proves a payment, numbered without gaps."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from billing.models import Payment, Receipt
from core.domain.schedule import local_date
from core.operations import require_transaction
from customers.models import Brand
from invoicing.models import NumberSeries
from invoicing.operations import numbering


def issue_receipts(payments: Sequence[tuple[Payment, Brand]], now: datetime) -> list[Receipt]:
    """Give each payment its receipt: one of the last things in the caller's transaction, because it locks the series.

    The issue date is the brand's local date of `now`. Raises RuntimeError outside a transaction, IntegrityError when a
    payment has one.
    """
    require_transaction()
    series: dict[uuid.UUID, NumberSeries] = {}
    for _, brand in payments:
        if brand.id not in series:
            series[brand.id] = numbering.ensure_series(brand=brand, kind=NumberSeries.Kind.RECEIPT, now=now)
    requests = [
        numbering.NumberRequest(series[brand.id], brand.code, local_date(now, brand.time_zone)) for _, brand in payments
    ]
    numbers = numbering.allocate_numbers(requests)
    return Receipt.objects.bulk_create(
        Receipt(
            payment=payment,
            brand=brand,
            series_id=number.series_id,
            number_year=number.year,
            sequence=number.sequence,
            number=number.number,
            issue_date=request.issue_date,
            created_at=now,
        )
        for (payment, brand), request, number in zip(payments, requests, numbers, strict=True)
    )
