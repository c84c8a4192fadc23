"""Several who refund one payment, or pay one refund out, at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from billing.models import Payment, Refund
from billing.operations.charging import charge_due
from billing.operations.refunding import pay_out_due, refund_payment
from billing.operations.refunds import NotRefundable, RefundWanted
from billing.providers.base import RefundOutcome
from billing.providers.pacing import Pace
from invoicing.models import CreditNote
from tests.books import assert_books_balance
from tests.cast import JANUARY, make_company
from tests.factories import make_due_charge
from tests.sandbox import records

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


def at_once(work: Callable[[], object]) -> list[object]:
    """Do something in several threads that begin together; return what each returned or raised."""
    barrier = Barrier(WORKERS)

    def begin() -> object:
        barrier.wait()
        try:
            return work()
        except NotRefundable as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(begin) for _ in range(WORKERS)]]


@pytest.fixture
def payment() -> Payment:
    Pace("sandbox").note_answer()
    make_due_charge(make_company())
    charge_due(JANUARY)
    return Payment.objects.get()


def given_back(payment: Payment) -> list[int]:
    kept = records().list_refunds()
    mine = [one for one in kept if one.charge_reference == payment.external_reference]
    return [one.amount_minor for one in mine if one.result.outcome is RefundOutcome.ISSUED]


def test_all_together_never_refund_more_than_the_payment(payment: Payment) -> None:
    outcomes = at_once(lambda: refund_payment(RefundWanted(payment.id, 500, "EUR"), now=JANUARY))
    assert sum(isinstance(outcome, NotRefundable) for outcome in outcomes) == WORKERS - 2
    payment.refresh_from_db()
    assert (payment.refunded_minor, given_back(payment)) == (1000, [500, 500])
    assert sorted(CreditNote.objects.values_list("total_minor", flat=True)) == [500, 500]
    assert_books_balance()


def test_a_refund_is_paid_out_once_whoever_sweeps(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.operations.refunding.pay_out_now", lambda refund_id, now: None)
    refund_payment(RefundWanted(payment.id, 500, "EUR"), now=JANUARY)
    at_once(lambda: pay_out_due(JANUARY, limit=10))
    refund = Refund.objects.get()
    assert (refund.status, refund.calls, given_back(payment)) == ("issued", 1, [500])
    assert records().count_arrivals(refund.idempotency_key) == 1
    assert_books_balance()
