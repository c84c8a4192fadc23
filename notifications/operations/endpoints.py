"""Make, change, rotate, disable and delete webhook endpoints; ask them to be told again."""

import base64
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from core.changes import change_row, plain_facts
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid, NotFound
from core.operations import Actor, AuditDraft, emit, record_audit
from core.sealing import seal
from notifications.domain.addresses import url_fault
from notifications.domain.events import EVENT_TYPES, TEST_EVENT, is_filter, wants
from notifications.models import WebhookDelivery, WebhookEndpoint

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES = 32
KIND = "webhook_endpoint"
MOST_REPLAYED = 100_000
ENDPOINT_DISABLED = "the endpoint was disabled"


@dataclass(frozen=True, slots=True)
class IssuedEndpoint:
    """An endpoint, this once with its secret."""

    endpoint: WebhookEndpoint
    secret: str


@dataclass(frozen=True, slots=True)
class ReplayWanted:
    """Facts to be told again: from one moment up to another (by the wall's clock), of some types or of all it wants."""

    from_at: datetime
    to_at: datetime
    types: Sequence[str] = ()
    failed_only: bool = False


@transaction.atomic
def create_endpoint(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> IssuedEndpoint:
    """Make an endpoint with a new secret, which is shown this once. Raises Invalid."""
    _check(facts)
    secret = _new_secret()
    endpoint = WebhookEndpoint.objects.create(**facts, secret=seal(secret), created_at=now, updated_at=now)
    _audit(actor, "created", endpoint, now, after=plain_facts(facts))
    return IssuedEndpoint(endpoint, secret)


@transaction.atomic
def update_endpoint(
    endpoint_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime
) -> WebhookEndpoint:
    """Change where an endpoint is, or what it wants; what is on its way goes there too. Raises NotFound, Invalid."""
    endpoint = _lock(endpoint_id)
    _check(changes)
    changed = change_row(endpoint, changes, updated_at=now)
    if changed is not None:
        _audit(actor, "updated", endpoint, now, before=changed[0], after=changed[1])
    return endpoint


@transaction.atomic
def rotate_secret(endpoint_id: uuid.UUID, *, overlap: timedelta, actor: Actor, now: datetime) -> IssuedEndpoint:
    """Give an endpoint a new secret; messages are signed with both until the overlap is over. Raises NotFound.

    Rotated again before that, the secret before the last one ends at once: two are valid at most.
    """
    endpoint = _lock(endpoint_id)
    secret = _new_secret()
    if overlap > timedelta(0):
        endpoint.former_secret, endpoint.former_secret_until = endpoint.secret, now + overlap
    else:
        endpoint.former_secret, endpoint.former_secret_until = "", None
    endpoint.secret, endpoint.updated_at = seal(secret), now
    endpoint.save(update_fields=["secret", "former_secret", "former_secret_until", "updated_at"])
    _audit(actor, "secret_rotated", endpoint, now)
    return IssuedEndpoint(endpoint, secret)


@transaction.atomic
def disable_endpoint(endpoint_id: uuid.UUID, *, actor: Actor, now: datetime) -> WebhookEndpoint:
    """Stop telling an endpoint; what is on its way fails, and can be replayed. Raises NotFound, Conflict."""
    endpoint = _lock(endpoint_id)
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        raise Conflict("The endpoint is disabled already.", code="webhook_endpoint_disabled")
    switch_off(endpoint, WebhookEndpoint.DisabledReason.ASKED, now=now)
    _audit(actor, "disabled", endpoint, now)
    return endpoint


def switch_off(endpoint: WebhookEndpoint, reason: str, *, now: datetime) -> None:
    """Disable a locked endpoint, in the caller's transaction; what waits for it fails."""
    endpoint.status, endpoint.disabled_at = WebhookEndpoint.Status.DISABLED, now
    endpoint.disabled_reason, endpoint.updated_at = reason, now
    endpoint.save(update_fields=["status", "disabled_at", "disabled_reason", "updated_at"])
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, status=WebhookDelivery.Status.PENDING)
    waiting.update(status=WebhookDelivery.Status.FAILED, settled_at=now, lease_until=None, failure=ENDPOINT_DISABLED)


@transaction.atomic
def enable_endpoint(endpoint_id: uuid.UUID, *, actor: Actor, now: datetime) -> WebhookEndpoint:
    """Tell an endpoint again what happens from now on. Raises NotFound, Conflict when it is told already."""
    endpoint = _lock(endpoint_id)
    if endpoint.status == WebhookEndpoint.Status.ENABLED:
        raise Conflict("The endpoint is enabled already.", code="webhook_endpoint_enabled")
    endpoint.status, endpoint.disabled_at, endpoint.disabled_reason = WebhookEndpoint.Status.ENABLED, None, ""
    endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
    endpoint.updated_at = now
    endpoint.save()
    _audit(actor, "enabled", endpoint, now)
    return endpoint


