"""A user's billing, as Connectable shows it: the customer of Stripe's API."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Prefetch

from core.domain.schedule import local_date
from customers import queries as customer_queries
from customers.models import Customer
from integrations.domain import connectable as shapes
from integrations.domain.connectable_words import INTERVALS, STATUS, billing_word
from integrations.domain.shape import epoch, epoch_or_none, whole
from integrations.queries.agreed import Agreed, list_agreed, unit_price_of
from integrations.queries.connectable_cards import show_sources
from integrations.queries.connectable_users import facts_of
from integrations.queries.mode import is_live
from invoicing.models import Invoice, InvoiceLine
from ledger.models import CustomerBalance
from subscriptions.domain.lifecycle import LIVE_STATUSES, Status
from subscriptions.models import Plan, Price, Voucher, VoucherRedemption
from subscriptions.queries.vouchers import list_vouchers


def get_billing(customer: Customer, now: datetime) -> shapes.Customer:
    """Return a customer with subscriptions, cards and discount, by a constant number of statements.

    `now` is the customer's own moment.
    """
    agreed = list_agreed(customer, now)
    currency = currency_of(customer, agreed)
    running = list_redemptions(customer.id, running_at=now)
    discount = show_discount(running[0], currency, now) if running else None
    cards = list(customer_queries.list_payment_methods(customer.id))
    rates = _tax_rates(customer.id)
    told = facts_of(customer, "billing")
    subscriptions = [_subscription(customer, one, running, rates.get(one.subscription.id)) for one in agreed]
    return shapes.Customer(
        id=str(customer.id),
        account_balance=_balance(customer.id, currency),
        created=epoch(customer.created_at),
        currency=currency.lower(),
        default_source=next((str(card.id) for card in cards if card.is_default), None),
        delinquent=_is_delinquent(customer, now),
        description=told.get("description"),
        discount=discount,
        email=customer.email or None,
        invoice_prefix=None,
        livemode=is_live(),
        shipping=_shipping(told.get("shipping")),
        subscriptions=shapes.Subscriptions(
            data=subscriptions,
            has_more=False,
            total_count=len(subscriptions),
            url=f"/api/users/{customer.id}/billing",
        ),
        sources=show_sources(customer, cards),
    )


def currency_of(customer: Customer, agreed: Sequence[Agreed]) -> str:
    """Return a customer's currency: as told, else of the newest running subscription, else the brand's."""
    told: str = facts_of(customer, "billing").get("currency", "")
    live = [one.subscription.currency for one in agreed if one.subscription.status in LIVE_STATUSES]
    return told or next(iter(live), customer.brand.currency)


def _balance(customer_id: uuid.UUID, currency: str) -> int:
    """Return what the customer owes on top, in minor units; negative: credit."""
    held = CustomerBalance.objects.filter(customer_id=customer_id, currency=currency)
    return -sum(held.values_list("balance_minor", flat=True))


def _is_delinquent(customer: Customer, now: datetime) -> bool:
    """Tell whether the latest invoice's latest charge failed, or it is not paid by its due date."""
    issued = Invoice.objects.filter(customer_id=customer.id).exclude(status=Invoice.Status.DRAFT)
    latest = issued.order_by("-id").prefetch_related("attempts").first()
    if latest is None or latest.status != Invoice.Status.OPEN:
        return False
    if latest.billing_type == Customer.BillingType.INVOICE:
        return latest.due_date is not None and latest.due_date < local_date(now, latest.time_zone)
    attempts = sorted(latest.attempts.all(), key=lambda one: one.number)
    return bool(attempts) and attempts[-1].status == "failed"


def _tax_rates(customer_id: uuid.UUID) -> Mapping[uuid.UUID, Decimal]:
    """Return the tax rate in percent of each subscription's newest line."""
    lines = InvoiceLine.objects.filter(subscription__customer_id=customer_id).order_by("subscription_id", "-id")
    return dict(lines.distinct("subscription_id").values_list("subscription_id", "tax_rate"))


def _shipping(told: Mapping[str, object] | None) -> shapes.Shipping | None:
    if not told:
        return None
    address = told.get("address") or {}
    assert isinstance(address, dict)  # noqa: S101 - as the input serializer left it
    parts = {name: address.get(name) for name in shapes.Address.__struct_fields__}
    name, phone = told.get("name"), told.get("phone")
    return shapes.Shipping(
        address=shapes.Address(**parts), name=str(name) if name else None, phone=str(phone) if phone else None
    )


# --- Subscriptions --------------------------------------------------------------------------------------------------


