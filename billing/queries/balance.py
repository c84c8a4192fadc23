"""Reads of a customer's balance and of what moved it by hand."""

import uuid

from django.db.models import OuterRef, QuerySet, Subquery

from customers import queries as customers_queries
from ledger.models import Account, CustomerBalance, Entry, Posting

MOVED_BY_HAND = ("balance", "voucher_credit", "voucher_credit_returned")


def list_balances(customer_id: uuid.UUID) -> list[CustomerBalance]:
    """Return a customer's running totals by currency. Raises NotFound for an unknown customer."""
    customers_queries.require_customer(customer_id)
    return list(CustomerBalance.objects.filter(customer_id=customer_id).order_by("currency"))


def list_credits(customer_id: uuid.UUID) -> QuerySet[Entry]:
    """Return credits and debits made by hand or by a voucher, newest first, each with currency and amount.

    Raises NotFound for an unknown customer.
    """
    customers_queries.require_customer(customer_id)
    posting = Posting.objects.filter(entry=OuterRef("pk"), account=Account.CUSTOMER_BALANCE)
    return (
        Entry.objects.filter(customer_id=customer_id, kind__in=MOVED_BY_HAND)
        .annotate(
            currency=Subquery(posting.values("currency")[:1]), signed_minor=Subquery(posting.values("amount_minor")[:1])
        )
        .order_by("-id")
    )
