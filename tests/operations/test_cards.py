"""Cards: added, refused, made default, removed; never a number anywhere."""

import pytest
from pytest_django.fixtures import Settings

from billing.operations.cards import add_card, create_setup_token, remove_card, set_default_card
from core.errors import Invalid, NotFound, Unavailable
from core.identifiers import new_id
from core.models import OutboxEvent
from customers.models import Customer, PaymentMethod
from tests.cast import JANUARY, Company, make_company
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