@transaction.atomic
def delete_endpoint(endpoint_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete an endpoint with its log. Raises NotFound."""
    endpoint = _lock(endpoint_id)
    _audit(actor, "deleted", endpoint, now, before={"url": endpoint.url})
    endpoint.delete()


@transaction.atomic
def send_test_event(endpoint_id: uuid.UUID, *, now: datetime) -> None:
    """Have a test event sent to one endpoint, whatever it subscribed to. Raises NotFound, Conflict when disabled."""
    endpoint = _lock(endpoint_id)
    _refuse_disabled(endpoint)
    emit(OutboxDraft(TEST_EVENT, KIND, endpoint.id, now))


@transaction.atomic
def replay(endpoint_id: uuid.UUID, wanted: ReplayWanted, *, actor: Actor, now: datetime) -> int:
    """Have facts of a range sent again, in order per object, and return how many; each keeps its webhook-id.

    Facts that are on their way already are left to that. What the range is judged by is when a fact was dispatched.
    Raises NotFound, Conflict when the endpoint is disabled, Invalid for a range that ends before it begins or holds
    more than 100 000.
    """
    endpoint = _lock(endpoint_id)
    _refuse_disabled(endpoint)
    if wanted.to_at <= wanted.from_at:
        raise Invalid("The range ends before it begins.", fields={"to": "must be later than from"})
    unknown = [type_ for type_ in wanted.types if type_ not in EVENT_TYPES]
    if unknown:
        raise Invalid("An event is not known.", fields={"types": f"{unknown[0][:60]} is no event"})
    types = [t for t in (wanted.types or EVENT_TYPES) if wants(endpoint.events, t)]
    count = _requeue(endpoint, wanted, types, now)
    if count > MOST_REPLAYED:
        raise Invalid("The range holds too many.", fields={"to": f"the range holds more than {MOST_REPLAYED} events"})
    _audit(
        actor,
        "replayed",
        endpoint,
        now,
        after={"from": wanted.from_at.isoformat(), "to": wanted.to_at.isoformat(), "count": count},
    )
    return count


_REQUEUE = """
INSERT INTO notifications_webhookdelivery
    (id, endpoint_id, fact_id, event_id, type, object_kind, object_id, status, is_replay, tries, due_at, created_at,
     answer_body, failure)
SELECT gen_random_uuid(), %(endpoint)s, fact.id, fact.event_id, fact.type, fact.object_kind, fact.object_id, 'pending',
       true, 0, %(now)s, %(now)s, '', ''
FROM core_outboxevent fact
WHERE fact.dispatched_at >= %(from)s AND fact.dispatched_at < %(to)s AND fact.type = ANY(%(types)s)
  AND (NOT %(failed_only)s OR EXISTS (
      SELECT FROM notifications_webhookdelivery earlier
      WHERE earlier.endpoint_id = %(endpoint)s AND earlier.fact_id = fact.id AND earlier.status = 'failed')
    AND NOT EXISTS (
      SELECT FROM notifications_webhookdelivery earlier
      WHERE earlier.endpoint_id = %(endpoint)s AND earlier.fact_id = fact.id AND earlier.status = 'delivered'))
ORDER BY fact.id
LIMIT %(limit)s
ON CONFLICT (endpoint_id, fact_id) WHERE status = 'pending' DO NOTHING
"""


def _requeue(endpoint: WebhookEndpoint, wanted: ReplayWanted, types: Sequence[str], now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _REQUEUE,
            {
                "endpoint": endpoint.id,
                "now": now,
                "from": wanted.from_at,
                "to": wanted.to_at,
                "types": list(types),
                "failed_only": wanted.failed_only,
                "limit": MOST_REPLAYED + 1,
            },
        )
        return int(cursor.rowcount)


def _check(facts: Mapping[str, Any]) -> None:
    """Raise Invalid for a URL that must not be sent to, or a filter that names no event."""
    faults: dict[str, str] = {}
    fault = url_fault(facts["url"], local=settings.WEBHOOK_LOCAL_TARGETS) if "url" in facts else None
    if fault:
        faults["url"] = fault
    for place, word in enumerate(facts.get("events", ())):
        if not is_filter(word):
            faults[f"events.{place}"] = "is no event, and no noun followed by .*"
    if faults:
        raise Invalid("The endpoint cannot be like that.", fields=faults)


def _refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        raise Conflict("The endpoint is disabled; enable it first.", code="webhook_endpoint_disabled")


def _lock(endpoint_id: uuid.UUID) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(id=endpoint_id).first()
    if endpoint is None:
        raise NotFound(f"No webhook endpoint has the id {endpoint_id}.")
    return endpoint


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _audit(
    actor: Actor,
    what: str,
    endpoint: WebhookEndpoint,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    draft = AuditDraft(f"{KIND}.{what}", KIND, endpoint.id, before=before, after=after)
    record_audit(actor, [draft], recorded_at=now)
