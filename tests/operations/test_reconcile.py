"""After a restore: what the provider charged since the backup is found, judged and never taken twice."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from billing.domain.reconciliation import Finding
from billing.models import FoundCharge, Payment, PaymentAttempt
from billing.operations.cards import add_card, set_default_card
from billing.operations.charging import charge_due, charge_invoice
from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from billing.operations.reconcile import MARGIN, NothingRestored, Reconciliation, reconcile
from billing.operations.seats import add_seats, remove_seats
from billing.providers.base import ChargeRequest, ProviderUnavailable
from billing.providers.registry import get_provider
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.models import Instance, TestClock
from core.operations_instance import NotReconciled, resume_instance
from customers.models import Customer
from invoicing.models import Invoice
from ledger.models import CustomerBalance
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, at, make_company
from tests.factories import expire_lease, invoice_of, make_due_charge
from tests.restoring import Snapshot
from tests.sandbox import calls, captures, records

pytestmark = pytest.mark.django_db(transaction=True)
FEBRUARY = at("2026-02-01 12:00")
MARCH = at("2026-03-01 12:00")


class World:
    """A company whose database can go back to an earlier moment."""

    def __init__(self) -> None:
        self.company = make_company()
        self.snapshot: Snapshot | None = None
        price = self.company.price()
        self.plan = self.company.plan("Team", price)
        seat = self.company.price(type="unit", unit_price=Decimal(1000))
        self.seats = self.company.plan("Seats", seat, per_seat=True)

    def customer(self, name: str, token: str = "tok_visa", **values: object) -> Customer:
        """Add a customer with a card."""
        customer = self.company.customer(name, **values)
        self.company.card(customer, token)
        return customer

    def subscribe(self, customer: Customer, *, now: datetime = JANUARY) -> Subscription:
        """Start the flat plan, paid by card at once."""
        return self.company.start(customer, self.plan, self.plan.prices.get(), now=now)

    def back_up(self) -> None:
        """Remember the database as it is now."""
        self.snapshot = Snapshot()

    def restore(self) -> None:
        """Go back to it; the instance is held."""
        assert self.snapshot is not None
        self.snapshot.go_back()


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> Iterator[World]:
    settings.DATA_DIR = tmp_path
    made = World()
    yield made
    if made.snapshot is not None:
        made.snapshot.drop()


def bill(moment: datetime = FEBRUARY) -> None:
    """Bill and charge as the tick does."""
    run_billing(Scope(as_of=moment, now=moment))
    charge_due(moment)


def counts(found: Reconciliation) -> dict[str, int]:
    return {str(finding): found.count(finding) for finding in Finding if found.count(finding)}


def taken_from(customer: Customer) -> int:
    """Return what the provider took from a customer, in minor units."""
    charges = records().list_charges(customer=str(customer.id))
    return sum(charge.asked_minor for charge in charges if charge.is_captured)


def resume_and_bill(moment: datetime = FEBRUARY) -> None:
    """Go on after a restore, and prove the books."""
    resume_instance(now=moment)
    bill(moment)
    assert_books_balance()
    assert_charges_are_whole()
    assert check_books(now=moment) == ()


def test_a_month_charged_after_the_backup_is_met_and_taken_once(world: World) -> None:
    alice = world.customer("Alice")
    world.subscribe(alice)
    world.back_up()
    bill()
    assert taken_from(alice) == 6000
    world.restore()
    found = reconcile(now=FEBRUARY)
    assert counts(found) == {"matched": 1, "ahead": 1}
    assert found.for_person == ()
    (charge,) = FoundCharge.objects.all()
    assert (charge.customer_id, charge.amount_minor, charge.wanted_minor, charge.finding) == (
        alice.id,
        3000,
        3000,
        "ahead",
    )
    resume_and_bill()
    assert taken_from(alice) == 6000
    assert list(Invoice.objects.values_list("status", "amount_paid_minor")) == [("paid", 3000)] * 2
    # It was asked for, not charged again: an idempotency key may be forgotten, a charge is not.
    attempt = PaymentAttempt.objects.get(idempotency_key=charge.idempotency_key)
    assert (attempt.status, calls(attempt)) == ("succeeded", 1)
    assert Payment.objects.get(attempts=attempt).external_reference == charge.external_reference
    assert counts(reconcile(now=FEBRUARY)) == {"matched": 2}
    assert not FoundCharge.objects.exists()


def test_the_rows_are_not_touched(world: World) -> None:
    world.subscribe(world.customer("Alice"))
    world.back_up()
    bill()
    world.restore()
    before = list(Invoice.objects.values()), list(Payment.objects.values()), list(PaymentAttempt.objects.values())
    reconcile(now=FEBRUARY)
    reconcile(now=FEBRUARY)
    assert before == (
        list(Invoice.objects.values()),
        list(Payment.objects.values()),
        list(PaymentAttempt.objects.values()),
    )
    assert FoundCharge.objects.count() == 1


@pytest.mark.parametrize(("seats_before", "seats_after"), [(1, 3), (3, 1)])
def test_another_amount_needs_a_person_and_is_made_up_for(world: World, seats_before: int, seats_after: int) -> None:
    alice = world.customer("Alice")
    price = world.seats.prices.get()
    subscription = world.company.start(alice, world.seats, price, now=JANUARY, seats=seats_before)
    world.back_up()
    change = add_seats if seats_after > seats_before else remove_seats
    change(subscription_id=subscription.id, seats=abs(seats_after - seats_before), now=at("2026-02-01"))
    bill()
    charged = taken_from(alice) - 1000 * seats_before
    world.restore()
    found = reconcile(now=FEBRUARY)
    (judged,) = found.for_person
    assert judged.finding is Finding.DIFFERENT
    assert judged.taken.amount_minor == charged
    assert judged.wanted is not None
    assert judged.wanted.amount_minor == 1000 * seats_before
    resume_and_bill()
    charge_due(FEBRUARY)
    invoice = Invoice.objects.latest("id")
    assert (invoice.status, invoice.amount_due_minor) == ("paid", 0)
    # What was taken too much is the customer's; what was taken too little is charged.
    surplus = max(charged - 1000 * seats_before, 0)
    assert CustomerBalance.objects.get().balance_minor == surplus
    assert taken_from(alice) == 2 * 1000 * seats_before + surplus


def test_what_no_run_will_meet_needs_a_person(world: World) -> None:
    alice = world.customer("Alice")
    world.back_up()
    world.subscribe(alice)
    bob = world.customer("Bob")
    world.subscribe(bob)
    get_provider("sandbox").charge(ChargeRequest("order-17", 500, "EUR", "", "card_visa_1"))
    world.restore()
    found = reconcile(now=FEBRUARY)
    assert counts(found) == {"unknown": 3}
    assert [one.customer for one in found.for_person] == [alice, None, None]
    resume_and_bill()
    assert (taken_from(alice), taken_from(bob)) == (3000, 3000)


def test_a_decline_and_the_later_success_are_both_met(world: World) -> None:
    alice = world.customer("Alice", "tok_declined_after_first")
    world.subscribe(alice)
    world.back_up()
    bill()
    card = add_card(customer_id=alice.id, token="tok_visa", now=FEBRUARY)
    set_default_card(payment_method_id=card.id, now=FEBRUARY)
    open_invoice = Invoice.objects.get(status="open")
    PaymentAttempt.objects.filter(invoice=open_invoice).update(payment_method=card)
    Invoice.objects.filter(id=open_invoice.id).update(payment_method=card)
    assert charge_invoice(invoice_id=open_invoice.id, now=FEBRUARY).is_paid
    world.restore()
    assert counts(reconcile(now=FEBRUARY)) == {"matched": 1, "ahead": 1, "without_money": 1}
    resume_and_bill()
    assert taken_from(alice) == 6000
    invoice = Invoice.objects.latest("id")
    tries = PaymentAttempt.objects.filter(invoice=invoice).order_by("number")
    assert list(tries.values_list("status", flat=True)) == ["failed", "succeeded"]
    assert invoice.status == "paid"


@pytest.mark.parametrize("has_card", [True, False])
def test_an_attempt_that_waited_at_the_backup_asks_first(world: World, has_card: bool) -> None:
    attempt = make_due_charge(world.company)
    if not has_card:
        attempt.customer.payment_methods.all().delete()
    world.back_up()
    if not has_card:
        card = add_card(customer_id=attempt.customer_id, token="tok_visa", now=JANUARY)
        assert card.is_default
    charge_due(JANUARY)
    assert captures(attempt) == 1
    world.restore()
    assert counts(reconcile(now=FEBRUARY)) == {"ahead": 1}
    resume_instance(now=FEBRUARY)
    charge_due(JANUARY)
    attempt.refresh_from_db()
    assert (attempt.status, captures(attempt), calls(attempt)) == ("succeeded", 1, 1)
    assert invoice_of(attempt).status == "paid"
    assert_charges_are_whole()


def test_an_attempt_under_way_at_the_backup_is_met(world: World) -> None:
    attempt = make_due_charge(world.company, token="tok_pending")
    charge_due(JANUARY)
    world.back_up()
    expire_lease(attempt)
    charge_due(JANUARY)
    assert captures(attempt) == 1
    world.restore()
    assert counts(reconcile(now=FEBRUARY)) == {"ahead": 1}
    expire_lease(attempt)
    resume_instance(now=FEBRUARY)
    charge_due(JANUARY)
    attempt.refresh_from_db()
    assert (attempt.status, captures(attempt)) == ("succeeded", 1)


def test_a_charge_on_its_way_counts_as_taken(world: World) -> None:
    alice = world.customer("Alice")
    world.subscribe(alice)
    card = add_card(customer_id=alice.id, token="tok_pending", now=JANUARY)
    set_default_card(payment_method_id=card.id, now=JANUARY)
    Subscription.objects.update(payment_method=card)
    world.back_up()
    bill()
    world.restore()
    (judged,) = reconcile(now=FEBRUARY).judged
    assert (judged.finding, judged.taken.outcome, judged.taken.amount_minor) == (Finding.AHEAD, "pending", 3000)
    resume_instance(now=FEBRUARY)
    bill()
    assert Invoice.objects.filter(status="paid").count() == 2
    assert taken_from(alice) == 6000


def test_money_taken_where_the_rows_say_failed_needs_a_person(world: World) -> None:
    attempt = make_due_charge(world.company, token="tok_declined")
    charge_due(JANUARY)
    renamed = f"{attempt.idempotency_key}0"
    PaymentAttempt.objects.update(idempotency_key=renamed)
    get_provider("sandbox").charge(ChargeRequest(renamed, 1190, "EUR", "", "card_visa_1"))
    (judged,) = reconcile(now=FEBRUARY, since=at("2026-01-01")).for_person
    assert judged.finding is Finding.DIFFERENT


def test_customers_on_a_test_clock_are_judged_by_it(world: World) -> None:
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    alice = world.customer("Alice", test_clock=clock)
    world.subscribe(alice)
    world.back_up()
    advance_clock(clock_id=clock.id, to_at=MARCH, now=JANUARY)
    assert taken_from(alice) == 9000
    world.restore()
    assert counts(reconcile(now=at("2026-01-05"))) == {"matched": 1, "ahead": 2}
    resume_instance(now=JANUARY)
    advance_clock(clock_id=clock.id, to_at=MARCH, now=JANUARY)
    assert taken_from(alice) == 9000
    assert Invoice.objects.filter(status="paid").count() == 3


def test_it_needs_a_moment_and_a_provider_that_answers(world: World, settings: Settings) -> None:
    with pytest.raises(NothingRestored, match="--since"):
        reconcile(now=FEBRUARY)
    world.subscribe(world.customer("Alice"))
    world.back_up()
    world.restore()
    settings.SANDBOX_UNAVAILABLE = True
    with pytest.raises(ProviderUnavailable):
        reconcile(now=FEBRUARY)
    with pytest.raises(CommandError, match="unavailable"):
        call_command("reconcile")
    assert Instance.objects.get().reconciled_at is None
    with pytest.raises(NotReconciled):
        resume_instance(now=FEBRUARY)


def test_since_a_while_before_the_backup(world: World) -> None:
    world.back_up()
    world.restore()
    found = reconcile(now=FEBRUARY)
    assert world.snapshot is not None
    assert found.since == world.snapshot.taken_at - MARGIN
    assert Instance.objects.get().reconciled_at == FEBRUARY


def test_the_command_prints_a_report_and_fails_when_a_person_must_look(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = world.customer("Alice")
    world.back_up()
    world.restore()
    call_command("reconcile")
    assert "0  unknown here" in capsys.readouterr().out
    assert world.snapshot is not None
    world.snapshot.drop()
    world.subscribe(alice)
    world.snapshot = Snapshot()
    with pytest.raises(CommandError, match="--since 'soon' is not"):
        call_command("reconcile", since="soon")
    call_command("reconcile", since="2026-01-01")
    assert "1  matched" in capsys.readouterr().out
    PaymentAttempt.objects.update(idempotency_key="another")
    with pytest.raises(CommandError, match="1 charges need a person"):
        call_command("reconcile", since="2026-01-01T00:00:00+01:00")
    printed = capsys.readouterr().out
    assert "UNKNOWN sandbox ch_" in printed
    assert "€30.00 succeeded" in printed
    assert f"of Alice ({alice.id})" in printed
