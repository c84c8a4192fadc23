"""Move a customer's balance by hand (Billing rules, section 6)."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core.domain.schedule import local_date
from core.errors import Invalid
from core.identifiers import new_id
from core.operations import SYSTEM, Actor, AuditDraft, record_audit
from customers import queries as customer_queries
from ledger import operations as ledger_operations
from ledger.domain.entry import CREDIT_GRANTED, CUSTOMER_BALANCE, EntryDraft, PostingDraft
from ledger.models import CustomerBalance

CREDIT = "credit"
DEBIT = "debit"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A credit (the customer may use it) or a debit (the customer owes it), in minor units above 0."""

    type: str
    amount_minor: int
    currency: str
    reason: str = ""


def adjust_balance(
    *, customer_id: uuid.UUID, adjustment: Adjustment, now: datetime, actor: Actor = SYSTEM
) -> CustomerBalance:
    """Post a credit or debit to a customer's balance and return the balance after it.

    Raises NotFound, and Invalid for another type or an amount that is not positive.
    """
    if adjustment.type not in {CREDIT, DEBIT}:
        raise Invalid("It is credit or debit.", fields={"type": "credit or debit."})
    if adjustment.amount_minor <= 0:
        raise Invalid("The amount is positive.", fields={"amount": "More than 0."})
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        customer = customer_queries.lock_customer(customer_id)
        adjustment_id = new_id()
        post_adjustment(
            entry_id=adjustment_id,
            customer_id=customer.id,
            adjustment=adjustment,
            posted_at=now,
            zone=customer.brand.time_zone,
        )
        after = {"type": adjustment.type, "amount": adjustment.amount_minor, "currency": adjustment.currency}
        draft = AuditDraft("customer.balance", "customer", customer.id, None, after, adjustment.reason)
        record_audit(actor, [draft])
        return CustomerBalance.objects.get(customer=customer, currency=adjustment.currency)


def post_adjustment(
    *, entry_id: uuid.UUID, customer_id: uuid.UUID, adjustment: Adjustment, posted_at: datetime, zone: str
) -> None:
    """Post a balance movement, in the caller's transaction, the customer locked; `entry_id` names the fact."""
    signed = adjustment.amount_minor if adjustment.type == CREDIT else -adjustment.amount_minor
    ledger_operations.post_entries(
        [
            EntryDraft(
                kind="balance",
                object_kind="balance",
                object_id=entry_id,
                customer_id=customer_id,
                posted_at=posted_at,
                accounting_date=local_date(posted_at, zone),
                postings=(
                    PostingDraft(CREDIT_GRANTED, signed, adjustment.currency),
                    PostingDraft(CUSTOMER_BALANCE, -signed, adjustment.currency, customer_id),
                ),
            )
        ]
    )
