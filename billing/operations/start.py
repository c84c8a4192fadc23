"""Start a subscription: agree, propose its first invoice, charge a card before anything counts.

Billing rules, section 5, Start and Trials.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.domain.cycle import next_due, period_bounds, settle
from billing.operations import attempts, cards, charging, first_invoices
from billing.operations.agenda import refresh_agenda
from billing.run.writing import schedule_charges, spend_vouchers
from core.domain.outbox import OutboxDraft
from core.errors import BillingError, Conflict, Invalid
from core.identifiers import new_id
from core.operations import SYSTEM, Actor, emit
from core.operations_idempotency import remember_resources
from core.operations_instance import require_running
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.models import Customer, PaymentMethod
from invoicing.domain.account import CARD
from invoicing.domain.assembly import Proposal
from invoicing.operations import issuing
from subscriptions.domain.agreement import AgreementWanted, InvalidAgreement, ItemTermsWanted, agree
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import ANNIVERSARY, Agreement
from subscriptions.models import Plan, Subscription
from subscriptions.operations.agreements import AgreementRecord, store_agreement
from subscriptions.queries.terms import list_price_terms


class NoUsablePaymentMethod(BillingError):
    """A card customer has no card that could be charged."""

    kind = "not_acceptable"
    code = "no_payment_method"


@dataclass(frozen=True, slots=True)
class ItemCommand:
    """A further price of the subscription, with its quantity."""

    price_id: uuid.UUID
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class StartCommand:
    """What is asked for. The price is given, or `schedule` with `currency` picks the plan's single matching one.

    `trial` None follows the plan, True insists on a trial, False denies it.
    """

    plan: str
    price_id: uuid.UUID | None = None
    schedule: str = ""
    currency: str = ""
    seats: int = 1
    items: tuple[ItemCommand, ...] = ()
    payment_method_id: uuid.UUID | None = None
    card_token: str = ""
    trial: bool | None = None
    trial_days: int | None = None
    start_at: datetime | None = None
    bill_from_at: datetime | None = None
    alignment: str = ANNIVERSARY
    billing_day: int = 1
    metadata: Mapping[str, Any] = field(default_factory=dict)


def start_subscription(
    *, customer_id: uuid.UUID, command: StartCommand, now: datetime, actor: Actor = SYSTEM
) -> Subscription:
    """Start a subscription and return it: active, in trial, or incomplete while the charge's outcome is unknown.

    `now` is the customer's own moment. A card customer's first invoice is a draft until its charge succeeds; when it is
    declined neither stays, and ChargeDeclined is raised. Raises Invalid, Conflict (customer disabled),
    NoUsablePaymentMethod and, when something would be charged, InstanceHeld; nothing is stored then.
    """
    if command.card_token:
        card = cards.add_card(customer_id=customer_id, token=command.card_token, now=now)
        command = replace(command, payment_method_id=card.id)
    with transaction.atomic(durable=True):
        customer = customer_queries.lock_customer(customer_id)
        agreement = agreement_for(customer, command, now)
        subscription, attempt_id = _open(Opening(customer, agreement, now, actor, dict(command.metadata)))
        remember_resources(subscription=subscription.id, **({"attempt": attempt_id} if attempt_id else {}))
    if attempt_id is not None:
        _charge(attempt_id, now)
        subscription.refresh_from_db()
    return subscription


def agreement_for(customer: Customer, command: StartCommand, now: datetime) -> Agreement:
    """Return the agreement a command asks for. Raises what start_subscription does."""
    if customer.status == Customer.Status.DISABLED:
        raise Conflict("The customer is disabled.", code="customer_disabled")
    customer_operations.refuse_erased(customer)
    plan = _plan(command.plan)
    price_id = command.price_id or _matching_price(plan, command)
    if not plan.prices.filter(id=price_id).exists():
        raise Invalid("The price is not one of the plan's.", fields={"price": "It does not belong to this plan."})
    if command.seats > 1 and not plan.per_seat:
        raise Invalid("The plan is not per seat.", fields={"seat_number": "This plan is not per seat."})
    start_at = command.start_at or now
    if start_at > now:
        raise Invalid("The start lies ahead.", fields={"start_date": "A subscription starts now or earlier."})
    prices = list_price_terms({price_id, *(item.price_id for item in command.items)})
    for position, item in enumerate(command.items):
        if item.price_id not in prices:
            raise Invalid("There is no such price.", fields={f"items.{position}.price": "There is no such price."})
    trial_days = _trial_days(customer, plan, command)
    wanted = AgreementWanted(
        subscription_id=new_id(),
        customer_id=customer.id,
        plan_id=plan.id,
        plan_name=plan.name,
        items=(
            ItemTermsWanted(new_id(), prices[price_id], command.seats),
            *(ItemTermsWanted(new_id(), prices[item.price_id], item.quantity) for item in command.items),
        ),
        start_at=start_at,
        zone=customer.zone,
        alignment=command.alignment,
        billing_day=command.billing_day,
        trial_days=trial_days,
        trial_standalone=plan.is_trial_standalone,
        bill_from_at=command.bill_from_at,
        payment_method_id=_payment_method(customer, command),
    )
    try:
        return agree(wanted)
    except InvalidAgreement as error:
        raise Invalid(error.message, fields={error.field: error.message}) from None


def _plan(reference: str) -> Plan:
    """Return the live plan with an id or code name. Raises Invalid."""
    try:
        found = Plan.objects.filter(id=uuid.UUID(reference)).first()
    except ValueError:
        found = None
    found = found or Plan.objects.filter(code_name=reference).first()
    if found is None or found.retired_at is not None:
        raise Invalid("There is no such plan.", fields={"subscription_plan": "There is no such plan."})
    return found


def _matching_price(plan: Plan, command: StartCommand) -> uuid.UUID:
    """Return the plan's single live public price of a schedule and currency. Raises Invalid when it is not single."""
    if not command.schedule or not command.currency:
        raise Invalid("No price is given.", fields={"price": "Give a price, or schedule and currency."})
    interval = "one_off" if command.schedule in {"one-off", "one_off"} else command.schedule
    matching = plan.prices.filter(
        interval=interval, interval_count=1, currency=command.currency, public=True, retired_at__isnull=True
    ).values_list("id", flat=True)[:2]
    if len(matching) != 1:
        found = "No price matches" if not matching else "More than one price matches"
        raise Invalid(f"{found}.", fields={"schedule": f"{found} this schedule and currency; give the price."})
    price_id: uuid.UUID = matching[0]
    return price_id


