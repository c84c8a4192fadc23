"""Cards: kept by the provider, known here by reference and last four digits; never a number, in no row and no log."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.operations import dunning_cards
from billing.providers.base import (
    CardFacts,
    CustomerFacts,
    KeptCard,
    NotSupported,
    Provider,
    ProviderUnavailable,
    RequestRefused,
    TokenRefused,
)
from billing.providers.registry import card_provider_name, get_provider
from billing.queries.announcing import is_expiry_announced
from core.changes import change_row
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.errors import Conflict, Invalid, Unavailable
from core.operations import Actor, AuditDraft, emit, record_audit, require_transaction
from core.operations_idempotency import remember_resources
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.domain.card import has_expired
from customers.models import Customer, PaymentMethod
from subscriptions.domain.voucher import EXPIRED_CARD_ADDED
from subscriptions.operations import vouchers as voucher_operations


class ProviderAway(Unavailable):
    """The payment provider does not answer; trying again later may help."""

    code = "provider_unavailable"


class ProviderRefused(Conflict):
    """The payment provider will not do it, mostly because it does not know the customer."""

    code = "provider_refused"


def create_setup_token(*, customer_id: uuid.UUID, now: datetime) -> str:
    """Return a token with which the customer's browser hands a card to the provider.

    Raises NotFound, Conflict (`provider_refused`), Unavailable (`provider_unavailable`).
    """
    customer = customer_queries.get_customer(customer_id)
    provider = get_provider(card_provider_name())
    try:
        return provider.create_setup_token(_ensure_provider_customer(provider, customer, now))
    except ProviderUnavailable as error:
        raise ProviderAway("The payment provider does not answer.") from error
    except RequestRefused as error:
        raise ProviderRefused(f"The payment provider refused it: {error}") from error


def add_card(*, customer_id: uuid.UUID, token: str, now: datetime) -> PaymentMethod:
    """Keep the card that a token stands for; a customer's first card, or first after an expired one, is the default.

    Where the default had expired, or it was announced that it does, what automatic vouchers promise for that
    (`expired_card_added`) is redeemed.

    The provider is called before the transaction, which only adds the row. Raises NotFound; Invalid on `token` when it
    is refused; Conflict for an erased customer, or one the provider refuses (`provider_refused`); Unavailable
    (`provider_unavailable`), then nothing was kept.
    """
    customer = customer_queries.get_customer(customer_id)
    customer_operations.refuse_erased(customer)
    provider = get_provider(card_provider_name())
    try:
        reference = _ensure_provider_customer(provider, customer, now)
        facts = provider.attach(customer_reference=reference, token=token)
    except TokenRefused as error:
        raise Invalid("The card was refused.", fields={"token": str(error)}) from error
    except ProviderUnavailable as error:
        raise ProviderAway("The payment provider does not answer.") from error
    except RequestRefused as error:
        raise ProviderRefused(f"The payment provider refused it: {error}") from error
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(customer_id)
        card = keep_card(customer_id=customer_id, provider=provider.name, facts=facts, now=now)
        remember_resources(payment_method=card.id)
        return card


def keep_card(*, customer_id: uuid.UUID, provider: str, facts: CardFacts, now: datetime) -> PaymentMethod:
    """Add the row of a card that the provider keeps, in the caller's transaction, the customer locked.

    A card that can be charged takes the place of a default that has expired, or of which it was announced that it does
    (Billing rules, sections 6 and 11). With a
    new default unpaid invoices are tried at once. One that is kept already stays as it is. Raises RuntimeError outside
    a transaction.
    """
    require_transaction()
    known = PaymentMethod.objects.filter(
        customer_id=customer_id, provider=provider, provider_reference=facts.reference, removed_at__isnull=True
    ).first()
    if known is not None:
        return known
    customer = customer_queries.get_customer(customer_id)
    today = local_date(now, customer.zone)
    default = _default_of(customer)
    replaces = is_replaced_by_next(customer, now) and not has_expired(facts.expiry_month, facts.expiry_year, today)
    card = PaymentMethod.objects.create(
        customer_id=customer_id,
        provider=provider,
        provider_reference=facts.reference,
        name=facts.name,
        brand=facts.brand,
        last_four=facts.last_four,
        expiry_month=facts.expiry_month,
        expiry_year=facts.expiry_year,
        country=facts.country,
        is_default=default is None,
        created_at=now,
    )
    if replaces:
        _make_default(card)
    emit(_fact("payment_method.added", card, now))
    if card.is_default:
        dunning_cards.try_new_card(card, now)
    if replaces:
        voucher_operations.redeem_automatic(customer, EXPIRED_CARD_ADDED, now=now)
    return card


def is_replaced_by_next(customer: Customer, now: datetime) -> bool:
    """Tell whether a good card that is added takes the default's place: it has expired, or its customer was told so."""
    default, today = _default_of(customer), local_date(now, customer.zone)
    if default is None:
        return False
    return has_expired(default.expiry_month, default.expiry_year, today) or is_expiry_announced(default)


def _default_of(customer: Customer) -> PaymentMethod | None:
    return PaymentMethod.objects.filter(customer=customer, is_default=True, removed_at__isnull=True).first()


