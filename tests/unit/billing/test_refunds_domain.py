"""What stands behind a refund, and how amounts are spread over payments."""

import uuid

import pytest

from billing.domain.refunds import Backing, Cover, Refundable, back_refund, settled_payment_status, spread
from invoicing.domain.write_offs import GivenUp, recover

PAYMENTS = tuple(uuid.UUID(int=number) for number in range(3))


@pytest.mark.parametrize(
    ("amount", "cover", "backing"),
    [
        (1000, Cover(invoice_minor=1000), Backing(0, 1000)),
        (1001, Cover(invoice_minor=1000), None),
        (310, Cover(surplus_minor=310, balance_minor=310, invoice_minor=1190), Backing(310, 0)),
        # Of the surplus 200 were used up: what is left, then the invoice.
        (310, Cover(surplus_minor=310, balance_minor=110, invoice_minor=1190), Backing(110, 200)),
        (1500, Cover(surplus_minor=310, balance_minor=110, invoice_minor=1190), None),
        # A debit on the balance pays for nothing.
        (100, Cover(surplus_minor=100, balance_minor=-50, invoice_minor=100), Backing(0, 100)),
        (1100, Cover(invoice_minor=1000, debit_minor=100), Backing(100, 1000)),
        (1101, Cover(invoice_minor=1000, debit_minor=100), None),
        (100, Cover(balance_minor=100), Backing(100, 0)),
    ],
)
def test_a_refund_is_backed_or_refused(amount: int, cover: Cover, backing: Backing | None) -> None:
    assert back_refund(amount, cover) == backing


def test_payments_give_back_in_order_what_they_have() -> None:
    payments = [Refundable(payment_id, minor) for payment_id, minor in zip(PAYMENTS, (500, 0, 700), strict=True)]
    assert spread(900, payments) == {PAYMENTS[0]: 500, PAYMENTS[2]: 400}
    assert spread(2000, payments) == {PAYMENTS[0]: 500, PAYMENTS[2]: 700}
    assert spread(0, payments) == {}
    with pytest.raises(ValueError, match="not below 0"):
        spread(-1, payments)


@pytest.mark.parametrize(
    ("refunded", "status"),
    [(0, "completed"), (1, "partially_refunded"), (999, "partially_refunded"), (1000, "fully_refunded")],
)
def test_a_payment_says_what_was_given_back(refunded: int, status: str) -> None:
    assert settled_payment_status(1000, refunded) == status


def test_what_comes_back_in_parts_owes_exactly_the_tax_given_up() -> None:
    debt = GivenUp(1000, {"CA": 33, "DE": 67})
    back = [recover(debt, before_minor=minor, amount_minor=1) for minor in range(1000)]
    assert sum(one.tax_minor["CA"] for one in back) == 33
    assert sum(one.tax_minor["DE"] for one in back) == 67
    assert sum(one.bad_debt_minor for one in back) == debt.bad_debt_minor == 900


@pytest.mark.parametrize(("before", "amount"), [(-1, 1), (0, 0), (500, 501), (0, 1001)])
def test_no_more_comes_back_than_was_given_up(before: int, amount: int) -> None:
    with pytest.raises(ValueError, match="does not come back"):
        recover(GivenUp(1000, {}), before_minor=before, amount_minor=amount)


@pytest.mark.parametrize(("amount", "tax"), [(0, 0), (-1, 0), (100, 101), (100, -1)])
def test_a_debt_that_cannot_be_is_not_given_up(amount: int, tax: int) -> None:
    with pytest.raises(ValueError, match="cannot be given up"):
        GivenUp(amount, {"DE": tax})
