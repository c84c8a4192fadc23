"""Send deliveries: claim with a lease, post outside any transaction in threads, settle. Rows carry the work.

A delivery whose sender died is sent again when its lease runs out: at least once, never lost.
"""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from core.models import OutboxEvent
from core.operations import SYSTEM, AuditDraft, record_audit
from core.operations_instance import require_running
from core.sealing import CannotUnseal, unseal
from core.updating import update_rows
from notifications.domain.retries import next_try_at, read_retry_after
from notifications.domain.signing import signature_headers
from notifications.models import WebhookBody, WebhookDelivery, WebhookEndpoint
from notifications.operations.dispatching import dispatch_facts, store_bodies
from notifications.operations.endpoints import switch_off
from notifications.operations.queueing import tell_staff_of_endpoint
from notifications.posting import PostAnswer, post
from notifications.queries.webhooks import lock_claimable

THREADS = 32
# One slow receiver leaves the other threads to the others.
THREADS_AN_ENDPOINT = 16
LEASE = timedelta(seconds=60)
DOWN_AFTER = 5
"""An endpoint that failed so often in a row was down, rather than unable to take one event."""

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
Post = Callable[..., PostAnswer]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed delivery with all that its sending needs."""

    delivery_id: uuid.UUID
    endpoint_id: uuid.UUID
    url: str
    event_id: str
    body: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A parcel with what became of it."""

    parcel: Parcel
    answer: PostAnswer


class Dispatcher:
    """Hands facts on and sends deliveries, in rounds: statements in the caller's thread, calls in threads of its own.

    `woken` is set by whoever learns that there is something to do: a nudge, or a call that has ended.
    """

    def __init__(self, *, threads: int = THREADS, send: Post = post) -> None:
        self.woken = threading.Event()
        self._threads = threads
        self._send = send
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="webhook")
        self._in_flight: dict[Future[PostAnswer], Parcel] = {}

    def round(self, now: datetime) -> bool:
        """Settle what was answered, hand on what waits, send what is due; tell whether there may be more at once.

        Raises InstanceHeld: what was answered is settled even so.
        """
        self.woken.clear()
        settled = self._settle_answered(now)
        dispatched = dispatch_facts(now)
        claimed = self._claim(now)
        return bool(settled or dispatched or claimed)

    def drain(self, clock: Clock) -> None:
        """Do rounds until nothing is due and nothing under way. Raises InstanceHeld."""
        while self.round(clock()) or self._in_flight:
            if self._in_flight:
                self.woken.wait(1.0)

    def close(self, clock: Clock) -> None:
        """Wait for the calls under way and settle them."""
        self._pool.shutdown(wait=True)
        self._settle_answered(clock())

    def _settle_answered(self, now: datetime) -> int:
        done = [future for future in self._in_flight if future.done()]
        sent = [Sent(self._in_flight.pop(future), future.result()) for future in done]
        if sent:
            settle(sent, now)
        return len(sent)

    def _claim(self, now: datetime) -> int:
        free = self._threads - len(self._in_flight)
        if free <= 0:
            return 0
        tally = Counter(parcel.endpoint_id for parcel in self._in_flight.values())
        busy = [endpoint_id for endpoint_id, count in tally.items() if count >= THREADS_AN_ENDPOINT]
        parcels = claim(now, limit=free, busy=busy)
        for parcel in parcels:
            future = self._pool.submit(_post, parcel, now, self._send)
            self._in_flight[future] = parcel
            future.add_done_callback(lambda _: self.woken.set())
        return len(parcels)


def deliver_due(clock: Clock, *, send: Post = post) -> None:
    """Hand on every fact that waits and send all that is due. Raises InstanceHeld."""
    dispatcher = Dispatcher(send=send)
    try:
        dispatcher.drain(clock)
    finally:
        dispatcher.close(clock)


