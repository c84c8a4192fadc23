"""Hand facts of the outbox on: a delivery for each endpoint that wants it, a message to the customer.

One does it at a time, and every fact that was not handed on is looked at, whatever its number: two transactions commit
in another order than they drew their numbers, but those of one object never do, because they drew them under its lock.
So facts of an object are handed on in order, and none is passed over.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from core.models import OutboxEvent
from core.operations_instance import require_running
from customers.models import Customer
from notifications.domain.events import TEST_EVENT, wants
from notifications.models import WebhookBody, WebhookDelivery, WebhookEndpoint
from notifications.objects import customer_in, draw_objects
from notifications.operations.queueing import forget_messages, queue_messages
from notifications.queries.webhooks import list_undispatched

FACTS_AT_ONCE = 500
ONE_AT_A_TIME = 0x7265636B_6F6E6572
"""The number of the lock; it says so."""
ERASED = "customer.erased"

_encode = msgspec.json.Encoder(decimal_format="number", uuid_format="canonical").encode


def dispatch_facts(now: datetime) -> int:
    """Hand on the oldest facts that wait, at most 500, and return how many; 0 also while another process does it.

    `now` is the wall's moment. Raises InstanceHeld.
    """
    require_running()
    with transaction.atomic(durable=True):
        if not _is_the_one():
            return 0
        facts = list_undispatched(FACTS_AT_ONCE)
        if not facts:
            return 0
        _queue_deliveries(facts, now)
        queue_messages(facts, now)
        for customer_id in (fact.object_id for fact in facts if fact.type == ERASED):
            _forget(customer_id)
            forget_messages(customer_id, now)
        OutboxEvent.objects.filter(id__in=[fact.id for fact in facts]).update(dispatched_at=now)
    return len(facts)


def _is_the_one() -> bool:
    """Take the lock of dispatching until the transaction ends; tell whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        [is_free] = cursor.fetchone()
        return bool(is_free)


def _queue_deliveries(facts: Sequence[OutboxEvent], now: datetime) -> None:
    """Write a delivery for each endpoint that wants a fact, and the body of each fact that somebody wants."""
    endpoints = list(WebhookEndpoint.objects.filter(status=WebhookEndpoint.Status.ENABLED).order_by("id"))
    wanted = [(fact, endpoint) for fact in facts for endpoint in endpoints if _is_for(fact, endpoint)]
    store_bodies(list({fact.id: fact for fact, _ in wanted}.values()), now)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            fact=fact,
            event_id=fact.event_id,
            type=fact.type,
            object_kind=fact.object_kind,
            object_id=fact.object_id,
            due_at=now,
            created_at=now,
        )
        for fact, endpoint in wanted
    )


def _is_for(fact: OutboxEvent, endpoint: WebhookEndpoint) -> bool:
    if fact.type == TEST_EVENT:
        return bool(fact.object_id == endpoint.id)
    return wants(endpoint.events, fact.type)


def store_bodies(facts: Sequence[OutboxEvent], now: datetime) -> None:
    """Draw the bodies of facts and store them, in place of those that were blanked."""
    if not facts:
        return
    by_kind: dict[str, list[uuid.UUID]] = defaultdict(list)
    for fact in facts:
        by_kind[fact.object_kind].append(fact.object_id)
    drawn = {kind: draw_objects(kind, ids, now=now) for kind, ids in by_kind.items()}
    bodies = [_body(fact, drawn[fact.object_kind][fact.object_id], now) for fact in facts]
    _leave_out_erased(bodies)
    WebhookBody.objects.bulk_create(
        bodies,
        update_conflicts=True,
        unique_fields=["fact"],
        update_fields=["customer_id", "text", "drawn_at"],
    )


def _leave_out_erased(bodies: Sequence[WebhookBody]) -> None:
    """Tell by its id alone of what belongs to a customer who was erased: papers keep the buyer they were issued to."""
    owners = {body.customer_id for body in bodies if body.customer_id}
    erased = set(Customer.objects.filter(id__in=owners, erased_at__isnull=False).values_list("id", flat=True))
    for body in bodies:
        if body.customer_id in erased and body.fact.object_kind != "customer":
            body.text = _text(body.fact, {"object": {"id": str(body.fact.object_id)}})


def _body(fact: OutboxEvent, drawn: Mapping[str, Any], now: datetime) -> WebhookBody:
    details = dict(fact.payload)
    told: dict[str, Any] = {"object": drawn}
    previous = details.pop("previous", None)
    if previous:
        told["previous"] = previous
    if details:
        told["details"] = details
    customer_id = customer_in(fact.object_kind, drawn, fact.payload)
    return WebhookBody(fact=fact, customer_id=customer_id, text=_text(fact, told), drawn_at=now)


def _text(fact: OutboxEvent, told: Mapping[str, Any]) -> str:
    body = {
        "id": str(fact.event_id),
        "type": fact.type,
        "created_at": fact.created_at.isoformat(timespec="seconds"),
        "data": told,
    }
    return _encode(body).decode()


def _forget(customer_id: uuid.UUID) -> None:
    """Blank what was sent, or is to be sent, about a customer who was erased; it is drawn anew, without the name."""
    WebhookBody.objects.filter(customer_id=customer_id).update(text="")
