"""Book entries of what was agreed: credit that a voucher gives (Billing rules, sections 6 and 9)."""

import uuid
from datetime import date, datetime

from ledger.domain.entry import CREDIT_GRANTED, CUSTOMER_BALANCE, EntryDraft, PostingDraft

CREDIT_KIND = "voucher_credit"
RETURN_KIND = "voucher_credit_returned"


def voucher_credit(
    *,
    redemption_id: uuid.UUID,
    customer_id: uuid.UUID,
    currency: str,
    amount_minor: int,
    posted_at: datetime,
    accounting_date: date,
) -> EntryDraft:
    """Return the entry of a fixed credit: granted by us, onto the balance; a negative amount takes it back."""
    return EntryDraft(
        kind=CREDIT_KIND if amount_minor > 0 else RETURN_KIND,
        object_kind="voucher_redemption",
        object_id=redemption_id,
        customer_id=customer_id,
        posted_at=posted_at,
        accounting_date=accounting_date,
        postings=(
            PostingDraft(CREDIT_GRANTED, amount_minor, currency),
            PostingDraft(CUSTOMER_BALANCE, -amount_minor, currency, customer_id),
        ),
    )
