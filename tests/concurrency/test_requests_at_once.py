"""Twins of one request, and the last redemption of a voucher, at the same moment."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from core import operations_idempotency
from core.clock import wall_now
from core.errors import Invalid
from core.models import IdempotencyRecord
from core.operations import SYSTEM
from customers import operations as customers_operations
from customers.domain.customer import CustomerDraft
from customers.models import Customer
from ledger.models import CustomerBalance
from subscriptions.domain.voucher import VoucherWanted
from subscriptions.models import VoucherRedemption
from subscriptions.operations import vouchers
from tests.api.client import Caller, idempotent

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 8


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do the same in many threads that start together, and return what each returned."""
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> Any:
        try:
            start.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


@pytest.fixture
def api() -> Caller:
    """Return a caller with an admin key."""
    return Caller()


def credit(api: Caller, path: str, key: str) -> int:
    """Give a credit, with a key."""
    body = {"type": "credit", "amount": 100, "currency": "EUR"}
    status: int = api.call("POST", path, body, **idempotent(key)).status_code
    return status


def test_twins_have_one_effect(api: Caller) -> None:
    path = f"/customer/{api.post('/customer', {'email': 'a@example.org'})['id']}/credit"
    statuses = Counter(at_once(lambda number: credit(api, path, "one")))
    assert set(statuses) <= {201, 409}
    assert statuses[201] >= 1
    assert CustomerBalance.objects.get().balance_minor == 100
    assert credit(api, path, "one") == 201
    assert CustomerBalance.objects.get().balance_minor == 100


def test_without_the_lock_twins_would_both_begin(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the unique record alone lets them all work, and all but one fail at the end."""
    begun: list[int] = []
    store = operations_idempotency.store_answer

    def count(*arguments: Any) -> None:
        begun.append(1)
        store(*arguments)

    monkeypatch.setattr(operations_idempotency, "store_answer", count)
    monkeypatch.setattr(operations_idempotency, "try_lock", lambda claim: True)
    path = f"/customer/{api.post('/customer', {'email': 'a@example.org'})['id']}/credit"

    def work(number: int) -> bool:
        try:
            return credit(api, path, "one") == 201
        except Exception:  # the unique constraint, as the 500 that the lock prevents
            return False

    at_once(work)
    assert len(begun) > 1


def test_other_keys_do_not_wait(api: Caller) -> None:
    path = f"/customer/{api.post('/customer', {'email': 'a@example.org'})['id']}/credit"
    assert at_once(lambda number: credit(api, path, f"key-{number}")) == [201] * CLIENTS
    assert CustomerBalance.objects.get().balance_minor == 100 * CLIENTS
    assert IdempotencyRecord.objects.count() == CLIENTS


def test_the_last_redemption_is_given_once(api: Caller) -> None:
    wanted = VoucherWanted("Half", "percentage", code="HALF", percent=Decimal(50), maximum_redemptions=1)
    vouchers.create_voucher(wanted, actor=SYSTEM, now=wall_now())
    customers = [
        customers_operations.create_customer(CustomerDraft(), actor=SYSTEM, now=wall_now()) for _ in range(CLIENTS)
    ]

    def redeem(number: int) -> str:
        try:
            vouchers.redeem_voucher(customer_id=customers[number].id, code="HALF", actor=SYSTEM, now=wall_now())
        except Invalid as error:
            return error.fields["code"]
        return "redeemed"

    answers = Counter(at_once(redeem))
    assert answers["redeemed"] == 1
    assert VoucherRedemption.objects.count() == 1


def test_one_default_brand_for_customers_made_at_once(api: Caller) -> None:
    statuses = at_once(lambda number: api.call("POST", "/customer", {"email": "a@example.org"}).status_code)
    assert statuses == [201] * CLIENTS
    assert Customer.objects.values("brand").distinct().count() == 1
