"""Start a subscription for a request that may be sent again: with its voucher, and resumed after a crash."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from billing.operations import charging
from billing.operations.start import StartCommand, start_subscription
from core.errors import BillingError, Invalid
from core.operations import Actor
from core.operations_idempotency import remember_resources, resumed_resource
from customers import queries as customers_queries
from customers.models import Customer
from subscriptions.models import Price, Subscription, VoucherRedemption
from subscriptions.operations import vouchers as voucher_operations
from subscriptions.operations.vouchers import RedemptionRequest
from subscriptions.queries import vouchers


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A start with the code of a voucher that comes with it, "" for none, for the plan and in the currency named."""

    customer_id: uuid.UUID
    command: StartCommand
    plan_id: uuid.UUID
    currency: str
    voucher: str = ""


def start_for_request(request: StartRequest, *, now: datetime, actor: Actor) -> Subscription:
    """Start a subscription, or go on with the one that an earlier try of this request began.

    Its voucher is redeemed first, and given back when nothing starts. Raises what start_subscription does, Invalid on
    `voucher`, and on the price of the plan or of an item that is retired.
    """
    command = request.command
    begun = _resume(now)
    if begun is not None:
        return begun
    refuse_retired(command)
    card_id = resumed_resource("payment_method")
    if card_id is not None:
        command = replace(command, card_token="", payment_method_id=card_id)
    redemption = _redeem(request, now) if request.voucher else None
    try:
        return start_subscription(customer_id=request.customer_id, command=command, now=now, actor=actor)
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


def refuse_retired(command: StartCommand) -> None:
    """Refuse prices that are not sold any more; who has one keeps it. Raises Invalid."""
    wanted = {"price": command.price_id}
    wanted |= {f"items.{position}.price": item.price_id for position, item in enumerate(command.items)}
    retired = set(
        Price.objects.filter(id__in=filter(None, wanted.values()), retired_at__isnull=False).values_list(
            "id", flat=True
        )
    )
    faults = {name: "This price is retired." for name, price_id in wanted.items() if price_id in retired}
    if faults:
        raise Invalid("A retired price cannot be started.", fields=faults)


def asked_voucher(request: StartRequest, customer: Customer) -> RedemptionRequest:
    """Return the voucher of a start as it is asked for: the customer is about to have the plan."""
    held = vouchers.held_plans(customer.id) | {request.plan_id}
    return RedemptionRequest(customer, request.voucher, held, request.currency, field="voucher")


def _redeem(request: StartRequest, now: datetime) -> VoucherRedemption | None:
    """Redeem the voucher of a start, unless an earlier try has done it. Raises Invalid on `voucher`."""
    if resumed_resource("redemption") is not None:
        return None
    with transaction.atomic():
        customer = customers_queries.lock_customer(request.customer_id)
        redemption = voucher_operations.redeem_for(asked_voucher(request, customer), now=now)
        remember_resources(redemption=redemption.id)
    return redemption
