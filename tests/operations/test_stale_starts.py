"""A start that nobody confirmed is dropped after 23 hours, and no earlier."""

from datetime import timedelta

import pytest

from billing.models import PaymentAttempt
from billing.operations.charging import ChargeDeclined
from billing.operations.doctor import check_books
from billing.operations.first_invoices import abandon_stale
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db
START = at("2026-01-01")


def test_an_unconfirmed_start_is_dropped_after_23_hours() -> None:
    company = make_company()
    price = company.price()
    bob = company.customer("Bob")
    company.card(bob, "tok_authentication_required")
    with pytest.raises(ChargeDeclined):
        company.start(bob, company.plan("Team", price), price, now=START)
    assert (Subscription.objects.get().status, Invoice.objects.get().status) == ("incomplete", "draft")
    assert abandon_stale(now=START + timedelta(hours=22, minutes=59)) == 0
    assert abandon_stale(now=START + timedelta(hours=23)) == 1
    assert (Subscription.objects.count(), Invoice.objects.count()) == (0, 0)
    assert PaymentAttempt.objects.get().failure_reason == "authentication_required"
    assert check_books(now=START) == ()


def test_a_start_whose_charge_is_on_its_way_is_left_alone() -> None:
    company = make_company()
    price = company.price()
    bob = company.customer("Bob")
    company.card(bob, "tok_authentication_required")
    with pytest.raises(ChargeDeclined):
        company.start(bob, company.plan("Team", price), price, now=START)
    PaymentAttempt.objects.update(status="calling", failure_reason="")
    assert abandon_stale(now=START + timedelta(days=2)) == 0
    assert Subscription.objects.get().status == "incomplete"
