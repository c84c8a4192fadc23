"""Vouchers redeemed and given back, with the books they move."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry
from core.operations import SYSTEM
from customers import operations as customers_operations
from customers.domain.customer import CustomerDraft
from customers.models import Customer
from ledger.models import CustomerBalance, Entry, Posting
from subscriptions.domain.voucher import AmountWanted, VoucherWanted
from subscriptions.models import Voucher, VoucherRedemption
from subscriptions.operations import vouchers

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def alice() -> Customer:
    """Return a customer."""
    return customers_operations.create_customer(CustomerDraft(email="alice@example.org"), actor=SYSTEM, now=NOW)


def make(**fields: Any) -> Voucher:
    """Make a voucher of 50 %, changed as asked."""
    wanted = VoucherWanted(**{"name": "Half", "type": "percentage", "percent": Decimal(50), "code": "HALF", **fields})
    return vouchers.create_voucher(wanted, actor=SYSTEM, now=NOW)


def redeem(customer: Customer, code: str = "half") -> VoucherRedemption:
    """Redeem a voucher by its code."""
    return vouchers.redeem_voucher(customer_id=customer.id, code=code, actor=SYSTEM, now=NOW)


@pytest.mark.parametrize(
    ("fields", "remaining"),
    [({}, 1), ({"duration": "repeating", "duration_count": 4}, 4), ({"duration": "forever"}, None)],
)
def test_a_redemption_serves_as_many_invoices_as_promised(
    alice: Customer, fields: dict[str, Any], remaining: int | None
) -> None:
    make(**fields)
    redemption = redeem(alice)
    assert (redemption.remaining, redemption.ended_at, redemption.redeemed_at) == (remaining, None, NOW)
    assert AuditEntry.objects.filter(action="voucher.redeemed", object_id=alice.id).exists()


def test_a_credit_is_posted_and_ended_at_once(alice: Customer) -> None:
    amounts = (AmountWanted("EUR", 500), AmountWanted("USD", 600))
    make(type="fixed_credit", percent=None, code="CREDIT", amounts=amounts)
    redemption = redeem(alice, "CREDIT")
    assert redemption.ended_at == NOW
    assert CustomerBalance.objects.get().balance_minor == 500
    assert Entry.objects.get().object_id == redemption.id
    assert Posting.objects.aggregate(total=Sum("amount_minor"))["total"] == 0


def test_a_credit_given_back_leaves_the_books_even(alice: Customer) -> None:
    make(type="fixed_credit", percent=None, code="CREDIT", amounts=(AmountWanted("EUR", 500),))
    vouchers.return_voucher(redeem(alice, "CREDIT").id, actor=SYSTEM, now=NOW)
    assert not VoucherRedemption.objects.exists()
    assert CustomerBalance.objects.get().balance_minor == 0
    assert sorted(Entry.objects.values_list("kind", flat=True)) == ["voucher_credit", "voucher_credit_returned"]
    redeem(alice, "CREDIT")
    assert CustomerBalance.objects.get().balance_minor == 500


def test_a_redemption_that_served_an_invoice_stays(alice: Customer) -> None:
    make(duration="repeating", duration_count=3)
    redemption = redeem(alice)
    VoucherRedemption.objects.update(remaining=2)
    vouchers.return_voucher(redemption.id, actor=SYSTEM, now=NOW)
    assert VoucherRedemption.objects.exists()
    vouchers.return_voucher(alice.id, actor=SYSTEM, now=NOW)


def test_a_refused_redemption_leaves_nothing(alice: Customer) -> None:
    make(type="fixed_credit", percent=None, code="CREDIT", amounts=(AmountWanted("USD", 600),))
    with pytest.raises(Invalid) as raised:
        redeem(alice, "CREDIT")
    assert raised.value.fields == {"code": "the voucher gives no credit in EUR"}
    assert not VoucherRedemption.objects.exists()
    assert not Entry.objects.exists()


def test_an_automatic_voucher_has_no_code_to_redeem(alice: Customer) -> None:
    make(entry="automatic", code="", event="expired_card_added")
    for code in ("", "expired_card_added"):
        with pytest.raises(Invalid):
            redeem(alice, code)


def take(redemption: VoucherRedemption) -> None:
    """Take a redemption from its customer."""
    vouchers.end_redemption(customer_id=redemption.customer_id, redemption_id=redemption.id, actor=SYSTEM, now=NOW)


def test_what_served_nothing_is_as_if_never_redeemed(alice: Customer) -> None:
    make(maximum_redemptions=1)
    take(redeem(alice))
    assert not VoucherRedemption.objects.exists()
    redeem(alice)


@pytest.mark.parametrize("fields", [{"duration": "repeating", "duration_count": 3}, {"duration": "forever"}])
def test_what_has_served_ends_and_stays(alice: Customer, fields: dict[str, Any]) -> None:
    make(**fields)
    redemption = redeem(alice)
    if redemption.remaining:
        VoucherRedemption.objects.update(remaining=2)
    take(redemption)
    redemption.refresh_from_db()
    assert redemption.ended_at == NOW
    with pytest.raises(NotFound):
        take(redemption)
    with pytest.raises(Invalid):
        redeem(alice)


def test_a_credit_is_taken_back_while_the_balance_holds_it(alice: Customer) -> None:
    make(type="fixed_credit", percent=None, code="CREDIT", amounts=(AmountWanted("EUR", 500),))
    redemption = redeem(alice, "CREDIT")
    CustomerBalance.objects.update(balance_minor=499)
    with pytest.raises(Conflict):
        take(redemption)
    CustomerBalance.objects.update(balance_minor=500)
    take(redemption)
    assert CustomerBalance.objects.get().balance_minor == 0
    with pytest.raises(NotFound):
        take(redemption)


def test_nobody_takes_another_customers(alice: Customer) -> None:
    make()
    redemption = redeem(alice)
    bob = customers_operations.create_customer(CustomerDraft(email="bob@example.org"), actor=SYSTEM, now=NOW)
    with pytest.raises(NotFound):
        vouchers.end_redemption(customer_id=bob.id, redemption_id=redemption.id, actor=SYSTEM, now=NOW)
    assert VoucherRedemption.objects.exists()