def _subscription(
    customer: Customer, agreed: Agreed, running: Sequence[VoucherRedemption], tax_rate: Decimal | None
) -> shapes.Subscription:
    row, main = agreed.subscription, agreed.main
    plan = row.plan
    items = [
        shapes.SubscriptionItem(
            id=str(item.id),
            created=epoch(row.created_at),
            plan=show_plan(plan, item.price),
            quantity=item.quantity,
            subscription=str(row.id),
        )
        for item in agreed.items
    ]
    ends_later = row.status in LIVE_STATUSES and row.cancel_at is not None
    is_invoiced = customer.billing_type == Customer.BillingType.INVOICE
    return shapes.Subscription(
        id=str(row.id),
        application_fee_percent=None,
        billing=billing_word(customer.billing_type),
        billing_cycle_anchor=epoch(agreed.anchor_at),
        cancel_at_period_end=ends_later,
        canceled_at=epoch_or_none(row.cancelled_at or row.ended_at),
        created=epoch(row.created_at),
        current_period_end=epoch_or_none(row.current_period_end),
        current_period_start=epoch(row.current_period_start),
        customer=str(customer.id),
        days_until_due=customer.brand.payment_terms_days if is_invoiced else None,
        discount=_percent_off(plan, running),
        ended_at=epoch_or_none(row.ended_at),
        items=items,
        livemode=is_live(),
        plan=show_plan(plan, main.price) if main is not None else None,
        quantity=main.quantity if main is not None else None,
        start=epoch(agreed.calendar.from_at),
        status=STATUS[Status(row.status)],
        tax_percent=whole(tax_rate),
        trial_end=epoch_or_none(row.trial_end_at),
        trial_start=epoch(row.started_at) if row.trial_end_at is not None else None,
    )


def _percent_off(plan: Plan, running: Sequence[VoucherRedemption]) -> float | None:
    """Return the percentage that a voucher in force takes off a plan, the newest one's."""
    for redemption in running:
        plan_ids = {one.id for one in redemption.voucher.plans.all()}
        if redemption.voucher.percent is not None and (not plan_ids or plan.id in plan_ids):
            return float(redemption.voucher.percent)
    return None


def show_plan(plan: Plan | None, price: Price) -> shapes.Plan:
    """Return a price as the neighbour's plan, named after the plan it is sold by."""
    return shapes.Plan(
        id=str(price.id),
        amount=unit_price_of(price),
        created=epoch(price.created_at),
        currency=price.currency.lower(),
        interval=price.interval if price.interval in INTERVALS else None,
        interval_count=price.interval_count,
        livemode=is_live(),
        nickname=plan.name if plan is not None else None,
        product=str(price.product_id),
        trial_period_days=plan.trial_length_days if plan is not None and plan.has_trial else None,
    )


# --- Discounts ------------------------------------------------------------------------------------------------------


def list_redemptions(
    customer_id: uuid.UUID, *, running_at: datetime | None = None, ids: Sequence[str] = ()
) -> list[VoucherRedemption]:
    """Return a customer's redemptions of discounts, newest first: those in force, or those of the ids."""
    mine = VoucherRedemption.objects.filter(customer_id=customer_id).order_by("-id")
    mine = mine.exclude(voucher__type=Voucher.Type.FIXED_CREDIT)
    mine = mine.filter(ended_at__isnull=True) if running_at is not None else mine.filter(id__in=ids)
    return list(mine.prefetch_related(Prefetch("voucher", queryset=list_vouchers())))


def show_discount(redemption: VoucherRedemption, currency: str, now: datetime) -> shapes.Discount:
    """Return a redemption as a discount, its amount in one currency."""
    voucher = redemption.voucher
    amounts = {one.currency: one.amount_minor for one in voucher.amounts.all()}
    redeemed: int = getattr(voucher, "redemption_count", 0)
    is_left = voucher.maximum_redemptions is None or redeemed < voucher.maximum_redemptions
    has_expired = voucher.expires_at is not None and voucher.expires_at <= now
    amount_off = amounts.get(currency)
    return shapes.Discount(
        coupon=shapes.Coupon(
            id=str(voucher.id),
            amount_off=amount_off,
            created=epoch(voucher.created_at),
            currency=currency.lower() if amount_off is not None else None,
            duration=voucher.duration,
            duration_in_months=voucher.duration_count,
            livemode=is_live(),
            max_redemptions=voucher.maximum_redemptions,
            percent_off=whole(voucher.percent),
            redeem_by=voucher.expires_at.date() if voucher.expires_at is not None else None,
            times_redeemed=redeemed,
            valid=voucher.disabled_at is None and is_left and not has_expired,
        ),
        customer=str(redemption.customer_id),
        end=epoch_or_none(redemption.ended_at),
        start=epoch(redemption.redeemed_at),
        subscription=None,
    )
