"""Pages of one new visitor, each of which asks Flowglad's client for the customer: one is made."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from core.clock import wall_now
from core.operations import SYSTEM
from customers.domain.customer import CustomerDraft
from customers.models import Customer
from integrations.operations import flowglad
from integrations.queries.agreed import find_customer_by_reference

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = 5


def ask_at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let five pages ask for one externalId, each slow between looking and making; say who made it."""
    barrier = threading.Barrier(PAGES)

    def slowly(reference: str) -> Any:
        found = find_customer_by_reference(reference)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(flowglad, "find_customer_by_reference", slowly)

    def ask(_: int) -> bool:
        try:
            barrier.wait(30)
            draft = CustomerDraft(email="ada@example.org", reference="user-42")
            return flowglad.ensure_customer(draft, actor=SYSTEM, now=wall_now())[1]
        finally:
            connection.close()

    with ThreadPoolExecutor(PAGES) as pool:
        return list(pool.map(ask, range(PAGES)))


def test_one_customer_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(ask_at_once(monkeypatch)) == 1
    assert Customer.objects.count() == 1


def test_without_the_lock_more_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: everybody looks before anybody has made one."""
    monkeypatch.setattr(flowglad, "lock_reference", lambda reference: None)
    assert sum(ask_at_once(monkeypatch)) > 1
