"""Start a subscription for a request that may be sent again: with its voucher, and resumed after a crash."""

import uuid
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from billing.operations import charging
from billing.operations.start import StartCommand, start_subscription
from core.errors import BillingError
from core.operations import Actor
from core.operations_idempotency import remember_resources, resumed_resource
from customers import queries as customers_queries
from subscriptions.models import Subscription, VoucherRedemption
from subscriptions.operations import vouchers as voucher_operations
from subscriptions.queries import vouchers


def start_for_request(
    *,
    customer_id: uuid.UUID,
    command: StartCommand,
    plan_id: uuid.UUID,
    currency: str,
    voucher: str,
    now: datetime,
    actor: Actor,
) -> Subscription:
    """Start a subscription, or go on with the one that an earlier try of this request began.

    `voucher` is redeemed first, for the plan and in the currency of the start, and given back when nothing starts.
    Raises what start_subscription does, and Invalid on `voucher`.
    """
    begun = _resume(now)
    if begun is not None:
        return begun
    card_id = resumed_resource("payment_method")
    if card_id is not None:
        command = replace(command, card_token="", payment_method_id=card_id)
    redemption = _redeem(customer_id, voucher, plan_id, currency, now) if voucher else None
    try:
        return start_subscription(customer_id=customer_id, command=command, now=now, actor=actor)
    except BillingError as error:
        if redemption is not None:
            voucher_operations.return_voucher(redemption.id, actor=actor, now=now)
        if command.card_token and "token" in error.fields:
            error.fields["card_token"] = error.fields.pop("token")
        raise


def _resume(now: datetime) -> Subscription | None:
    """Return the subscription an earlier try began, its charge finished; None when there was none.

    Raises ChargeDeclined when that charge was refused.
    """
    subscription_id, attempt_id = resumed_resource("subscription"), resumed_resource("attempt")
    if attempt_id is not None:
        outcome = charging.charge_now(attempt_id, now)
        if not outcome.is_paid and not outcome.is_open:
            raise charging.ChargeDeclined(outcome)
    return Subscription.objects.filter(id=subscription_id).first() if subscription_id is not None else None


def _redeem(
    customer_id: uuid.UUID, code: str, plan_id: uuid.UUID, currency: str, now: datetime
) -> VoucherRedemption | None:
    """Redeem the voucher of a start, unless an earlier try has done it. Raises Invalid on `voucher`."""
    if resumed_resource("redemption") is not None:
        return None
    with transaction.atomic():
        customer = customers_queries.lock_customer(customer_id)
        redemption = voucher_operations.redeem_for(
            customer,
            code,
            held_plan_ids=vouchers.held_plans(customer_id) | {plan_id},
            currency=currency,
            now=now,
            field="voucher",
        )
        remember_resources(redemption=redemption.id)
    return redemption
