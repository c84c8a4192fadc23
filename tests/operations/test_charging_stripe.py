"""Charges, refunds, notices and disputes through the Stripe adapter against the twin: rows, books, Stripe agree."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from billing.domain.dispute_state import InvalidDisputeTransition
from billing.models import Dispute, Payment, PaymentAttempt, ProviderNotice, Receipt
from billing.operations import cards, disputes, inbound, notices, refunding, withdrawing
from billing.operations.charging import ChargeDeclined, ChargeSummary, charge_due, charge_invoice
from billing.operations.doctor import check_books
from billing.operations.first_invoices import CONFIRMATION_TIME, abandon_stale
from billing.operations.refunds import RefundWanted
from billing.operations.start import StartCommand, start_subscription
from billing.providers.base import DisputeStage, WebhookRefused
from billing.providers.pacing import Pace
from billing.providers.registry import get_provider
from core.clock import wall_now
from core.errors import Conflict, Invalid
from core.models import AuditEntry, OutboxEvent
from core.operations import SYSTEM
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice
from ledger.models import CustomerBalance, Posting
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import expire_lease, invoice_of, make_due_charge, make_invoice, schedule
from tests.stripe_twin.cards import Card
from tests.stripe_twin.server import Twin
from tests.stripe_twin.use import make_healthy, use_twin

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture(autouse=True)
def twin(settings: Settings) -> Iterator[Twin]:
    twin = use_twin(settings)
    make_healthy()
    yield twin
    assert_books_balance()
    assert_charges_are_whole()
    assert not stripe_breaches()
    make_healthy()


def stripe_breaches() -> list[str]:
    """Return what the rows and Stripe disagree on; the other proofs want whole subscriptions."""
    wanted = ("provider", "refund", "dispute", "payment is in the books", "payment is disputed")
    return [
        f"{breach.proof}: {breach.detail}"
        for breach in check_books(now=wall_now())
        if any(word in breach.proof for word in wanted)
    ]


def hear(twin: Twin, *events: dict[str, object]) -> None:
    """Receive events as they are sent, and handle them."""
    for event in events:
        body, headers = twin.signed(event)
        inbound.receive("stripe", body, headers, now=wall_now())
    notices.handle_due(wall_now(), limit=100)


def facts(*kinds: str) -> list[str]:
    """Return the facts told of some kinds of objects, in their order."""
    return list(OutboxEvent.objects.filter(object_kind__in=kinds).order_by("id").values_list("type", flat=True))


def accounts() -> dict[str, int]:
    """Return what stands on each account that is not empty."""
    found: dict[str, int] = {}
    for account, minor in Posting.objects.values_list("account", "amount_minor"):
        found[account] = found.get(account, 0) + minor
    return {account: minor for account, minor in found.items() if minor}


def card_now(twin: Twin, attempt: PaymentAttempt, card: Card) -> None:
    """Let the card that an attempt charges do something else from now on."""
    assert attempt.payment_method is not None
    twin.state.cards[attempt.payment_method.provider_reference] = card


def paid(company: Company) -> Payment:
    """Return a payment of 11.90 EUR that Stripe took."""
    make_due_charge(company, token="pm_card_visa")
    assert charge_due(JANUARY).succeeded == 1
    return Payment.objects.get()


def test_a_charge_is_taken_once_and_its_fee_is_booked(company: Company, twin: Twin) -> None:
    payment = paid(company)
    assert charge_due(JANUARY) == ChargeSummary()
    (charge,) = twin.charges()
    assert (charge["amount"], charge["metadata"]["customer"]) == (1190, str(payment.customer_id))
    assert (payment.external_reference, payment.amount_minor, payment.fee_minor) == (charge["id"], 1190, 43)
    assert accounts()["provider_clearing"] == 1190 - 43
    hear(twin, *twin.state.events)
    assert charge_due(JANUARY) == ChargeSummary()
    assert Payment.objects.count() == 1


def test_a_card_that_is_collected_twice_is_one_card(company: Company) -> None:
    customer = company.customer("Alice")
    card = company.card(customer, "pm_card_visa")
    assert company.card(customer, card.provider_reference) == card
    cards.remove_card(payment_method_id=card.id, now=JANUARY)
    with pytest.raises(Invalid, match="refused"):
        company.card(customer, "pm_card_chargeDeclined")


def test_a_customer_of_another_provider_is_refused_in_words(company: Company) -> None:
    customer = company.customer("Alice", external_reference="cus_of_the_sandbox")
    with pytest.raises(Conflict) as caught:
        cards.create_setup_token(customer_id=customer.id, now=JANUARY)
    assert caught.value.code == "provider_refused"
    with pytest.raises(Invalid):
        company.card(customer, "pm_card_visa")


def test_a_key_of_the_other_mode_charges_nothing(company: Company, twin: Twin, settings: Settings) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    settings.INSTANCE_MODE = "live"
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    with pytest.raises(cards.ProviderAway):
        company.card(attempt.customer, "pm_card_visa")
    assert not twin.charges()
    with pytest.raises(WebhookRefused):
        inbound.receive("stripe", *twin.signed(twin.state.events[-1]), now=wall_now())
    settings.INSTANCE_MODE = "test"


@pytest.mark.parametrize("trouble", ["lose_answer", "lose_request", "hold", "fail", "limit", "double"])
def test_whatever_happens_to_the_answer_the_money_is_taken_once(company: Company, twin: Twin, trouble: str) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    twin.trouble = [("POST payment_intents", trouble)]
    charge_due(JANUARY)
    twin.release()
    expire_lease(attempt)
    charge_due(JANUARY)
    attempt.refresh_from_db()
    assert attempt.status == "succeeded"
    assert len(twin.charges()) == Payment.objects.count() == 1


def test_an_answer_that_never_came_is_found_after_stripe_forgot_the_key(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    twin.trouble = [("POST payment_intents", "lose_answer"), ("GET payment_intents", "fail")]
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    twin.shift_seconds = 2 * 24 * 3600
    expire_lease(attempt)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1)
    assert len(twin.charges()) == 1


def test_ten_failures_in_a_row_pause_stripe(company: Company, twin: Twin) -> None:
    for number in range(12):
        make_due_charge(company, f"Customer {number}", token="pm_card_visa")
    twin.trouble = [("POST payment_intents", "limit")] * 12
    summary = charge_due(JANUARY, threads=1)
    assert summary.paused_providers == ("stripe",)
    assert Pace("stripe").is_paused()
    assert not twin.charges()


@pytest.mark.parametrize("order", [1, -1])
def test_notices_settle_a_charge_under_way_in_any_order_any_number_of_times(
    company: Company, twin: Twin, order: int
) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    assert attempt.payment_method is not None
    twin.state.processing.add(attempt.payment_method.provider_reference)
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    (intent,) = twin.state.intents
    hear(twin, twin.state.events[-1])
    attempt.refresh_from_db()
    assert attempt.status == "calling"
    twin.state.settle_intent(intent)
    told = twin.state.events[-3:][::order]
    hear(twin, *told, *told)
    attempt.refresh_from_db()
    assert (attempt.status, Payment.objects.get().status) == ("succeeded", "completed")
    assert facts("payment", "invoice") == ["payment.succeeded", "invoice.paid"]


def test_a_charge_under_way_that_fails(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    assert attempt.payment_method is not None
    twin.state.processing.add(attempt.payment_method.provider_reference)
    charge_due(JANUARY)
    (intent,) = twin.state.intents
    twin.state.settle_intent(intent, "insufficient_funds")
    hear(twin, twin.state.events[-1])
    attempt.refresh_from_db()
    assert (attempt.status, attempt.failure_reason) == ("failed", "lack_of_funds")
    assert not Payment.objects.exists()


def test_a_customer_who_confirms_later_has_paid(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_authenticationRequired")
    assert charge_due(JANUARY) == ChargeSummary(failed=1)
    (intent,) = twin.state.intents
    payload = OutboxEvent.objects.get(type="invoice.payment_failed").payload
    assert payload["authentication_url"].endswith(intent)
    twin.state.settle_intent(intent)
    hear(twin, *twin.state.events, twin.state.events[-1])
    attempt.refresh_from_db()
    assert (attempt.status, attempt.failure_reason, attempt.failure_message) == ("succeeded", "", "")
    assert Invoice.objects.get().status == "paid"
    assert Subscription.objects.get().status == "active"
    assert Receipt.objects.count() == 1


def test_a_customer_who_confirms_after_paying_otherwise_has_credit(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_authenticationRequired")
    charge_due(JANUARY)
    (intent,) = twin.state.intents
    card_now(twin, attempt, Card())
    second = charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    assert second.is_paid
    twin.state.settle_intent(intent)
    hear(twin, twin.state.events[-1])
    assert sorted(PaymentAttempt.objects.values_list("number", "status")) == [(1, "succeeded"), (2, "succeeded")]
    assert CustomerBalance.objects.get().balance_minor == 1190


def unconfirmed(company: Company, twin: Twin) -> tuple[PaymentAttempt, str]:
    """Let the bank want the customer, who then pays with another card."""
    attempt = make_due_charge(company, token="pm_card_authenticationRequired")
    charge_due(JANUARY)
    (intent,) = twin.state.intents
    assert withdrawing.withdraw_due(wall_now(), limit=10) == 0
    card_now(twin, attempt, Card())
    assert charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid
    return attempt, intent


def test_a_confirmation_that_nobody_wants_is_taken_back_once(company: Company, twin: Twin) -> None:
    attempt, intent = unconfirmed(company, twin)
    assert [withdrawing.withdraw_due(wall_now(), limit=10) for _ in range(2)] == [1, 0]
    assert twin.state.intents[intent]["status"] == "canceled"
    hear(twin, twin.state.events[-1])
    attempt.refresh_from_db()
    assert (attempt.status, attempt.withdrawn_at is not None, attempt.lease_until) == ("failed", True, None)
    assert Payment.objects.count() == 1


def test_who_confirms_before_it_is_taken_back_has_credit(company: Company, twin: Twin) -> None:
    attempt, intent = unconfirmed(company, twin)
    twin.state.settle_intent(intent)
    assert withdrawing.withdraw_due(wall_now(), limit=10) == 1
    attempt.refresh_from_db()
    assert attempt.status == "succeeded"
    assert CustomerBalance.objects.get().balance_minor == 1190


@pytest.mark.parametrize("trouble", ["lose_request", "lose_answer", "fail"])
def test_what_could_not_be_taken_back_is_tried_again(company: Company, twin: Twin, trouble: str) -> None:
    attempt, intent = unconfirmed(company, twin)
    twin.trouble = [("POST payment_intents", trouble)]
    # What is held by its lease is left alone.
    assert [withdrawing.withdraw_due(wall_now(), limit=10) for _ in range(2)] == [0, 0]
    expire_lease(attempt)
    assert withdrawing.withdraw_due(wall_now(), limit=10) == 1
    assert twin.state.intents[intent]["status"] == "canceled"


def test_the_charge_of_a_start_that_was_dropped_is_taken_back(company: Company, twin: Twin) -> None:
    with pytest.raises(ChargeDeclined):
        start_with(company, "pm_card_authenticationRequired")
    assert withdrawing.withdraw_due(wall_now(), limit=10) == 0
    abandon_stale(now=JANUARY + CONFIRMATION_TIME + timedelta(hours=1))
    assert withdrawing.withdraw_due(wall_now(), limit=10) == 1
    assert [one["status"] for one in twin.state.intents.values()] == ["canceled"]


def test_a_confirmation_waits_while_another_attempt_is_under_way(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_authenticationRequired")
    charge_due(JANUARY)
    (intent,) = twin.state.intents
    card_now(twin, attempt, Card())
    twin.trouble = [("POST payment_intents", "lose_request")]
    charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    second = PaymentAttempt.objects.get(number=2)
    twin.state.settle_intent(intent)
    hear(twin, twin.state.events[-1])
    notice = ProviderNotice.objects.get()
    assert (notice.status, notice.tries) == ("received", 1)
    assert "another attempt" in notice.failure
    expire_lease(second)
    charge_due(JANUARY)
    ProviderNotice.objects.update(lease_until=None)
    notices.handle_due(wall_now(), limit=10)
    assert CustomerBalance.objects.get().balance_minor == 1190
    notice.refresh_from_db()
    assert (notice.status, notice.tries) == ("handled", 2)


def start_with(company: Company, token: str) -> Customer:
    """Let a customer start a subscription whose first charge has to be confirmed."""
    price = company.price()
    plan, customer = company.plan("Team", price), company.customer("Alice")
    company.card(customer, token)
    start_subscription(customer_id=customer.id, command=StartCommand(plan=str(plan.id), price_id=price.id), now=JANUARY)
    return customer


def test_a_start_is_finished_by_the_customers_confirmation(company: Company, twin: Twin) -> None:
    with pytest.raises(ChargeDeclined) as caught:
        start_with(company, "pm_card_authenticationRequired")
    (intent,) = twin.state.intents
    assert caught.value.authentication_url.endswith(intent)
    assert Subscription.objects.get().status == "incomplete"
    twin.state.settle_intent(intent)
    hear(twin, twin.state.events[-1])
    assert Subscription.objects.get().status == "active"
    assert (Invoice.objects.get().status, Invoice.objects.get().amount_due_minor) == ("paid", 0)


def test_a_confirmation_after_the_start_was_dropped_is_credit(company: Company, twin: Twin) -> None:
    with pytest.raises(ChargeDeclined):
        start_with(company, "pm_card_authenticationRequired")
    assert abandon_stale(now=JANUARY + CONFIRMATION_TIME + timedelta(minutes=1)) == 1
    (intent,) = twin.state.intents
    twin.state.settle_intent(intent)
    hear(twin, twin.state.events[-1], twin.state.events[-1])
    assert not Subscription.objects.exists()
    payment = Payment.objects.get()
    assert (payment.invoice_id, payment.amount_minor, payment.status) == (None, 3000, "completed")
    assert CustomerBalance.objects.get().balance_minor == 3000
    refund = refunding.refund_payment(RefundWanted(payment.id, 3000, "EUR"), now=JANUARY)
    assert refund.status == "issued"
    assert CustomerBalance.objects.get().balance_minor == 0


@pytest.mark.parametrize(("end", "status"), [("succeeded", "issued"), ("failed", "rejected")])
def test_a_refund_under_way_is_settled_by_a_notice(company: Company, twin: Twin, end: str, status: str) -> None:
    payment = paid(company)
    (method,) = PaymentMethod.objects.values_list("provider_reference", flat=True)
    twin.state.cards[method] = Card(refund="pending")
    refund = refunding.refund_payment(RefundWanted(payment.id, 590, "EUR"), now=JANUARY)
    assert refund.status == "authorised"
    twin.state.settle_refund(refund.external_reference, end)
    hear(twin, *twin.state.events[-2:], twin.state.events[-1])
    refund.refresh_from_db()
    assert refund.status == status
    assert facts("refund") == ["refund.created", "refund.updated", "refund.updated"]


def test_halves_are_refunded_at_stripe_up_to_the_whole(company: Company, twin: Twin) -> None:
    payment = paid(company)
    for _ in range(2):
        assert refunding.refund_payment(RefundWanted(payment.id, 595, "EUR"), now=JANUARY).status == "issued"
    payment.refresh_from_db()
    assert payment.status == "fully_refunded"
    assert twin.state.refunded(payment.external_reference) == 1190


def test_a_lost_answer_of_a_refund_gives_back_once(company: Company, twin: Twin) -> None:
    payment = paid(company)
    twin.trouble = [("POST refunds", "lose_answer")]
    refund = refunding.refund_payment(RefundWanted(payment.id, 590, "EUR"), now=JANUARY)
    assert refund.status == "issued"
    assert twin.state.refunded(payment.external_reference) == 590


def test_a_refund_made_at_stripe_by_hand_is_named_by_the_proofs(company: Company, twin: Twin) -> None:
    payment = paid(company)
    twin.state.create_refund({"payment_intent": payment.external_reference, "amount": "100"})
    hear(twin, twin.state.events[-1])
    assert ProviderNotice.objects.get().status == "ignored"
    (breach,) = stripe_breaches()
    assert "gave back 100 EUR" in breach
    twin.state.refunds.clear()


def test_cards_that_banks_renew_or_customers_remove_follow(company: Company, twin: Twin) -> None:
    customer = company.customer("Alice")
    old, new = (company.card(customer, "pm_card_visa") for _ in range(2))
    method = twin.state.methods[old.provider_reference]
    method["card"]["exp_year"] = 2055
    hear(twin, twin.state.emit("payment_method.automatically_updated", method))
    old.refresh_from_db()
    assert old.expiry_year == 2055
    twin.state.detach(old.provider_reference)
    hear(twin, twin.state.events[-1], twin.state.events[-1])
    old.refresh_from_db()
    new.refresh_from_db()
    assert old.removed_at is not None
    assert new.is_default
    twin.state.set_mandate(new.provider_reference, "active")
    twin.state.set_mandate(new.provider_reference, "inactive")
    hear(twin, *twin.state.events[-2:])
    assert not PaymentMethod.objects.filter(removed_at__isnull=True).exists()
    told = [fact for fact in facts("payment_method") if fact != "payment_method.added"]
    assert told == ["payment_method.updated", "payment_method.removed", "payment_method.removed"]


def test_a_dispute_takes_the_payment_until_it_is_won(company: Company, twin: Twin) -> None:
    payment = paid(company)
    dispute_id = twin.state.open_dispute(payment.external_reference)["id"]
    hear(twin, twin.state.events[-1], twin.state.events[-1])
    dispute = Dispute.objects.get()
    payment.refresh_from_db()
    assert (dispute.status, dispute.held_minor, dispute.fee_minor, payment.status) == (
        "needs_response",
        1190,
        1500,
        "disputed",
    )
    held = accounts()
    assert (held["disputed"], held["processor_fees"], held["provider_clearing"]) == (1190, 1543, -1543)
    assert facts("dispute", "payment") == ["payment.succeeded", "dispute.opened", "payment.disputed"]
    with pytest.raises(Conflict) as caught:
        refunding.refund_payment(RefundWanted(payment.id, 100, "EUR"), now=JANUARY)
    assert caught.value.code == "payment_not_refundable"
    twin.state.move_dispute(dispute_id, "under_review")
    twin.state.move_dispute(dispute_id, "won")
    hear(twin, *twin.state.events[-2:][::-1])
    dispute.refresh_from_db()
    payment.refresh_from_db()
    assert (dispute.status, dispute.held_minor, payment.status) == ("won", 0, "completed")
    assert dispute.closed_at is not None
    won = accounts()
    assert ("disputed" in won, won["processor_fees"], won["provider_clearing"]) == (False, 1543, -353)
    assert facts("dispute") == ["dispute.opened", "dispute.closed"]
    assert refunding.refund_payment(RefundWanted(payment.id, 100, "EUR"), now=JANUARY).status == "issued"


def test_a_dispute_that_is_lost_is_a_bad_debt(company: Company, twin: Twin) -> None:
    payment = paid(company)
    dispute_id = twin.state.open_dispute(payment.external_reference, 1000)["id"]
    twin.state.move_dispute(dispute_id, "lost")
    hear(twin, *twin.state.events[-2:])
    payment.refresh_from_db()
    assert payment.status == "disputed"
    assert (accounts()["bad_debt"], accounts()["provider_clearing"]) == (1000, 1190 - 43 - 2500)
    assert facts("dispute") == ["dispute.opened", "dispute.closed"]
    told = get_provider("stripe").read_dispute(dispute_id)
    assert told is not None
    with pytest.raises(InvalidDisputeTransition):
        disputes.record_dispute("stripe", replace(told, stage=DisputeStage.UNDER_REVIEW), wall_now())


def test_an_inquiry_holds_nothing_back_until_it_is_a_dispute(company: Company, twin: Twin) -> None:
    payment = paid(company)
    dispute_id = twin.state.open_dispute(payment.external_reference, status="warning_needs_response")["id"]
    hear(twin, twin.state.events[-1])
    payment.refresh_from_db()
    assert (Dispute.objects.get().status, Dispute.objects.get().moves, payment.status) == ("inquiry", 0, "completed")
    twin.state.move_dispute(dispute_id, "needs_response")
    hear(twin, twin.state.events[-1])
    payment.refresh_from_db()
    assert (Dispute.objects.get().held_minor, payment.status) == (1190, "disputed")


def test_a_dispute_told_before_its_charge_is_settled(company: Company, twin: Twin) -> None:
    make_due_charge(company, token="pm_card_createDispute")
    twin.trouble = [("POST payment_intents", "lose_answer"), ("GET payment_intents", "fail")]
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    hear(twin, twin.state.events[-1])
    assert (Dispute.objects.get().status, Payment.objects.get().status) == ("needs_response", "disputed")


def test_a_dispute_nobody_told_of_is_named_by_the_proofs(company: Company, twin: Twin) -> None:
    payment = paid(company)
    twin.state.open_dispute(payment.external_reference)
    (breach,) = stripe_breaches()
    assert "a dispute of 1190 EUR" in breach
    hear(twin, twin.state.events[-1])


def test_what_belongs_to_somebody_else_is_ignored(company: Company, twin: Twin) -> None:
    bob = twin.state.create_customer({"email": "bob@example.com"})["id"]
    told = {"amount": "500", "currency": "eur", "customer": bob, "confirm": "true", "off_session": "true"}
    setup = twin.state.create_setup({"customer": bob, "payment_method": "pm_card_createDispute", "confirm": "true"})
    twin.state.create_intent({**told, "payment_method": setup["payment_method"]})
    hear(twin, *twin.state.events, twin.state.emit("payout.paid", {"id": "po_1"}))
    assert set(ProviderNotice.objects.values_list("status", flat=True)) == {"ignored"}
    assert not Payment.objects.exists()


def test_a_notice_is_tried_again_until_it_fails_and_may_be_replayed(company: Company, twin: Twin) -> None:
    payment = paid(company)
    twin.state.open_dispute(payment.external_reference)
    event = twin.state.events[-1]
    twin.trouble = [("GET disputes", "fail")] * 12
    hear(twin, event)
    for _ in range(11):
        assert notices.handle_due(wall_now(), limit=10) == 0
        ProviderNotice.objects.update(lease_until=None)
        notices.handle_due(wall_now(), limit=1)
    notice = ProviderNotice.objects.get()
    assert (notice.status, notice.tries) == ("failed", 12)
    assert notice.failure
    make_healthy()
    assert inbound.replay([notice.id], actor=SYSTEM, now=wall_now()) == 1
    notices.handle_due(wall_now(), limit=1)
    notice.refresh_from_db()
    assert (notice.status, notice.failure) == ("handled", "")
    assert AuditEntry.objects.filter(action="provider_notice.replayed").count() == 1


def test_of_a_body_only_what_it_is_about_is_kept(company: Company, twin: Twin) -> None:
    paid(company)
    event = twin.state.events[-1]
    event["data"]["object"]["billing_details"] = {"name": "Alice Planted"}
    hear(twin, event, event)
    notice = ProviderNotice.objects.get()
    kept = {field.name: str(getattr(notice, field.name)) for field in ProviderNotice._meta.fields}
    assert "Alice Planted" not in str(kept)
    assert "_secret_" not in str(kept)


def test_a_second_charge_of_the_same_card(company: Company, twin: Twin) -> None:
    first = make_due_charge(company, token="pm_card_visa")
    schedule(make_invoice(first.customer, at=JANUARY + timedelta(days=1)), first.payment_method)
    assert charge_due(JANUARY).succeeded == 2
    assert len(twin.charges()) == 2
