"""Every status times every action (Billing rules, section 8, Status)."""

import pytest

from core.errors import Conflict
from invoicing.domain.invoice_state import (
    InvalidInvoiceTransition,
    InvoiceAction,
    InvoiceStatus,
    next_invoice_status,
    status_when_issued,
)
from invoicing.models import Invoice
from tests.state_walk import check_every_move

S, A = InvoiceStatus, InvoiceAction
ALLOWED = {
    (S.DRAFT, A.FINALIZE): S.OPEN,
    (S.OPEN, A.PAY): S.PAID,
    (S.OPEN, A.VOID): S.VOID,
    (S.OPEN, A.WRITE_OFF): S.UNCOLLECTIBLE,
    (S.PAID, A.VOID): S.VOID,
    (S.PAID, A.REOPEN): S.OPEN,
    (S.UNCOLLECTIBLE, A.PAY): S.PAID,
}


def test_every_status_times_every_action() -> None:
    check_every_move(next_invoice_status, ALLOWED, InvalidInvoiceTransition, statuses=S, actions=A)


def test_a_refusal_is_a_conflict_and_says_what_was_not_possible() -> None:
    with pytest.raises(Conflict, match="An invoice that is draft does not allow: write off"):
        next_invoice_status("draft", A.WRITE_OFF)


def test_void_is_final() -> None:
    assert not [action for status, action in ALLOWED if status is S.VOID]


@pytest.mark.parametrize(("due_minor", "expected"), [(1, S.OPEN), (90000, S.OPEN), (0, S.PAID)])
def test_what_leaves_nothing_to_pay_is_paid_when_it_is_issued(due_minor: int, expected: InvoiceStatus) -> None:
    assert status_when_issued(due_minor) is expected


def test_the_rows_know_the_same_statuses() -> None:
    assert Invoice.Status.values == [str(status) for status in S]