def set_default_card(*, payment_method_id: uuid.UUID, now: datetime) -> PaymentMethod:
    """Make a card the one that is charged unless another is named, and try unpaid invoices with it. Raises NotFound."""
    found = customer_queries.get_payment_method(payment_method_id)
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(found.customer_id)
        card = customer_queries.get_payment_method(payment_method_id)
        was_default = card.is_default
        _make_default(card)
        if not was_default:
            dunning_cards.try_new_card(card, now)
    return card


def update_card(
    *, payment_method_id: uuid.UUID, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> PaymentMethod:
    """Change what is known of a card: `name`, `expiry_month`, `expiry_year` (four digits); the number stays what it is.

    Banks renew cards under the same number, so a date may be told anew. What is not named stays. Raises NotFound.
    """
    found = customer_queries.get_payment_method(payment_method_id)
    with transaction.atomic():
        customer_queries.lock_customer(found.customer_id)
        card = customer_queries.get_payment_method(payment_method_id)
        changed = change_row(card, changes)
        if changed is None:
            return card
        emit(_fact("payment_method.updated", card, now))
        draft = AuditDraft("payment_method.updated", "payment_method", card.id, before=changed[0], after=changed[1])
        record_audit(actor, [draft], recorded_at=now)
        return card


def remove_card(*, payment_method_id: uuid.UUID, now: datetime) -> None:
    """Forget a card, at the provider first; the newest card left becomes the default when the default goes.

    Raises NotFound for a card that is gone already, Unavailable (`provider_unavailable`), then the card stays.
    """
    found = customer_queries.get_payment_method(payment_method_id)
    try:
        get_provider(found.provider).detach(found.provider_reference)
    except ProviderUnavailable as error:
        raise ProviderAway("The payment provider does not answer.") from error
    except NotSupported as error:
        raise Invalid(str(error), fields={"payment_details": str(error)}) from error
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(found.customer_id)
        _take_away(customer_queries.get_payment_method(payment_method_id), now)


def note_card(*, provider: str, reference: str, kept: KeptCard | None, now: datetime) -> bool:
    """Bring a card up to what its provider says of it; return whether it is one of ours.

    `kept` None, or without a customer: it can be charged no more, and is taken away here too. Otherwise brand, last
    digits, expiry and country are what the provider has: banks renew cards. `now` is the wall's moment.
    """
    found = PaymentMethod.objects.filter(
        provider=provider, provider_reference=reference, removed_at__isnull=True
    ).first()
    if found is None:
        return False
    with transaction.atomic(durable=True):
        customer = customer_queries.lock_customer(found.customer_id)
        moment = customer_queries.now_of(customer, now)
        card = PaymentMethod.objects.filter(id=found.id, removed_at__isnull=True).first()
        if card is None:
            return True
        if kept is None or not kept.customer_reference:
            _take_away(card, moment)
            return True
        facts = kept.facts
        told = {
            "brand": facts.brand,
            "last_four": facts.last_four,
            "expiry_month": facts.expiry_month,
            "expiry_year": facts.expiry_year,
            "country": facts.country,
        }
        if change_row(card, told) is not None:
            emit(_fact("payment_method.updated", card, moment))
    return True


def _take_away(card: PaymentMethod, now: datetime) -> None:
    """Mark a card as removed, the customer locked; the newest card left becomes the default when the default goes."""
    was_default = card.is_default
    card.is_default, card.removed_at = False, now
    card.save(update_fields=["is_default", "removed_at"])
    heir = customer_queries.list_payment_methods(card.customer_id).first() if was_default else None
    if heir is not None:
        _make_default(heir)
    emit(_fact("payment_method.removed", card, now))


def _ensure_provider_customer(provider: Provider, customer: Customer, now: datetime) -> str:
    """Return the provider's reference of a customer, made and kept when there is none; outside a transaction."""
    if customer.external_reference:
        return customer.external_reference
    facts = CustomerFacts(email=customer.email, name=customer.company_name or customer.name)
    # Two that ask at once get the same reference, because they ask with the same key.
    reference = provider.create_customer(facts, idempotency_key=f"customer:{customer.id}")
    with transaction.atomic(durable=True):
        locked = customer_queries.lock_customer(customer.id)
        if not locked.external_reference:
            locked.external_reference, locked.updated_at = reference, now
            locked.save(update_fields=["external_reference", "updated_at"])
        return locked.external_reference


def _make_default(card: PaymentMethod) -> None:
    """Make a card its customer's default, the customer locked."""
    others = PaymentMethod.objects.filter(customer_id=card.customer_id, is_default=True).exclude(id=card.id)
    others.update(is_default=False)
    card.is_default = True
    card.save(update_fields=["is_default"])


def _fact(type_: str, card: PaymentMethod, now: datetime) -> OutboxDraft:
    payload = {
        "customer": str(card.customer_id),
        "brand": card.brand,
        "last_four": card.last_four,
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
        "default": card.is_default,
    }
    return OutboxDraft(type_, "payment_method", card.id, now, payload)