def claim(now: datetime, *, limit: int, busy: Sequence[uuid.UUID] = ()) -> list[Parcel]:
    """Claim deliveries that are due, oldest first, at most one an object and endpoint, each with a lease.

    Raises InstanceHeld.
    """
    require_running()
    with transaction.atomic(durable=True):
        ids = lock_claimable(now, limit=limit, busy=busy)
        if not ids:
            return []
        deliveries = list(
            WebhookDelivery.objects.filter(id__in=ids).select_related("endpoint").order_by("due_at", "fact_id")
        )
        WebhookDelivery.objects.filter(id__in=ids).update(lease_until=now + LEASE)
        bodies = _bodies_of([delivery.fact_id for delivery in deliveries], now)
    return [_parcel(delivery, bodies[delivery.fact_id], now) for delivery in deliveries]


def _bodies_of(fact_ids: Sequence[int], now: datetime) -> Mapping[int, str]:
    """Return the bodies of facts, drawn now where they were blanked or purged."""
    stored = WebhookBody.objects.filter(fact_id__in=fact_ids).exclude(text="")
    bodies: dict[int, str] = dict(stored.values_list("fact_id", "text"))
    missing = set(fact_ids) - bodies.keys()
    if missing:
        store_bodies(list(OutboxEvent.objects.filter(id__in=missing)), now)
        bodies |= dict(WebhookBody.objects.filter(fact_id__in=missing).values_list("fact_id", "text"))
    return bodies


def _parcel(delivery: WebhookDelivery, body: str, now: datetime) -> Parcel:
    endpoint = delivery.endpoint
    sealed = [endpoint.secret]
    if endpoint.former_secret_until is not None and endpoint.former_secret_until > now:
        sealed.append(endpoint.former_secret)
    try:
        secrets = tuple(unseal(one) for one in sealed)
    except CannotUnseal as error:
        log.error("webhook_secret_unreadable", endpoint=str(endpoint.id), reason=str(error))
        secrets = ()
    return Parcel(delivery.id, endpoint.id, endpoint.url, str(delivery.event_id), body, secrets)


def _post(parcel: Parcel, now: datetime, send: Post) -> PostAnswer:
    """Post a parcel, in one of the threads; nothing is raised."""
    if not parcel.secrets:
        return PostAnswer(failure="its secret cannot be read: no key of ENCRYPTION_KEYS opens it")
    headers = signature_headers(parcel.event_id, now, parcel.body, parcel.secrets)
    try:
        return send(parcel.url, parcel.body.encode(), headers, local=settings.WEBHOOK_LOCAL_TARGETS)
    except Exception as error:
        log.exception("webhook_not_sent", endpoint=str(parcel.endpoint_id))
        return PostAnswer(failure=type(error).__name__)


def settle(sent: Sequence[Sent], now: datetime) -> None:
    """Store what became of parcels, each endpoint in a transaction of its own."""
    by_endpoint: dict[uuid.UUID, list[Sent]] = {}
    for one in sent:
        by_endpoint.setdefault(one.parcel.endpoint_id, []).append(one)
    for endpoint_id, ones in by_endpoint.items():
        with transaction.atomic(durable=True):
            _settle_endpoint(endpoint_id, ones, now)


def _settle_endpoint(endpoint_id: uuid.UUID, sent: Sequence[Sent], now: datetime) -> None:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(id=endpoint_id).first()
    if endpoint is None:
        return
    answers = {one.parcel.delivery_id: one.answer for one in sent}
    deliveries = list(
        WebhookDelivery.objects.select_for_update(no_key=True)
        .filter(id__in=answers, status=WebhookDelivery.Status.PENDING)
        .order_by("fact_id")
    )
    settlement = _Settlement(endpoint, now)
    for delivery in deliveries:
        settlement.note(delivery, answers[delivery.id])
    update_rows(deliveries, _WRITTEN)
    settlement.store()


_WRITTEN = [
    "status", "tries", "due_at", "lease_until", "tried_at", "first_tried_at", "settled_at", "answer_status",
    "answer_body", "failure", "duration_ms",
]  # fmt: skip


