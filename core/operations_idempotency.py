"""Requests that are made once, however often they are sent: the key, the first answer, and what it made on the way.

An operation of one transaction stores key and answer in that transaction, and a twin meets its advisory lock. An
operation that calls a provider commits the key first, with a lease; the ids of its rows are added in the transaction
that makes them, so that a retry after a crash resumes those rows and never begins again.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connection

from core.errors import BillingError, Conflict
from core.models import ApiKey, IdempotencyRecord
from core.operations import require_transaction

KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(minutes=2)
RETRY_SECONDS = 2


class IdempotencyMismatch(BillingError):
    """The key was used for another request."""

    kind: ClassVar[str] = "mismatch"
    code = "idempotency_mismatch"


class IdempotencyRunning(Conflict):
    """The first request with this key has not ended."""

    code = "idempotency_running"
    retry_after = RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Claim:
    """One request with an Idempotency-Key: whose, which, and what it asks for."""

    api_key: ApiKey
    key: str
    method: str
    path: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer of the first request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class RunningRequest:
    """The request being answered now: its record, and what a crashed try of it had made."""

    record_id: uuid.UUID
    resources: dict[str, str]


_running: ContextVar[RunningRequest | None] = ContextVar("running_request", default=None)


def try_lock(claim: Claim) -> bool:
    """Take the key's advisory lock until the transaction ends, unless its twin holds it.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    digest = hashlib.blake2b(f"{claim.api_key.id}:{claim.key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(digest, "big", signed=True)])
        taken: bool = cursor.fetchone()[0]
    return taken


def find_record(claim: Claim, now: datetime) -> IdempotencyRecord | None:
    """Return the key's record, or None; one older than 24 hours is taken away first.

    Raises IdempotencyMismatch when the key was used for another path or body.
    """
    records = IdempotencyRecord.objects.filter(api_key=claim.api_key, key=claim.key)
    record = records.first()
    if record is None:
        return None
    if record.created_at <= now - KEPT_FOR:
        record.delete()
        return None
    if (record.method, record.path, record.body_hash) != (claim.method, claim.path, claim.body_hash):
        raise IdempotencyMismatch("This Idempotency-Key was used for a request with another path or body.")
    return record


def stored_answer(record: IdempotencyRecord) -> StoredAnswer | None:
    """Return the answer a record keeps, or None while there is none."""
    if record.response_status is None:
        return None
    return StoredAnswer(record.response_status, record.response_headers, bytes(record.response_body or b""))


def store_answer(claim: Claim, answer: StoredAnswer, now: datetime) -> None:
    """Keep key and answer, in the transaction of the operation itself."""
    require_transaction()
    IdempotencyRecord.objects.create(**_identity(claim), created_at=now, **_columns(answer))


def _identity(claim: Claim) -> dict[str, Any]:
    return {
        "api_key": claim.api_key,
        "key": claim.key,
        "method": claim.method,
        "path": claim.path,
        "body_hash": claim.body_hash,
    }


def _columns(answer: StoredAnswer) -> dict[str, Any]:
    return {
        "response_status": answer.status,
        "response_headers": dict(answer.headers),
        "response_body": answer.body,
    }


def begin(claim: Claim, record: IdempotencyRecord | None, now: datetime) -> RunningRequest:
    """Commit the key with a lease before anything is done; take over the record of a try that died.

    Runs in a transaction of its caller, under `try_lock`. Raises IdempotencyRunning while another try holds the lease.
    """
    require_transaction()
    if record is None:
        record = IdempotencyRecord.objects.create(**_identity(claim), created_at=now, lease_until=now + LEASE)
    else:
        if record.lease_until is not None and record.lease_until > now:
            raise IdempotencyRunning("The first request with this Idempotency-Key is still running.")
        record.lease_until = now + LEASE
        record.save(update_fields=["lease_until"])
    return RunningRequest(record.id, dict(record.resource_ids))


def end(running: RunningRequest, answer: StoredAnswer | None) -> None:
    """Keep the answer, or, when there is none to keep, free the key unless rows were made under it."""
    records = IdempotencyRecord.objects.filter(id=running.record_id)
    if answer is not None:
        records.update(lease_until=None, **_columns(answer))
    elif running.resources:
        records.update(lease_until=None)
    else:
        records.delete()


@contextmanager
def in_request(running: RunningRequest) -> Iterator[None]:
    """Let the operations called inside know the request they answer."""
    token = _running.set(running)
    try:
        yield
    finally:
        _running.reset(token)


def remember_resources(**ids: uuid.UUID) -> None:
    """Note the rows an operation makes before it calls a provider, in the transaction that makes them.

    Does nothing when the request carries no key: then nobody will ask for them. Raises RuntimeError outside a
    transaction.
    """
    require_transaction()
    running = _running.get()
    if running is None:
        return
    running.resources |= {name: str(row_id) for name, row_id in ids.items()}
    IdempotencyRecord.objects.filter(id=running.record_id).update(resource_ids=running.resources)


def resumed_resource(name: str) -> uuid.UUID | None:
    """Return the id of the row that an earlier try of this request made under a name, or None."""
    running = _running.get()
    found = running.resources.get(name) if running is not None else None
    return uuid.UUID(found) if found else None


def purge(now: datetime) -> int:
    """Delete the records kept long enough, and return their number."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lte=now - KEPT_FOR).delete()
    return deleted
