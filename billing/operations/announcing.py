"""Announce what lies ahead: a card that expires, a trial that ends, a renewal; each once, by a row beside its fact.

Billing rules, sections 5 (Trials) and 11; what the brand announces, and how long ahead, is data
(docs/decisions/0036-announcements.md).
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from billing.domain.announcing import AnnouncementKind, Window
from billing.models import Announcement
from billing.queries import announcing as queries
from billing.queries.announcing import Due
from core.domain.outbox import OutboxDraft
from core.operations import emit
from core.operations_instance import require_running
from customers.models import Customer, PaymentMethod

EVERY = timedelta(hours=20)
"""A test clock on its way announces so often at most: less than the shortest day, and a day is the shortest notice."""
CUSTOMERS_AT_ONCE = 500
CARD_KINDS = frozenset({AnnouncementKind.CARD_MONTH, AnnouncementKind.CARD_CHARGE})
TYPES = {
    AnnouncementKind.CARD_MONTH: ("payment_method.expiring", "payment_method"),
    AnnouncementKind.CARD_CHARGE: ("payment_method.expiring", "payment_method"),
    AnnouncementKind.TRIAL_ENDING: ("subscription.trial_ending", "subscription"),
    AnnouncementKind.RENEWAL: ("subscription.renewing", "subscription"),
}


def announce(window: Window, *, test_clock_id: uuid.UUID | None = None) -> int:
    """Announce what is due in a window and was not announced before, and return how many facts were written.

    Without a test clock only customers on none are looked at. Customers that somebody holds are left for the next time.
    Raises InstanceHeld.
    """
    require_running()
    told = _announce(window, test_clock_id)
    if any(one.kind is AnnouncementKind.CARD_MONTH for one in told):
        # A jump may pass the day before the charge as well, which is looked for once the month was announced.
        told += _announce(window, test_clock_id)
    return len(told)


def _announce(window: Window, test_clock_id: uuid.UUID | None) -> list[Due]:
    """Announce what is found now, customers by the hundred, and return it."""
    due = queries.list_due(window, test_clock_id=test_clock_id)
    customer_ids = sorted({one.customer_id for one in due})
    told: list[Due] = []
    for first in range(0, len(customer_ids), CUSTOMERS_AT_ONCE):
        with transaction.atomic(durable=True):
            locked = _lock(customer_ids[first : first + CUSTOMERS_AT_ONCE])
            # Read again under the lock: what was decided without it may be over.
            found = queries.list_due(window, test_clock_id=test_clock_id, customer_ids=locked)
            _write(sorted(found, key=lambda one: one.at))
        told += found
    return told


def _lock(customer_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Lock those of some customers whom nobody holds, and return them."""
    customers = Customer.objects.select_for_update(no_key=True, skip_locked=True).filter(id__in=customer_ids)
    return list(customers.order_by("id").values_list("id", flat=True))


def _write(due: Sequence[Due]) -> None:
    """Add the rows and the facts, in the caller's transaction, the customers locked."""
    cards = PaymentMethod.objects.in_bulk([one.object_id for one in due if one.kind in CARD_KINDS])
    Announcement.objects.bulk_create(
        Announcement(
            kind=one.kind,
            customer_id=one.customer_id,
            payment_method_id=one.object_id if one.kind in CARD_KINDS else None,
            subscription_id=None if one.kind in CARD_KINDS else one.object_id,
            about_at=one.about_at,
            announced_at=one.at,
        )
        for one in due
    )
    emit(*(_fact(one, cards.get(one.object_id)) for one in due))


def _fact(due: Due, card: PaymentMethod | None) -> OutboxDraft:
    """Return the fact of an announcement."""
    payload: dict[str, Any] = {"customer": str(due.customer_id)}
    if due.kind is AnnouncementKind.TRIAL_ENDING:
        payload["trial_end"] = due.about_at.isoformat()
    elif due.kind is AnnouncementKind.RENEWAL:
        payload["renews_at"] = due.about_at.isoformat()
    elif card is not None and due.charge_at is not None:
        payload |= {
            "brand": card.brand,
            "last_four": card.last_four,
            "expiry_month": card.expiry_month,
            "expiry_year": card.expiry_year,
            "default": card.is_default,
            "charge_at": due.charge_at.isoformat(),
        }
    return OutboxDraft(*TYPES[due.kind], due.object_id, due.at, payload)
