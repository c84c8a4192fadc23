"""Records of requests made once: kept, expired, leased, taken over."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from core import operations_idempotency as idempotency
from core.models import IdempotencyRecord
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft, create_api_key
from core.operations_idempotency import Claim, IdempotencyMismatch, IdempotencyRunning, RunningRequest, StoredAnswer
from core.tasks import forget_answers

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWER = StoredAnswer(201, {"Location": "/x"}, b"{}")


@pytest.fixture
def claim() -> Claim:
    """Return a claim of a key."""
    api_key = create_api_key(ApiKeyDraft("shop"), actor=SYSTEM, now=NOW).api_key
    return Claim(api_key, "order-1", "POST", "/api/v1/customer", "hash")


def begin(claim: Claim, now: datetime = NOW) -> RunningRequest:
    """Begin a request, or take it over."""
    return idempotency.begin(claim, idempotency.find_record(claim, now), now)


def test_an_answer_is_kept_for_a_day(claim: Claim) -> None:
    idempotency.store_answer(claim, ANSWER, NOW)
    later = NOW + timedelta(hours=23, minutes=59)
    record = idempotency.find_record(claim, later)
    assert record is not None
    assert idempotency.stored_answer(record) == ANSWER
    assert idempotency.find_record(claim, NOW + timedelta(hours=24)) is None
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("field", ["method", "path", "body_hash"])
def test_another_request_is_a_mismatch(claim: Claim, field: str) -> None:
    idempotency.store_answer(claim, ANSWER, NOW)
    other: Any = {field: "other"}
    with pytest.raises(IdempotencyMismatch):
        idempotency.find_record(replace(claim, **other), NOW)


def test_a_lease_holds_until_it_runs_out(claim: Claim) -> None:
    running = begin(claim)
    with pytest.raises(IdempotencyRunning) as raised:
        begin(claim, NOW + idempotency.LEASE - timedelta(seconds=1))
    assert raised.value.retry_after == idempotency.RETRY_SECONDS
    taken = begin(claim, NOW + idempotency.LEASE)
    assert taken.record_id == running.record_id


def test_what_was_made_is_known_to_who_takes_over(claim: Claim) -> None:
    row_id = uuid.uuid4()
    with idempotency.in_request(begin(claim)):
        assert idempotency.resumed_resource("subscription") is None
        idempotency.remember_resources(subscription=row_id)
        assert idempotency.resumed_resource("subscription") == row_id
    with idempotency.in_request(begin(claim, NOW + idempotency.LEASE)):
        assert idempotency.resumed_resource("subscription") == row_id
        assert idempotency.resumed_resource("attempt") is None
    assert idempotency.resumed_resource("subscription") is None


def test_what_is_rolled_back_is_not_remembered(claim: Claim) -> None:
    with idempotency.in_request(begin(claim)), transaction.atomic():
        idempotency.remember_resources(subscription=uuid.uuid4())
        transaction.set_rollback(True)
    assert IdempotencyRecord.objects.get().resource_ids == {}


def test_outside_a_request_nothing_is_remembered(claim: Claim) -> None:
    idempotency.remember_resources(subscription=uuid.uuid4())
    assert not IdempotencyRecord.objects.exists()


def test_an_end_without_an_answer_frees_the_key_unless_rows_were_made(claim: Claim) -> None:
    idempotency.end(begin(claim), None)
    assert not IdempotencyRecord.objects.exists()
    running = begin(claim)
    with idempotency.in_request(running):
        idempotency.remember_resources(subscription=uuid.uuid4())
    idempotency.end(running, None)
    assert IdempotencyRecord.objects.get().lease_until is None
    idempotency.end(begin(claim), ANSWER)
    record = IdempotencyRecord.objects.get()
    assert (record.lease_until, idempotency.stored_answer(record)) == (None, ANSWER)


def test_old_records_are_purged_every_night(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    idempotency.store_answer(claim, ANSWER, NOW)
    idempotency.store_answer(replace(claim, key="order-2"), ANSWER, NOW + timedelta(hours=1))
    monkeypatch.setattr("core.tasks.wall_now", lambda: NOW + timedelta(hours=24))
    forget_answers()
    assert IdempotencyRecord.objects.get().key == "order-2"
    assert idempotency.purge(NOW + timedelta(hours=25)) == 1