def _trial_days(customer: Customer, plan: Plan, command: StartCommand) -> int | None:
    """Return how long the trial is, None for a paid start; one trial per customer and plan where the plan says so."""
    if command.trial is False or (command.trial is None and not plan.has_trial):
        return None
    used = (
        plan.one_trial_per_customer
        and Subscription.objects.filter(customer=customer, plan=plan, trial_end_at__isnull=False).exists()
    )
    if used and command.trial:
        raise Invalid("The trial was used.", fields={"subscription_plan": "This customer has had this plan's trial."})
    days = command.trial_days or plan.trial_length_days
    if not used and not days:
        raise Invalid("How long is the trial?", fields={"trial_length_days": "The plan has no trial length."})
    return None if used else days


def _payment_method(customer: Customer, command: StartCommand) -> uuid.UUID | None:
    """Return the card the subscription pays with, when one is named. Raises Invalid."""
    if command.payment_method_id is None:
        return None
    cards_of_customer = PaymentMethod.objects.filter(customer=customer, removed_at__isnull=True)
    if not cards_of_customer.filter(id=command.payment_method_id).exists():
        message = "The customer has no such card."
        raise Invalid(message, fields={"payment_details": message})
    return command.payment_method_id


@dataclass(frozen=True, slots=True)
class Opening:
    """An agreement on its way into the database, for the customer whose lock is held."""

    customer: Customer
    agreement: Agreement
    now: datetime
    actor: Actor
    metadata: dict[str, Any]


def _open(opening: Opening) -> tuple[Subscription, uuid.UUID | None]:
    """Store an agreement with its first documents; return it with the attempt that must succeed before it counts."""
    agreement, now = opening.agreement, opening.now
    if agreement.status is Status.TRIAL_ACTIVE:
        return store_opening(opening, replace(agreement, next_due_at=next_due(agreement, agreement.started_at))), None
    proposals = first_invoices.propose_start(agreement, moment=now, now=now)
    to_charge = first_to_charge(proposals, opening.customer)
    if to_charge is None:
        return _open_at_once(opening, proposals), None
    first, card_id = to_charge
    require_running()
    subscription = store_opening(opening, replace(agreement, status=Status.INCOMPLETE))
    draft = first_invoices.store_draft(first, now=now)
    card = PaymentMethod.objects.get(id=card_id)
    return subscription, attempts.schedule_attempt(invoice=draft, now=now, card=card).id


def first_to_charge(proposals: Sequence[Proposal], customer: Customer) -> tuple[Proposal, uuid.UUID] | None:
    """Return the document whose charge must succeed before a start counts, with its card; None when there is none.

    Raises NoUsablePaymentMethod.
    """
    found = next((one for one in proposals if one.amount_due_minor > 0 and customer.billing_type == CARD), None)
    if found is None:
        return None
    if found.payment_method_id is None:
        raise NoUsablePaymentMethod("The customer has no card to charge.")
    return found, found.payment_method_id


def _open_at_once(opening: Opening, proposals: tuple[Proposal, ...]) -> Subscription:
    """Store an active subscription and finalise its first documents: nothing has to be charged first."""
    now = opening.now
    subscription = store_opening(opening, settle(opening.agreement, now))
    issued = issuing.store_lines(proposals, as_of=now)
    spend_vouchers(proposals, now)
    schedule_charges(issued, as_of=now)
    issuing.finalize(issued, as_of=now)
    return subscription


def store_opening(opening: Opening, agreement: Agreement) -> Subscription:
    """Insert an agreement, and tell of it unless it still waits for its first charge."""
    now = opening.now
    start, end = period_bounds(agreement, now)
    record = AgreementRecord(
        status=agreement.status,
        current_period_start=start,
        current_period_end=end,
        actor=opening.actor.name,
        action="start",
        recorded_at=now,
        metadata=opening.metadata,
    )
    subscription = store_agreement(agreement, record)
    refresh_agenda(opening.customer)
    if agreement.status is not Status.INCOMPLETE:
        facts = {"status": str(agreement.status)}
        emit(OutboxDraft("subscription.created", "subscription", subscription.id, now, facts))
    if agreement.status is Status.TRIAL_ACTIVE:
        emit(OutboxDraft("subscription.trial_started", "subscription", subscription.id, now))
    return subscription


def _charge(attempt_id: uuid.UUID, now: datetime) -> None:
    """Charge the first invoice. Raises ChargeDeclined; an unknown outcome passes and is settled later."""
    outcome = charging.charge_now(attempt_id, now)
    if not outcome.is_paid and not outcome.is_open:
        raise charging.ChargeDeclined(outcome)
