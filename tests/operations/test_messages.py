"""Messages to customers: one for each fact, sent once, logged when it is not, in the customer's language."""

import smtplib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import get_connection

from billing.models import Refund
from billing.operations.charging import charge_due
from core.domain.outbox import OutboxDraft
from core.errors import Invalid
from core.models import OutboxEvent, StaffUser, TestClock
from core.operations import SYSTEM, emit
from core.operations_instance import InstanceHeld, hold_instance
from customers import operations as customer_operations
from customers.models import Customer
from invoicing.models import Invoice
from notifications.domain.messages import MessageKind
from notifications.models import Message, MessageTemplate, WebhookDelivery
from notifications.operations import sending, wording
from notifications.operations.dispatching import dispatch_facts
from notifications.operations.purging import purge_messages
from notifications.posting import PostAnswer
from subscriptions.models import Plan
from tests.cast import JANUARY, Company, make_company
from tests.factories import make_due_charge, make_invoice, make_subscription
from tests.hooks import Receivers, deliver, make_endpoint, tell

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def company() -> Company:
    return make_company(email="billing@seller.example")


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def say(type_: str, kind: str, object_id: Any, **payload: Any) -> None:
    """Write a fact."""
    from django.db import transaction

    with transaction.atomic():
        emit(OutboxDraft(type_, kind, object_id, JANUARY, payload))


def send(now: Any = JANUARY) -> list[Any]:
    """Hand on what waits, send what is due, and return the mails sent by it."""
    before = len(mail.outbox)
    dispatch_facts(now)
    sending.send_due(now, limit=100)
    return mail.outbox[before:]


def log() -> list[tuple[str, str, str]]:
    return [(row.kind, str(row.status), row.reason) for row in Message.objects.order_by("created_at", "id")]


def test_an_invoice_is_sent_once_with_its_pdf(alice: Customer) -> None:
    invoice = make_invoice(alice)
    say("invoice.finalized", "invoice", invoice.id)
    (sent,) = send()
    assert sent.to == ["alice@example.com"]
    assert sent.from_email == "Example GmbH <billing@seller.example>"
    assert sent.subject == f"Invoice {invoice.number} from Example GmbH"
    assert "€11.90 is due by" in sent.body
    [(_, content, kind)] = sent.attachments
    assert (content[:5], kind) == (b"%PDF-", "application/pdf")
    assert sent.alternatives[0][1] == "text/html"
    message = Message.objects.get()
    assert sent.extra_headers["Message-ID"].startswith(f"<{message.id}@")
    assert (message.status, message.text, message.moment_at) == ("sent", sent.body, JANUARY)
    # Handed on twice, as after a crash, it is told once.
    OutboxEvent.objects.filter(messages=message).update(dispatched_at=None)
    assert send(JANUARY + HOUR) == []


def test_a_customer_reads_its_own_language_and_way_of_writing(company: Company) -> None:
    invoice = make_invoice(company.customer("Bob", locale="de"), net_minor=100_000)
    say("invoice.overdue", "invoice", invoice.id, reminder_number=2)
    (sent,) = send()
    assert sent.subject.startswith("Erinnerung: Rechnung")
    assert "1.190,00 €" in sent.body.replace("\xa0", " ")


