"""The last redemptions of a voucher, wanted by many at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from core.errors import Invalid
from core.operations import SYSTEM
from subscriptions.domain.voucher import VoucherWanted
from subscriptions.models import Voucher, VoucherRedemption
from subscriptions.operations import vouchers
from tests.cast import JANUARY, make_company

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMERS, MAXIMUM = 6, 2


def redeem_at_once() -> list[bool]:
    """Let six customers redeem a voucher that two may have; say who could."""
    company = make_company()
    customers = [company.customer(f"Customer {number}") for number in range(CUSTOMERS)]
    wanted = VoucherWanted("Half", "percentage", code="HALF", percent=Decimal(50), maximum_redemptions=MAXIMUM)
    vouchers.create_voucher(wanted, actor=SYSTEM, now=JANUARY)
    barrier = threading.Barrier(CUSTOMERS)

    def redeem(number: int) -> bool:
        try:
            barrier.wait(30)
            vouchers.redeem_voucher(customer_id=customers[number].id, code="half", actor=SYSTEM, now=JANUARY)
        except Invalid:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        return list(pool.map(redeem, range(CUSTOMERS)))


def test_as_many_as_may_have_it_get_it() -> None:
    assert sum(redeem_at_once()) == MAXIMUM
    assert VoucherRedemption.objects.count() == MAXIMUM


def test_without_the_lock_more_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: everybody counts before anybody has stored."""
    judge = vouchers._fault

    def slowly(*args: Any) -> str | None:
        fault = judge(*args)
        time.sleep(1)
        return fault

    def unlocked(rows: QuerySet[Any], *args: Any, **options: Any) -> QuerySet[Any]:
        return rows if rows.model is Voucher else locking(rows, *args, **options)

    locking = QuerySet.select_for_update
    monkeypatch.setattr(QuerySet, "select_for_update", unlocked)
    monkeypatch.setattr(vouchers, "_fault", slowly)
    assert sum(redeem_at_once()) > MAXIMUM
