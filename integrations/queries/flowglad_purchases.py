"""What a customer bought, as Flowglad shows it: one purchase for each item of a subscription."""

import uuid
from collections.abc import Iterable, Sequence

from customers.models import Customer
from integrations.domain import flowglad as shapes
from integrations.domain.flowglad_words import purchase_status
from integrations.domain.shape import instant, instant_or_none
from integrations.queries.agreed import Agreed
from integrations.queries.flowglad_catalogue import interval_of, price_type, unit_price
from integrations.queries.flowglad_history import PastInvoice
from integrations.queries.mode import is_live
from subscriptions.queries.subscriptions import RunningItem


def show_purchases(
    customer: Customer, agreed: Iterable[Agreed], invoices: Sequence[PastInvoice]
) -> list[shapes.Purchase]:
    """Return each price that a customer bought, newest subscriptions first; its first invoice tells how it stands."""
    first: dict[uuid.UUID, PastInvoice] = {}
    for invoice in reversed(invoices):
        for line in invoice.lines:
            if line.item_id is not None:
                first.setdefault(line.item_id, invoice)
    return [_purchase(customer, one, item, first.get(item.id)) for one in agreed for item in one.items]


def _purchase(customer: Customer, agreed: Agreed, item: RunningItem, first: PastInvoice | None) -> shapes.Purchase:
    subscription, price = agreed.subscription, item.price
    kind = price_type(price)
    value = sum(line.gross_minor for line in first.lines if line.item_id == item.id) if first is not None else 0
    trial_days = 0
    if subscription.trial_end_at is not None:
        trial_days = (subscription.trial_end_at - subscription.started_at).days
    return shapes.Purchase(
        id=str(item.id),
        created_at=instant(subscription.created_at),
        updated_at=instant(subscription.updated_at),
        livemode=is_live(),
        name=subscription.plan.name,
        status=purchase_status(first.status if first else None, failure=first.failure if first else None),
        customer_id=str(customer.id),
        organization_id=str(customer.brand_id),
        billing_cycle_anchor=instant(agreed.anchor_at) if interval_of(price) is not None else None,
        price_id=str(price.id),
        quantity=item.quantity,
        price_type=kind,
        trial_period_days=trial_days if kind == "subscription" else None,
        price_per_billing_cycle=unit_price(price) * item.quantity if kind == "subscription" else None,
        interval_unit=interval_of(price) if kind == "subscription" else None,
        interval_count=price.interval_count if kind == "subscription" else None,
        first_invoice_value=value,
        total_purchase_value=value if kind == "single_payment" else None,
        bank_payment_only=customer.billing_type == Customer.BillingType.INVOICE,
        purchase_date=instant(subscription.started_at),
        end_date=instant_or_none(subscription.ended_at),
        proposal=None,
        archived=subscription.ended_at is not None,
        billing_address=None,
        metadata={},
    )
