"""A half-year of money that does not come: Alice's card is declined and helped three ways, Bob pays transfers late.

Both pay 30.00 a month and 19 % tax: 35.70.
"""

import pytest

from billing.models import DunningStep, Payment, PaymentAttempt
from billing.operations.cards import add_card, set_default_card
from billing.operations.payments import record_transfer
from core.models import OutboxEvent
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.cast import at
from tests.scenarios.year import Year

pytestmark = pytest.mark.django_db(transaction=True)


def let_card(outcome: str) -> None:
    """Let the default card answer so from now on."""
    PaymentMethod.objects.filter(is_default=True).update(provider_reference=f"card_{outcome}_0")


def told(year: Year, type_: str) -> list[str]:
    """Return the days on which a fact was told."""
    return [year.day(one.created_at) for one in OutboxEvent.objects.filter(type=type_).order_by("id")]


def test_alices_card() -> None:
    year = Year("2026-01-01 10:17")
    price = year.company.price()
    alice = year.customer("Alice")
    year.company.card(alice)
    year.company.start(alice, year.company.plan("Team", price), price, now=at(year.now))

    # February: the second retry pays.
    let_card("lack_of_funds")
    year.to("2026-02-05")
    let_card("visa")
    # March: a new card pays at once.
    year.to("2026-02-20")
    let_card("fraud")
    year.to("2026-03-05 12:00")
    card = add_card(customer_id=alice.id, token="tok_visa", now=at(year.now))
    set_default_card(payment_method_id=card.id, now=at(year.now))
    year.to("2026-03-20")
    # April: nothing helps. After 15 of 30 days the subscription ends.
    let_card("lack_of_funds")
    year.to("2026-07-01")

    steps = DunningStep.objects.order_by("happened_at", "id")
    assert [(year.day(one.happened_at), one.kind, one.number) for one in steps] == [
        ("02-01", "begin", 0),
        ("02-04", "retry", 1),
        ("02-07", "retry", 2),
        ("02-07", "recover", 0),
        ("03-01", "begin", 0),
        ("03-05", "new_card", 0),
        ("03-05", "recover", 0),
        ("04-01", "begin", 0),
        ("04-04", "retry", 1),
        ("04-07", "retry", 2),
        ("04-10", "retry", 3),
        ("04-13", "retry", 4),
        ("04-16", "retry", 5),
        ("04-16", "finish", 0),
    ]
    assert told(year, "invoice.payment_failed") == [
        "02-01", "02-04", "03-01", "04-01", "04-04", "04-07", "04-10", "04-13", "04-16",
    ]  # fmt: skip
    assert year.papers() == [
        ("01-01", 3570, [("recurring", "01-01", "02-01", 3000)]),
        ("02-01", 3570, [("recurring", "02-01", "03-01", 3000)]),
        ("03-01", 3570, [("recurring", "03-01", "04-01", 3000)]),
        ("04-01", 3570, [("recurring", "04-01", "05-01", 3000)]),
        ("04-16", -1785, [("credit", "04-16", "05-01", -1500)]),
    ]
    april = Invoice.objects.latest("sequence")
    assert (april.status, april.amount_credited_minor, april.written_off_minor) == ("uncollectible", 1785, 1785)
    paid = Payment.objects.order_by("completed_at")
    assert [(year.day(one.completed_at or one.created_at), one.amount_minor) for one in paid] == [
        ("01-01", 3570),
        ("02-07", 3570),
        ("03-05", 3570),
    ]
    assert PaymentAttempt.objects.filter(status="failed").count() == 9
    assert Subscription.objects.get().status == "cancelled"
    year.prove()


def test_bobs_transfers() -> None:
    reminded = {"overdue_reminder_days": [0, 7, 14], "overdue_disable_days": 30}
    year = Year("2026-01-01 10:17", brand={"payment_terms_days": 10, **reminded})
    price = year.company.price()
    year.begin("Bob", year.company.plan("Team", price), price)
    year.to("2026-03-10 09:00")
    bob = Customer.objects.get()
    assert (bob.status, Subscription.objects.get().status) == ("disabled", "overdue_payment_disabled")
    for invoice in Invoice.objects.order_by("sequence"):
        record_transfer(
            invoice_id=invoice.id,
            amount_minor=3570,
            currency="EUR",
            paid_at=at(year.now),
            reference=f"bank {invoice.number}",
            now=at(year.now),
        )
    year.to("2026-04-05")

    overdue = OutboxEvent.objects.filter(type="invoice.overdue").order_by("id")
    assert [(year.day(one.created_at), one.payload["reminder_number"]) for one in overdue] == [
        ("01-12", 1),
        ("01-19", 2),
        ("01-26", 3),
        ("02-12", 1),
        ("02-19", 2),
        ("02-26", 3),
    ]
    assert told(year, "customer.disabled") == ["02-11"]
    assert told(year, "customer.enabled") == ["03-10"]
    # March passed while nothing was served, and is never billed.
    assert year.papers("Bob") == [
        ("01-01", 3570, [("recurring", "01-01", "02-01", 3000)]),
        ("02-01", 3570, [("recurring", "02-01", "03-01", 3000)]),
        ("04-01", 3570, [("recurring", "04-01", "05-01", 3000)]),
    ]
    bob.refresh_from_db()
    assert (bob.status, Subscription.objects.get().status) == ("active", "active")
    year.prove()