def test_a_declined_charge_tells_the_try_and_when_the_next_is(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_lack_of_funds")
    charge_due(JANUARY)
    failed = [one for one in send() if "failed" in one.subject]
    assert len(failed) == 1
    assert "(try 1)" in failed[0].body
    payload = {"payment_attempt": str(attempt.id), "attempt_number": 2}
    say("invoice.payment_failed", "invoice", attempt.invoice_id, **payload, next_retry_at="2026-01-04T10:00:00+00:00")
    say("invoice.payment_failed", "invoice", attempt.invoice_id, **payload, final=True)
    bodies = {one.body for one in send()}
    assert any("We will try again on January 4, 2026" in body for body in bodies)
    assert any("We will not try again" in body for body in bodies)


def test_a_payment_brings_a_receipt(company: Company) -> None:
    make_due_charge(company)
    charge_due(JANUARY)
    (sent,) = [one for one in send() if one.subject.startswith("Receipt")]
    assert sent.subject == "Receipt for €11.90"
    assert sent.attachments[0][1].startswith(b"%PDF-")


def test_every_kind_is_drawn_from_its_fact(company: Company, alice: Customer) -> None:
    card = company.card(alice)
    subscription = make_subscription(company, alice, trial_end_at=JANUARY)
    invoice = make_invoice(alice)
    for type_, kind, object_id in (
        ("invoice.payment_action_required", "invoice", invoice.id),
        ("payment_method.expiring", "payment_method", card.id),
        ("subscription.trial_ending", "subscription", subscription.id),
        ("subscription.renewing", "subscription", subscription.id),
        ("subscription.cancelled", "subscription", subscription.id),
        ("customer.disabled", "customer", alice.id),
    ):
        say(type_, kind, object_id, authentication_url="https://bank.example/3ds")
    sent = send()
    assert len(sent) == 6
    assert {kind for kind, _, _ in log()} == {
        "payment_action_required", "card_expiring", "trial_ending", "renewal_ahead", "subscription_cancelled",
        "customer_disabled",
    }  # fmt: skip
    assert next(one.subject for one in sent if "https://bank.example/3ds" in one.body).startswith("Please confirm")
    assert "Your trial of Team ends on January 1, 2026" in {one.subject for one in sent}


@pytest.mark.parametrize(
    ("stands_alone", "has_card", "words"),
    [(False, True, "Nothing is needed"), (False, False, "add a card"), (True, False, "Choose a plan")],
)
def test_the_end_of_a_trial_says_what_has_to_be_done(
    company: Company, stands_alone: bool, has_card: bool, words: str
) -> None:
    alice = company.customer("Alice", billing_type="card")
    if has_card:
        company.card(alice)
    subscription = make_subscription(company, alice, trial_end_at=JANUARY)
    Plan.objects.update(is_trial_standalone=stands_alone)
    say("subscription.trial_ending", "subscription", subscription.id)
    (sent,) = send()
    assert words in sent.body


def test_a_refund_is_told_when_its_money_is_on_its_way(company: Company, alice: Customer) -> None:
    assert not Refund.objects.exists()
    say("refund.created", "refund", uuid.uuid4(), status="started")
    assert send() == []
    assert log() == []


@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize("kind", [MessageKind.CUSTOMER_DISABLED, MessageKind.INVOICE])
def test_a_switch_means_what_it_says(alice: Customer, kind: MessageKind, is_off: bool) -> None:
    facts = {"off_kinds": [kind.value] if is_off else [], "reply_to": "help@seller.example"}
    wording.save_messaging(alice.brand, facts, actor=SYSTEM, now=JANUARY)
    say("customer.disabled", "customer", alice.id)
    say("invoice.finalized", "invoice", make_invoice(alice).id)
    sent = send()
    assert len(sent) == (1 if is_off else 2)
    assert sent[0].reply_to == ["help@seller.example"]
    off = [(row, status, reason) for row, status, reason in log() if row == kind]
    assert off == [(kind, "suppressed", "switched_off") if is_off else (kind, "sent", "")]


@pytest.mark.parametrize("sends", [False, True])
def test_a_customer_on_a_test_clock_is_told_only_where_the_brand_says_so(company: Company, sends: bool) -> None:
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    customer = company.customer("Charlie", test_clock=clock)
    wording.save_messaging(company.brand, {"sends_for_test_clocks": sends}, actor=SYSTEM, now=JANUARY)
    say("customer.disabled", "customer", customer.id)
    assert len(send(JANUARY + timedelta(days=400))) == sends
    assert log() == [("customer_disabled", "sent", "") if sends else ("customer_disabled", "suppressed", "test_clock")]
    assert Message.objects.get().moment_at == JANUARY


def test_who_has_no_address_and_what_is_no_news_is_logged_alone(company: Company, alice: Customer) -> None:
    Customer.objects.filter(id=alice.id).update(email="")
    say("customer.disabled", "customer", alice.id)
    assert send() == []
    say("customer.disabled", "customer", company.customer("Bob").id)
    assert send(JANUARY + timedelta(days=4)) == []
    assert [reason for _, _, reason in log()] == ["no_recipient", "too_old"]


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_for_good_is_not(
    alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Exception] = [OSError("Connection refused"), smtplib.SMTPServerDisconnected("gone")]
    real = get_connection

    def connect() -> Any:
        if faults:
            raise faults.pop(0)
        return real()

    monkeypatch.setattr(sending, "get_connection", connect)
    say("customer.disabled", "customer", alice.id)
    assert send() == []
    assert log() == [("customer_disabled", "queued", "OSError: Connection refused")]
    assert send(JANUARY + timedelta(seconds=59)) == []
    assert send(JANUARY + timedelta(seconds=61)) == []
    assert len(send(JANUARY + timedelta(minutes=7))) == 1
    assert Message.objects.get().tries == 3

    faults.append(smtplib.SMTPRecipientsRefused({"alice@example.com": (550, b"unknown")}))
    say("customer.disabled", "customer", alice.id)
    assert send() == []
    assert log()[1][1] == "failed"


def test_two_senders_share_and_a_dead_ones_claim_is_taken_up(alice: Customer) -> None:
    say("customer.disabled", "customer", alice.id)
    dispatch_facts(JANUARY)
    assert len(sending.claim(JANUARY, limit=10)) == 1
    assert send() == []
    assert len(send(JANUARY + timedelta(minutes=11))) == 1


def test_a_held_instance_sends_nothing(alice: Customer) -> None:
    say("customer.disabled", "customer", alice.id)
    dispatch_facts(JANUARY)
    hold_instance(now=JANUARY)
    with pytest.raises(InstanceHeld):
        sending.send_due(JANUARY, limit=10)
    assert mail.outbox == []


def test_an_erased_customers_messages_are_blank_and_what_waits_is_not_sent(alice: Customer) -> None:
    from django.db import transaction

    say("customer.disabled", "customer", alice.id)
    assert len(send()) == 1
    say("customer.disabled", "customer", alice.id)
    dispatch_facts(JANUARY)
    with transaction.atomic():
        customer_operations.erase_facts(alice.id, actor=SYSTEM, now=JANUARY)
    assert send() == []
    for row in Message.objects.all():
        assert (row.recipient, row.subject, row.text, row.html) == ("", "", "", "")
    assert {status for _, status, _ in log()} == {"sent", "failed"}


def test_a_brands_own_words_take_the_place_of_those_that_ship(company: Company, alice: Customer) -> None:
    template = MessageTemplate(
        brand=company.brand, kind="customer_disabled", language="en", subject="Bye {{ customer_name }}", text="So long."
    )
    wording.save_template(template, actor=SYSTEM, now=JANUARY)
    assert sending.draw_preview(template).subject == "Bye Alice Example"
    sending.send_test(template, "grace@seller.example")
    assert mail.outbox[0].subject == "[Test] Bye Alice Example"
    say("customer.disabled", "customer", alice.id)
    (sent,) = send()
    assert sent.subject == "Bye Alice"
    template.text = "{% include 'secrets' %}"
    with pytest.raises(Invalid):
        wording.save_template(template, actor=SYSTEM, now=JANUARY)
    wording.delete_template(template.id, actor=SYSTEM, now=JANUARY)
    say("customer.disabled", "customer", alice.id)
    (sent,) = send()
    assert sent.subject == "Your account with Example GmbH is disabled"


def test_staff_are_told_of_an_endpoint_that_was_disabled() -> None:
    for name, rights in (("grace", True), ("joe", False)):
        StaffUser.objects.create(username=name, email=f"{name}@seller.example", is_superuser=rights)
    endpoint = make_endpoint().endpoint
    receivers = Receivers()
    receivers.answers[endpoint.url] = lambda event: PostAnswer(410)
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    assert WebhookDelivery.objects.get().status == "failed"
    (sent,) = send()
    assert sent.to == ["grace@seller.example"]
    assert endpoint.url in sent.body


def test_what_is_gone_is_not_told(alice: Customer) -> None:
    say("quote.created", "quote", uuid.uuid4())
    assert send() == []
    assert log() == []
    assert Invoice.objects.count() == 0


def test_words_are_kept_for_their_days_and_the_log_stays(alice: Customer) -> None:
    say("customer.disabled", "customer", alice.id)
    send()
    assert purge_messages(now=JANUARY + timedelta(days=90)) == 0
    assert purge_messages(now=JANUARY + timedelta(days=91)) == 1
    row = Message.objects.get()
    assert (row.status, row.recipient, row.text) == ("sent", "alice@example.com", "")
