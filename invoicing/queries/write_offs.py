"""Reads of what was given up."""

import uuid
from collections import defaultdict

from invoicing.domain.write_offs import WRITE_OFF, GivenUp
from ledger.models import Account, Posting


def given_up(invoice_id: uuid.UUID) -> GivenUp:
    """Return what was given up of an invoice, as the books have it; ValueError when nothing was."""
    postings = Posting.objects.filter(entry__object_id=invoice_id, entry__kind=WRITE_OFF)
    tax_minor: dict[str, int] = defaultdict(int)
    amount_minor = 0
    for account, country, minor in postings.values_list("account", "country", "amount_minor"):
        if account == Account.RECEIVABLE:
            amount_minor -= minor
        elif account == Account.TAX_PAYABLE:
            tax_minor[country] += minor
    return GivenUp(amount_minor, dict(tax_minor))
