"""Add the rows that carry charges: the next attempt at an invoice, and the card it tries."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from billing.domain.payments import AttemptStatus, charge_key_stem, first_charge_key, next_charge_key
from billing.models import PaymentAttempt
from billing.providers.registry import card_provider_name
from billing.queries import dunning as dunning_queries
from billing.queries import payments as payment_queries
from core.operations import require_transaction
from customers.models import PaymentMethod
from invoicing.models import Invoice, InvoiceLine


def choose_card(
    wanted_id: UUID | None, cards: Mapping[UUID, PaymentMethod], default: PaymentMethod | None
) -> PaymentMethod | None:
    """Return the card to charge: the one wanted unless it was removed, else the customer's default, else None."""
    return cards.get(wanted_id, default) if wanted_id is not None else default


def card_for(invoice: Invoice) -> PaymentMethod | None:
    """Return the card that an invoice is charged to now: the one its dunning tries, its own, else the default."""
    process = dunning_queries.find_open_process(invoice.id)
    wanted_id = (process.payment_method_id if process is not None else None) or invoice.payment_method_id
    cards = payment_queries.cards_by_id([wanted_id] if wanted_id else [])
    return choose_card(wanted_id, cards, payment_queries.default_cards([invoice.customer_id]).get(invoice.customer_id))


def schedule_attempt(*, invoice: Invoice, now: datetime, card: PaymentMethod | None = None) -> PaymentAttempt:
    """Add the next attempt at an invoice, draft or open, due now, in the caller's transaction, the customer locked.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    last = payment_queries.find_last_attempt(invoice.id)
    number = 1 if last is None else last.number + 1
    return PaymentAttempt.objects.create(
        customer_id=invoice.customer_id,
        invoice=invoice,
        payment_method=card,
        number=number,
        provider=card.provider if card is not None else card_provider_name(),
        idempotency_key=_first_key(invoice) if last is None else next_charge_key(last.idempotency_key, number),
        status=AttemptStatus.SCHEDULED,
        currency=invoice.currency,
        amount_minor=invoice.amount_due_minor,
        due_at=now,
        created_at=now,
    )


def _first_key(invoice: Invoice) -> str:
    """Return the key of an invoice's first attempt: the first item charged tells it from others of the same moment."""
    item_id = InvoiceLine.objects.filter(invoice=invoice).order_by("position").values_list("item_id", flat=True).first()
    stem = charge_key_stem(invoice.customer_id, invoice.due_moment_at)
    earlier = payment_queries.count_first_attempts(invoice.customer_id, stem)
    subject = f"{item_id or invoice.origin}" + (f".{earlier}" if earlier else "")
    return first_charge_key(invoice.customer_id, invoice.due_moment_at, invoice.currency, subject)
