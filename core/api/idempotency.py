"""The header Idempotency-Key: the same answer for the same request, and one effect."""

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from cryptography.fernet import Fernet
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from core import operations_idempotency
from core.api.authentication import sent_key
from core.api.body import canonical, read_json
from core.api.fields import text_fault
from core.clock import wall_now
from core.errors import Invalid
from core.models import ApiKey, IdempotencyRecord
from core.operations_idempotency import Claim, IdempotencyRunning, StoredAnswer

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEPT_HEADERS = ("Content-Type", "Location", "Retry-After")
Run = Callable[[], HttpResponse]


def is_kept(status: int) -> bool:
    """Tell whether an answer shows that the operation had begun, so that it must not be begun again."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or status in {402, 406, 409}


def claim_of(request: HttpRequest, api_key: ApiKey, content: bytes) -> Claim | None:
    """Return what a request claims, or None when it carries no key. Raises Invalid for a key that cannot be one.

    Two spellings of one JSON value are the same body.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not key.strip() or len(key) > LONGEST_KEY or text_fault(key):
        raise Invalid(
            "The Idempotency-Key cannot be used.", fields={HEADER: f"must have 1 to {LONGEST_KEY} characters"}
        )
    return Claim(api_key, key, request.method or "", request.get_full_path()[:500], _body_hash(content))


def _body_hash(content: bytes) -> str:
    """Return the hash of a body's meaning, or of its bytes when it has none: a call may ignore its body."""
    with suppress(Invalid):
        content = canonical(read_json(content))
    return hashlib.sha256(content).hexdigest()


def answer_in_one_transaction(claim: Claim, run: Run, cipher: Fernet | None) -> HttpResponse:
    """Answer a request whose operation is one transaction: key, effect and answer are committed together.

    Raises IdempotencyRunning while the twin runs, IdempotencyMismatch for another request with the key.
    """
    with transaction.atomic(durable=True):
        record = _locked_record(claim)
        answer = operations_idempotency.stored_answer(record) if record is not None else None
        if answer is not None:
            return _replayed(answer, cipher)
        response = run()
        if is_kept(response.status_code):
            operations_idempotency.store_answer(claim, _stored(response, cipher), wall_now())
        return response


def answer_with_lease(claim: Claim, run: Run, cipher: Fernet | None) -> HttpResponse:
    """Answer a request whose operation calls a provider between its transactions: the key is committed first.

    Raises as `answer_in_one_transaction` does.
    """
    with transaction.atomic(durable=True):
        record = _locked_record(claim)
        answer = operations_idempotency.stored_answer(record) if record is not None else None
        if answer is not None:
            return _replayed(answer, cipher)
        running = operations_idempotency.begin(claim, record, wall_now())
    kept: StoredAnswer | None = None
    try:
        with operations_idempotency.in_request(running):
            response = run()
        kept = _stored(response, cipher) if is_kept(response.status_code) else None
        return response
    finally:
        operations_idempotency.end(running, kept)


def _locked_record(claim: Claim) -> IdempotencyRecord | None:
    """Hold the key until the transaction ends, and return its record."""
    if not operations_idempotency.try_lock(claim):
        raise IdempotencyRunning("The first request with this Idempotency-Key is still running.")
    return operations_idempotency.find_record(claim, wall_now())


def secret_cipher(request: HttpRequest) -> Fernet:
    """Return the cipher under which an answer that shows a secret is kept: only the key that made the call opens it."""
    digest = hashlib.sha256(b"idempotent answer:" + sent_key(request).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def _stored(response: HttpResponse, cipher: Fernet | None) -> StoredAnswer:
    headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
    body = cipher.encrypt(response.content) if cipher else response.content
    return StoredAnswer(response.status_code, headers, body)


def _replayed(answer: StoredAnswer, cipher: Fernet | None) -> HttpResponse:
    body = cipher.decrypt(answer.body) if cipher else answer.body
    response = HttpResponse(body, status=answer.status)
    for name, value in answer.headers.items():
        response[name] = value
    response["Idempotent-Replayed"] = "true"
    return response
