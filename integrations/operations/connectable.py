"""Connectable's writes: users, their billing and their cards, each by the engine's own operation."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.operations import cards, customers, erasing
from core.operations import Actor
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.domain.customer import CustomerDraft
from customers.models import Customer
from integrations.models import ConnectableProfile
from integrations.queries.agreed import find_customer

USER, BILLING, CARDS = "user", "billing", "cards"
ENGINE_FACTS = frozenset({"email", "name"})
CARD_FACTS: Mapping[str, str] = {"name": "name", "exp_month": "expiry_month", "exp_year": "expiry_year"}


def create_user(told: Mapping[str, Any], *, actor: Actor, now: datetime) -> Customer:
    """Make a customer, and keep what only the neighbour knows of it."""
    with transaction.atomic():
        draft = CustomerDraft(email=told.get("email") or "", name=told.get("name") or "")
        customer = customer_operations.create_customer(draft, actor=actor, now=now)
        _tell(customer.id, USER, _own(told))
        return _fresh(customer)


def update_user(customer: Customer, told: Mapping[str, Any], *, actor: Actor, now: datetime) -> Customer:
    """Change what was told of a user; what is not named stays, null clears. Raises NotFound."""
    with transaction.atomic():
        _update_customer(customer, told, actor=actor, now=now)
        _tell(customer.id, USER, _own(told))
        return _fresh(customer)


def delete_user(customer: Customer, *, actor: Actor, now: datetime) -> None:
    """Erase the customer; its profile goes with it. Raises NotFound, Conflict, Unavailable."""
    erasing.erase_customer(customer.id, actor=actor, now=now)


def update_billing(customer: Customer, told: Mapping[str, Any], *, actor: Actor, now: datetime) -> Customer:
    """Change a user's billing, and give it to one who has none; what is not named stays, null clears.

    `default_source` is the id of one of the customer's cards. Raises NotFound.
    """
    card_id: uuid.UUID | None = told.get("default_source")
    if card_id is not None:
        cards.set_default_card(payment_method_id=card_id, now=customer_queries.now_of(customer, now))
    with transaction.atomic():
        _update_customer(customer, told, actor=actor, now=now)
        own = {name: value for name, value in told.items() if name not in {"email", "default_source"}}
        profile = _tell(customer.id, BILLING, own)
        if profile.billing_removed_at is not None:
            profile.billing_removed_at = None
            profile.save(update_fields=["billing_removed_at"])
        return _fresh(customer)


def delete_billing(customer: Customer, *, actor: Actor, now: datetime) -> None:
    """End a user's subscriptions at once, with outstanding usage billed, and remove its cards; the user stays.

    Raises NotFound, Conflict while a first charge is open, Unavailable.
    """
    erasing.detach_customer(customer.id, actor=actor, now=now)
    with transaction.atomic():
        profile = _tell(customer.id, BILLING, {})
        profile.facts = {name: part for name, part in profile.facts.items() if name == USER}
        profile.billing_removed_at = now
        profile.save(update_fields=["facts", "billing_removed_at"])


def tell_card(
    customer: Customer, card_id: uuid.UUID, told: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Customer:
    """Change what is known of a card: its name and date in the engine, its addresses beside it. Raises NotFound."""
    with transaction.atomic():
        facts = {CARD_FACTS[name]: _of_engine(name, value) for name, value in told.items() if name in CARD_FACTS}
        if facts:
            moment = customer_queries.now_of(customer, now)
            cards.update_card(payment_method_id=card_id, changes=facts, actor=actor, now=moment)
        own = {name: value for name, value in told.items() if name not in CARD_FACTS}
        _tell(customer.id, CARDS, own, str(card_id))
        return _fresh(customer)


def _of_engine(name: str, value: Any) -> Any:
    """Return what clears a fact of the engine as the engine has it."""
    return "" if name == "name" and value is None else value


def _own(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in ENGINE_FACTS}


def _update_customer(customer: Customer, told: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    facts = {name: told[name] or "" for name in ENGINE_FACTS if name in told}
    customers.update_customer(customer.id, facts, actor=actor, now=now)


def _tell(customer_id: uuid.UUID, part: str, told: Mapping[str, Any], key: str = "") -> ConnectableProfile:
    """Keep facts in one part of a profile, or under one key of it; null takes one away. The customer is the lock."""
    customer_queries.lock_customer(customer_id)
    profile, _ = ConnectableProfile.objects.get_or_create(customer_id=customer_id)
    facts = dict(profile.facts)
    whole = dict(facts.get(part, {}))
    held = dict(whole.get(key, {})) if key else whole
    for name, value in told.items():
        if value in (None, "", {}):
            held.pop(name, None)
        else:
            held[name] = value
    if key:
        whole[key] = held
    facts[part] = whole if key else held
    if facts != profile.facts:
        profile.facts = facts
        profile.save(update_fields=["facts"])
    return profile


def _fresh(customer: Customer) -> Customer:
    """Return a customer as it stands now, with its profile."""
    found = find_customer(str(customer.id))
    assert found is not None  # noqa: S101 - the caller holds its lock
    return found
