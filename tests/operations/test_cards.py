"""Cards: added, refused, made default, removed; never a number anywhere."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from billing.operations.cards import add_card, create_setup_token, remove_card, set_default_card
from core.errors import Invalid, NotFound, Unavailable
from core.identifiers import new_id
from core.models import OutboxEvent
from core.operations import SYSTEM
from customers.models import Customer, PaymentMethod
from ledger.models import CustomerBalance
from subscriptions.domain.voucher import AmountWanted, VoucherWanted
from subscriptions.models import Voucher, VoucherRedemption
from subscriptions.operations.vouchers import create_voucher, disable_voucher
from tests.cast import JANUARY, Company, at, make_company
from tests.sandbox import records

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def add(customer: Customer, token: str = "tok_visa") -> PaymentMethod:
    return add_card(customer_id=customer.id, token=token, now=JANUARY)


def test_the_first_card_is_the_default(alice: Customer) -> None:
    first, second = add(alice), add(alice, "tok_mastercard")
    assert (first.is_default, second.is_default) == (True, False)
    assert (first.brand, first.last_four, first.expiry_month, first.expiry_year) == ("visa", "4242", 12, 2049)
    assert (second.brand, second.last_four) == ("mastercard", "4444")
    assert first.provider_reference != second.provider_reference


def test_a_card_makes_the_customer_known_to_the_provider_once(alice: Customer) -> None:
    add(alice)
    alice.refresh_from_db()
    reference = alice.external_reference
    assert reference.startswith("cus_")
    add(alice)
    alice.refresh_from_db()
    assert alice.external_reference == reference


def test_a_reference_the_customer_has_is_kept(company: Company) -> None:
    bob = company.customer("Bob", external_reference="cus_given")
    add(bob)
    bob.refresh_from_db()
    assert bob.external_reference == "cus_given"


@pytest.mark.parametrize("token", ["tok_invalid", "tok_unheard_of", "visa", "", "tok_visa_exp_1327"])
def test_a_refused_token_adds_nothing(alice: Customer, token: str) -> None:
    with pytest.raises(Invalid) as refusal:
        add(alice, token)
    assert list(refusal.value.fields) == ["token"]
    assert not PaymentMethod.objects.exists()


def test_an_unknown_customer_is_not_found() -> None:
    with pytest.raises(NotFound):
        add_card(customer_id=new_id(), token="tok_visa", now=JANUARY)


def test_an_unreachable_provider_keeps_nothing_and_takes_nothing(alice: Customer, settings: Settings) -> None:
    card = add(alice)
    settings.SANDBOX_UNAVAILABLE = True
    with pytest.raises(Unavailable) as refusal:
        add(alice)
    assert refusal.value.code == "provider_unavailable"
    with pytest.raises(Unavailable):
        remove_card(payment_method_id=card.id, now=JANUARY)
    with pytest.raises(Unavailable):
        create_setup_token(customer_id=alice.id, now=JANUARY)
    assert PaymentMethod.objects.get().removed_at is None


def test_another_card_becomes_the_default(alice: Customer) -> None:
    first, second = add(alice), add(alice)
    assert set_default_card(payment_method_id=second.id, now=JANUARY).is_default
    assert PaymentMethod.objects.get(is_default=True) == second
    set_default_card(payment_method_id=second.id, now=JANUARY)
    set_default_card(payment_method_id=first.id, now=JANUARY)
    assert PaymentMethod.objects.get(is_default=True) == first


def test_a_removed_card_is_detached_and_the_newest_left_is_the_default(alice: Customer) -> None:
    first, second, third = add(alice), add(alice), add(alice)
    remove_card(payment_method_id=second.id, now=JANUARY)
    assert PaymentMethod.objects.get(is_default=True) == first
    remove_card(payment_method_id=first.id, now=JANUARY)
    assert PaymentMethod.objects.get(is_default=True) == third
    assert records().is_detached(first.provider_reference)
    assert not records().is_detached(third.provider_reference)
    for action in (remove_card, set_default_card):
        with pytest.raises(NotFound):
            action(payment_method_id=first.id, now=JANUARY)
    remove_card(payment_method_id=third.id, now=JANUARY)
    assert not PaymentMethod.objects.filter(is_default=True).exists()


def test_a_card_recorded_by_hand_cannot_be_detached(alice: Customer) -> None:
    card = PaymentMethod.objects.create(
        customer=alice, provider="manual", provider_reference="by hand", created_at=JANUARY
    )
    with pytest.raises(Invalid):
        remove_card(payment_method_id=card.id, now=JANUARY)


def test_facts_name_the_card_by_its_last_digits(alice: Customer) -> None:
    card = add(alice)
    remove_card(payment_method_id=card.id, now=JANUARY)
    added, removed = OutboxEvent.objects.all()
    assert (added.type, removed.type) == ("payment_method.added", "payment_method.removed")
    assert added.object_id == removed.object_id == card.id
    assert added.payload["last_four"] == "4242"
    assert card.provider_reference not in str(added.payload)


def test_a_setup_token_makes_the_customer_known(alice: Customer) -> None:
    assert create_setup_token(customer_id=alice.id, now=JANUARY).startswith("seti_")
    alice.refresh_from_db()
    assert alice.external_reference.startswith("cus_")


def automatic(**values: Any) -> Voucher:
    """A voucher that thanks for a new card: 10 % once unless said otherwise."""
    wanted: dict[str, Any] = {
        "name": "Thank you",
        "type": "percentage",
        "percent": Decimal(10),
        "entry": "automatic",
        "event": "expired_card_added",
    }
    return create_voucher(VoucherWanted(**{**wanted, **values}), actor=SYSTEM, now=JANUARY)


def expire(card: PaymentMethod, month: int, year: int) -> None:
    PaymentMethod.objects.filter(id=card.id).update(expiry_month=month, expiry_year=year)


def redeemed() -> list[str]:
    return list(VoucherRedemption.objects.order_by("id").values_list("voucher__name", flat=True))


def test_a_card_after_an_expired_one_takes_its_place_and_redeems_what_was_promised(alice: Customer) -> None:
    automatic()
    old = add(alice)
    expire(old, 12, 2025)
    new = add(alice, "tok_mastercard")
    old.refresh_from_db()
    assert (old.is_default, new.is_default) == (False, True)
    (redemption,) = VoucherRedemption.objects.all()
    assert (redemption.customer_id, redemption.remaining, redemption.redeemed_at) == (alice.id, 1, JANUARY)
    # Once a customer: the next card that has expired earns nothing more.
    expire(new, 12, 2025)
    add(alice)
    assert redeemed() == ["Thank you"]


@pytest.mark.parametrize(("month", "year"), [(1, 2026), (12, 2049)])
def test_a_card_beside_one_that_serves_redeems_nothing(alice: Customer, month: int, year: int) -> None:
    """A card serves until the last day of its month."""
    automatic()
    old = add(alice)
    expire(old, month, year)
    assert not add(alice, "tok_mastercard").is_default
    assert redeemed() == []


def test_a_card_that_has_expired_itself_replaces_none(alice: Customer) -> None:
    automatic()
    expire(add(alice), 12, 2025)
    assert not add(alice, "tok_expired").is_default
    assert redeemed() == []


def test_the_first_card_redeems_nothing(alice: Customer) -> None:
    automatic()
    add(alice)
    assert redeemed() == []


def test_each_voucher_is_judged_by_its_own_bounds(alice: Customer, company: Company) -> None:
    plan = company.plan("Team")
    credit = {"type": "fixed_credit", "percent": None}
    automatic(name="expired", expires_at=at("2026-01-01 00:01"))
    Voucher.objects.update(expires_at=JANUARY)
    disable_voucher(automatic(name="disabled").id, actor=SYSTEM, now=JANUARY)
    automatic(name="other plan", plan_ids=[plan.id])
    automatic(name="dollars", **credit, amounts=(AmountWanted("USD", 700),))
    automatic(name="euros", **credit, amounts=(AmountWanted("EUR", 500), AmountWanted("USD", 700)))
    automatic(name="half", percent=Decimal(50), duration="repeating", duration_count=3)
    expire(add(alice), 12, 2025)
    add(alice, "tok_mastercard")
    assert redeemed() == ["euros", "half"]
    assert CustomerBalance.objects.get().balance_minor == 500


def test_the_last_redemption_goes_to_one(alice: Customer, company: Company) -> None:
    automatic(maximum_redemptions=1)
    for customer in (alice, company.customer("Bob")):
        expire(add(customer), 12, 2025)
        add(customer, "tok_mastercard")
    assert list(VoucherRedemption.objects.values_list("customer__name", flat=True)) == ["Alice"]