class _Settlement:
    """What the answers of one endpoint make of it and of its deliveries."""

    def __init__(self, endpoint: WebhookEndpoint, now: datetime) -> None:
        self.endpoint = endpoint
        self.now = now
        self._was_down = False
        self._disabled_reason = ""

    def note(self, delivery: WebhookDelivery, answer: PostAnswer) -> None:
        """Settle one delivery, or set its next try."""
        now = self.now
        delivery.tries += 1
        delivery.tried_at, delivery.first_tried_at = now, delivery.first_tried_at or now
        delivery.lease_until = None
        delivery.answer_status, delivery.answer_body = answer.status, answer.body
        delivery.duration_ms = answer.duration_ms
        if answer.is_success:
            delivery.status, delivery.settled_at, delivery.failure = WebhookDelivery.Status.DELIVERED, now, ""
            self._succeed(delivery)
        else:
            delivery.failure = answer.failure or _status_words(answer.status)
            self._fail(delivery, answer)

    def _succeed(self, delivery: WebhookDelivery) -> None:
        endpoint = self.endpoint
        self._was_down = self._was_down or endpoint.failures >= DOWN_AFTER
        if delivery.tries > 1 and not self._was_down:
            self._free_followers(delivery)
        endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None

    def _fail(self, delivery: WebhookDelivery, answer: PostAnswer) -> None:
        endpoint, now = self.endpoint, self.now
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or now
        wish = read_retry_after(answer.retry_after, now) if answer.retry_after else None
        # S311: the spread of retries keeps no secret.
        due_at = next_try_at(delivery.tries, now, chance=random.random(), not_before=wish)  # noqa: S311
        if wish is not None and due_at is not None:
            endpoint.paused_until = max(filter(None, [endpoint.paused_until, min(wish, due_at)]))
        if due_at is not None:
            delivery.due_at = due_at
            self._followers(delivery).filter(due_at__lt=due_at).update(due_at=due_at)
        else:
            delivery.status, delivery.settled_at = WebhookDelivery.Status.FAILED, now
            self._free_followers(delivery)
        if answer.status == HTTPStatus.GONE:
            self._disabled_reason = WebhookEndpoint.DisabledReason.GONE
        elif due_at is None and endpoint.failing_since <= (delivery.first_tried_at or now):
            self._disabled_reason = WebhookEndpoint.DisabledReason.FAILING

    def store(self) -> None:
        """Write the endpoint; one that was down gets at once what waits for it, one that is gone gets nothing more."""
        endpoint = self.endpoint
        endpoint.save(update_fields=["failures", "failing_since", "paused_until"])
        if self._disabled_reason and endpoint.status == WebhookEndpoint.Status.ENABLED:
            switch_off(endpoint, self._disabled_reason, now=self.now)
            tell_staff_of_endpoint(endpoint, self.now)
            draft = AuditDraft(
                "webhook_endpoint.disabled", "webhook_endpoint", endpoint.id, reason=self._disabled_reason
            )
            record_audit(SYSTEM, [draft], recorded_at=self.now)
            log.warning("webhook_endpoint_disabled", endpoint=str(endpoint.id), reason=str(self._disabled_reason))
        elif self._was_down and not endpoint.failures:
            waiting = WebhookDelivery.objects.filter(endpoint=endpoint, status=WebhookDelivery.Status.PENDING)
            waiting.filter(due_at__gt=self.now).update(due_at=self.now)

    def _followers(self, delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
        """Return what waits behind a delivery: later facts of its object."""
        return WebhookDelivery.objects.filter(
            endpoint_id=delivery.endpoint_id,
            object_id=delivery.object_id,
            status=WebhookDelivery.Status.PENDING,
            fact_id__gt=delivery.fact_id,
        )

    def _free_followers(self, delivery: WebhookDelivery) -> None:
        """Let what waits behind a settled delivery go now, unless it was tried by itself."""
        self._followers(delivery).filter(tries=0).update(due_at=self.now)


def _status_words(status: int | None) -> str:
    if status is not None and HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered {status}: redirects are not followed"
    return f"answered {status}"
