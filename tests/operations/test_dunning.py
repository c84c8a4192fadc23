"""Dunning of declined cards: retries by days, each reason, new cards, the end, by every path out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import DunningProcess, DunningStep, ParkedInvoice, Payment, PaymentAttempt
from billing.operations import charging, dunning, dunning_cards
from billing.operations.cards import add_card, remove_card, set_default_card
from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.proofs_dunning import DUNNING
from billing.operations.write_offs import write_off_invoice
from core.errors import Conflict
from core.identifiers import new_id
from core.models import OutboxEvent, TestClock
from core.operations import SYSTEM
from customers.models import Brand, Customer, PaymentMethod
from invoicing.models import CreditNote, Invoice
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import make_due_charge, make_invoice, schedule
from tests.sandbox import captures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture(autouse=True)
def books_hold() -> Any:
    yield
    assert_books_balance()
    assert_charges_are_whole()


def sweep(moment: datetime) -> None:
    """Do what the sweep does at a moment."""
    dunning.run_due(moment, wall_now=moment)
    charging.charge_due(moment)
    dunning.run_due(moment, wall_now=moment)


def day(number: int) -> datetime:
    return JANUARY + timedelta(days=number)


def declined(company: Company, token: str = "tok_lack_of_funds", **policy: Any) -> DunningProcess:
    """Decline the charge of an invoice of 11.90."""
    Brand.objects.update(**policy)
    company.brand.refresh_from_db()
    make_due_charge(company, token=token)
    sweep(JANUARY)
    return DunningProcess.objects.get()


def steps(process: DunningProcess) -> list[tuple[str, int, int]]:
    found = DunningStep.objects.filter(process=process).order_by("happened_at", "id")
    return [(one.kind, one.number, (one.happened_at - JANUARY).days) for one in found]


def facts(type_: str) -> list[dict[str, Any]]:
    return list(OutboxEvent.objects.filter(type=type_).order_by("id").values_list("payload", flat=True))


def test_a_decline_begins_a_process_with_the_brands_policy_of_that_moment(company: Company) -> None:
    process = declined(company)
    assert (process.kind, process.status, process.days, process.finish_with) == (
        "card",
        "open",
        [3, 6, 9, 12, 15],
        "cancel",
    )
    assert (process.next_step, process.next_number, process.next_at) == ("retry", 1, day(3))
    Brand.objects.update(dunning_retry_days=[1], dunning_final_action="keep")
    sweep(day(3))
    process.refresh_from_db()
    assert (process.next_at, process.finish_with) == (day(6), "cancel")
    (first, second) = facts("invoice.payment_failed")
    assert (first["attempt_number"], first["next_retry_at"], first["final"]) == (1, day(3).isoformat(), False)
    assert (second["attempt_number"], second["next_retry_at"]) == (2, day(6).isoformat())


def test_fifteen_days_of_retries_end_with_the_rest_given_up(company: Company) -> None:
    process = declined(company, dunning_final_action="uncollectible")
    for number in range(1, 20):
        sweep(day(number))
    process.refresh_from_db()
    assert (process.status, process.closed_at, process.next_at) == ("finished", day(15), None)
    assert steps(process) == [
        ("begin", 0, 0),
        ("retry", 1, 3),
        ("retry", 2, 6),
        ("retry", 3, 9),
        ("retry", 4, 12),
        ("retry", 5, 15),
        ("finish", 0, 15),
    ]
    assert [fact["final"] for fact in facts("invoice.payment_failed")] == [False] * 5 + [True]
    assert PaymentAttempt.objects.filter(status="failed").count() == 6
    assert Invoice.objects.get().status == "uncollectible"
    assert not Payment.objects.exists()


@pytest.mark.parametrize("token", ["tok_fraud", "tok_invalid_card", "tok_authentication_required"])
def test_what_the_card_cannot_mend_is_not_retried(company: Company, token: str) -> None:
    process = declined(company, token, dunning_final_action="uncollectible")
    assert (process.next_step, process.next_at) == ("finish", day(15))
    for number in range(1, 16):
        sweep(day(number))
    assert PaymentAttempt.objects.count() == 1
    assert [one[0] for one in steps(process)] == ["begin", "finish"]
    assert len(facts("invoice.payment_action_required")) == (token == "tok_authentication_required")


@pytest.mark.parametrize("token", ["tok_lack_of_funds", "tok_fraud", "tok_authentication_required"])
def test_a_new_default_card_is_tried_at_once_and_pays(company: Company, token: str) -> None:
    process = declined(company, token)
    customer = Customer.objects.get()
    card = add_card(customer_id=customer.id, token="tok_visa", now=day(1))
    assert not PaymentAttempt.objects.filter(status="scheduled").exists()
    set_default_card(payment_method_id=card.id, now=day(1))
    sweep(day(1))
    process.refresh_from_db()
    assert (process.status, process.closed_at) == ("recovered", day(1))
    assert [one[0] for one in steps(process)] == ["begin", "new_card", "recover"]
    assert Invoice.objects.get().status == "paid"
    assert Subscription.objects.get().status == "active"
    sweep(day(3))
    assert captures(PaymentAttempt.objects.latest("number")) == 1


def test_a_new_card_that_is_declined_goes_on_with_the_days_that_are_left(company: Company) -> None:
    process = declined(company, "tok_fraud")
    card = add_card(customer_id=process.customer_id, token="tok_lack_of_funds", now=day(4))
    set_default_card(payment_method_id=card.id, now=day(4))
    sweep(day(4))
    process.refresh_from_db()
    assert (process.next_step, process.next_number, process.next_at) == ("retry", 2, day(6))
    sweep(day(6))
    last = PaymentAttempt.objects.latest("number")
    assert (last.payment_method_id, last.number) == (card.id, 3)


def test_a_card_made_default_again_is_no_new_one(company: Company) -> None:
    process = declined(company)
    set_default_card(payment_method_id=PaymentMethod.objects.get().id, now=day(1))
    process.refresh_from_db()
    assert process.next_at == day(3)


def test_a_card_that_is_gone_leaves_retries_that_fail_without_a_call(company: Company) -> None:
    process = declined(company)
    remove_card(payment_method_id=PaymentMethod.objects.get().id, now=day(1))
    sweep(day(3))
    process.refresh_from_db()
    assert (process.status, process.last_reason, process.next_at) == ("open", "invalid_details", day(6))


def pay_by_transfer(process: DunningProcess) -> None:
    record_transfer(
        invoice_id=process.invoice_id, amount_minor=1190, currency="EUR", paid_at=day(4), reference="t-1", now=day(4)
    )


def pay_by_hand(process: DunningProcess) -> None:
    PaymentMethod.objects.update(provider_reference="card_visa_0")
    charging.charge_invoice(invoice_id=process.invoice_id, now=day(4))


def give_up(process: DunningProcess) -> None:
    write_off_invoice(invoice_id=process.invoice_id, reason="gone", now=day(4))


def void(process: DunningProcess) -> None:
    from billing.operations.credits import void_invoice

    void_invoice(invoice_id=process.invoice_id, rebill=False, reason="wrong", now=day(4))


@pytest.mark.parametrize(
    ("way", "status"),
    [(pay_by_transfer, "recovered"), (pay_by_hand, "recovered"), (give_up, "closed"), (void, "closed")],
)
def test_every_way_out_closes_it_once(company: Company, way: Any, status: str) -> None:
    process = declined(company)
    way(process)
    process.refresh_from_db()
    assert (process.status, process.next_at) == (status, None)
    before = PaymentAttempt.objects.count()
    for number in (3, 6, 15, 30):
        sweep(day(number))
    assert PaymentAttempt.objects.count() == before
    assert Subscription.objects.get().status == "active"
    assert len(steps(process)) == 2
    assert not [breach for breach in check_books(now=day(40)) if "dunning" in breach.proof]


def test_a_charge_by_hand_that_is_declined_does_not_move_the_days(company: Company) -> None:
    process = declined(company)
    with pytest.raises(charging.ChargeDeclined):
        charging.charge_invoice(invoice_id=process.invoice_id, now=day(4))
    process.refresh_from_db()
    assert (process.next_number, process.next_at) == (2, day(6))


def test_keep_leaves_the_invoice_open_and_begins_nothing_anew(company: Company) -> None:
    process = declined(company, dunning_retry_days=[2], dunning_final_action="keep")
    sweep(day(2))
    process.refresh_from_db()
    assert (process.status, Invoice.objects.get().status) == ("finished", "open")
    assert Subscription.objects.get().status == "overdue_payment_open"
    with pytest.raises(charging.ChargeDeclined):
        charging.charge_invoice(invoice_id=process.invoice_id, now=day(4))
    assert DunningProcess.objects.count() == 1


def test_uncollectible_gives_the_invoice_up_and_the_subscription_goes_on(company: Company) -> None:
    declined(company, dunning_retry_days=[], dunning_final_action="uncollectible")
    assert Invoice.objects.get().status == "uncollectible"
    assert Subscription.objects.get().status == "active"


def test_a_person_tries_at_once_or_stops(company: Company) -> None:
    process = declined(company)
    dunning_cards.retry_now(process.id, actor=SYSTEM, now=day(1))
    with pytest.raises(Conflict):
        dunning_cards.retry_now(process.id, actor=SYSTEM, now=day(1))
    sweep(day(1))
    process.refresh_from_db()
    assert process.next_at == day(3)
    dunning_cards.stop_process(process.id, actor=SYSTEM, now=day(2), reason="agreed otherwise")
    sweep(day(20))
    assert [one[0] for one in steps(process)] == ["begin", "hand", "stop"]
    assert Invoice.objects.get().status == "open"
    for call in (dunning_cards.retry_now, dunning_cards.stop_process):
        with pytest.raises(Conflict):
            call(process.id, actor=SYSTEM, now=day(3))


def test_the_end_waits_for_a_charge_that_is_under_way(company: Company) -> None:
    process = declined(company, dunning_retry_days=[3])
    PaymentMethod.objects.update(provider_reference="card_pending_0")
    sweep(day(3))
    sweep(day(5))
    process.refresh_from_db()
    assert (process.status, process.next_at) == ("open", None)
    PaymentAttempt.objects.filter(status="calling").update(lease_until=JANUARY)
    sweep(day(6))
    process.refresh_from_db()
    assert process.status == "recovered"


def test_a_step_that_fails_is_told_and_stops_no_other(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    process = declined(company)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patched:
        patched.setattr("billing.operations.dunning._retry", fail)
        sweep(day(3))
    process.refresh_from_db()
    assert (process.failure, process.failures) == ("RuntimeError: no", 1)
    sweep(day(3))
    assert PaymentAttempt.objects.count() == 1
    sweep(day(3) + timedelta(minutes=6))
    process.refresh_from_db()
    assert (process.failures, process.next_number) == (0, 2)


def open_it_twice(process: DunningProcess) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_open_dunning_process_per_invoice")
    process.pk = None
    process.id = new_id()
    process.save(force_insert=True)


def let_it_go_on(process: DunningProcess) -> None:
    Invoice.objects.update(amount_due_minor=0, amount_paid_minor=1190, status="paid", paid_at=JANUARY)


def forget_its_next_step(process: DunningProcess) -> None:
    DunningProcess.objects.update(next_step="", next_at=None)


def try_another_invoice(process: DunningProcess) -> None:
    other = schedule(make_invoice(process.customer, at=day(1)))
    DunningStep.objects.create(process=process, kind="retry", number=1, attempt=other, happened_at=day(1))


def finish_without_its_end(process: DunningProcess) -> None:
    DunningProcess.objects.update(status="finished", next_step="", next_at=None, closed_at=JANUARY)


def park_its_invoice(process: DunningProcess) -> None:
    ParkedInvoice.objects.create(
        invoice=process.invoice, reason="no", first_failed_at=JANUARY, last_failed_at=JANUARY, retry_at=JANUARY
    )


def disable_over_nothing(process: DunningProcess) -> None:
    Customer.objects.update(status="disabled", disabled_at=JANUARY, disabled_by="overdue")


PLANTED = dict(
    zip(
        (proof.name for proof in DUNNING),
        (
            open_it_twice,
            let_it_go_on,
            forget_its_next_step,
            try_another_invoice,
            finish_without_its_end,
            park_its_invoice,
            disable_over_nothing,
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_breach_is_named(company: Company, name: str) -> None:
    process = declined(company)
    with transaction.atomic():
        PLANTED[name](process)
        found = {breach.proof for breach in check_books(now=JANUARY)}
        transaction.set_rollback(True)
    assert found & set(PLANTED) == {name}


def test_after_fifteen_of_thirty_days_half_is_credited_and_half_given_up(company: Company) -> None:
    clock = TestClock.objects.create(now_at=at("2026-05-01 10:17"), created_at=at("2026-05-01"))
    customer = company.customer("Alice", test_clock=clock)
    company.card(customer, "tok_declined_after_first")
    price = company.price()
    subscription = company.start(customer, company.plan("Team", price), price, now=at("2026-05-01 10:17"))
    advance_clock(clock_id=clock.id, to_at=at("2026-07-10"), now=at("2026-05-01"))
    subscription.refresh_from_db()
    assert (subscription.status, subscription.ended_at) == ("cancelled", at("2026-06-16 10:17"))
    june = Invoice.objects.get(origin="cycle")
    assert (june.status, june.amount_credited_minor, june.written_off_minor) == ("uncollectible", 1500, 1500)
    assert june.uncollectible_at == at("2026-06-16 10:17")
    note = CreditNote.objects.get()
    assert (note.total_minor, note.to_invoices_minor, note.refunded_minor) == (1500, 1500, 0)
    tried = PaymentAttempt.objects.filter(invoice=june).order_by("number")
    assert [(one.due_at.day, one.due_at.hour) for one in tried] == [(day, 10) for day in (1, 4, 7, 10, 13, 16)]
    assert [fact for fact in OutboxEvent.objects.filter(type="subscription.cancelled")]
    assert not check_books(now=at("2026-07-10"))
