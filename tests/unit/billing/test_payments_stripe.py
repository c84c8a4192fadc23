"""The Stripe adapter, driven by the official library over HTTP against the twin."""

import time
from datetime import UTC, datetime

import pytest

from billing.providers import stripe_words as words
from billing.providers.base import (
    ChargeRequest,
    CustomerFacts,
    DisputeStage,
    IdempotencyMismatch,
    Outcome,
    OutcomeUnknown,
    ProviderUnavailable,
    RefundOutcome,
    RefundRefused,
    RefundRequest,
    RequestRefused,
    Subject,
    TokenRefused,
    WebhookRefused,
)
from billing.providers.stripe import StripeAccount, StripeProvider
from tests.stripe_twin.cards import Card
from tests.stripe_twin.server import API_KEY, SECRET, Twin
from tests.stripe_twin.use import the_twin

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
RETURN_URL = "https://app.example.com/billing"


@pytest.fixture
def twin() -> Twin:
    twin = the_twin()
    twin.reset()
    return twin


@pytest.fixture
def provider(twin: Twin) -> StripeProvider:
    return StripeProvider(StripeAccount(API_KEY, (SECRET,), twin.api_base, RETURN_URL))


@pytest.fixture
def alice(provider: StripeProvider) -> str:
    return provider.create_customer(CustomerFacts("alice@example.com", "Alice"), idempotency_key="customer:alice")


def card_that(twin: Twin, provider: StripeProvider, alice: str, card: Card) -> str:
    """Save a card that pays, and let it do something else from then on."""
    reference = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    twin.state.cards[reference] = card
    return reference


def wanted(alice: str, card: str, key: str = "charge:1", amount_minor: int = 1190) -> ChargeRequest:
    return ChargeRequest(key, amount_minor, "EUR", alice, card, {"customer": "alice", "invoice": ""})


def test_a_customer_is_made_once_for_a_key(provider: StripeProvider, twin: Twin) -> None:
    facts = CustomerFacts("alice@example.com", "Alice")
    made = [provider.create_customer(facts, idempotency_key="customer:alice") for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].startswith("cus_")
    # Another address is no mismatch: it would keep a customer from ever getting a card.
    assert (
        provider.create_customer(CustomerFacts("a@example.com", "Alice"), idempotency_key="customer:alice") != made[0]
    )
    assert len(twin.state.customers) == 2


def test_a_card_is_saved_by_the_set_up_that_the_browser_confirmed(
    provider: StripeProvider, twin: Twin, alice: str
) -> None:
    token = provider.create_setup_token(alice)
    assert token.startswith("seti_")
    assert "_secret_" in token
    with pytest.raises(TokenRefused, match="not confirmed"):
        provider.attach(customer_reference=alice, token=token)
    setup = twin.state.setups[token.partition("_secret_")[0]]
    twin.state.confirm_setup(setup, "pm_card_authenticationRequiredOnSetup", by_customer=True)
    facts = provider.attach(customer_reference=alice, token=token)
    assert (facts.brand, facts.last_four, facts.expiry_month, facts.expiry_year) == ("visa", "3155", 12, 2049)
    bob = provider.create_customer(CustomerFacts("bob@example.com", "Bob"), idempotency_key="customer:bob")
    with pytest.raises(TokenRefused, match="another customer"):
        provider.attach(customer_reference=bob, token=token)


@pytest.mark.parametrize("token", ["pm_card_mastercard", "tok_mastercard"])
def test_a_card_is_saved_by_a_test_token(provider: StripeProvider, alice: str, token: str) -> None:
    facts = provider.attach(customer_reference=alice, token=token)
    assert (facts.brand, facts.last_four, facts.country) == ("mastercard", "4444", "US")
    assert provider.attach(customer_reference=alice, token=facts.reference) == facts


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("pm_card_chargeDeclined", "declined"),
        ("pm_card_authenticationRequiredOnSetup", "confirm"),
        ("tok_nobody", "No such token"),
        ("pm_nobody", "No such PaymentMethod"),
        ("seti_nobody", "No such setupintent"),
    ],
)
def test_a_token_is_refused(provider: StripeProvider, alice: str, token: str, words: str) -> None:
    with pytest.raises(TokenRefused, match=words):
        provider.attach(customer_reference=alice, token=token)


def test_a_customer_stripe_does_not_know_is_refused(provider: StripeProvider) -> None:
    with pytest.raises(RequestRefused, match="No such customer"):
        provider.create_setup_token("cus_nobody")


def test_a_charge_is_taken_once_for_its_key_with_what_it_cost(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    result = provider.charge(wanted(alice, card))
    assert (result.outcome, result.amount_minor, result.currency, result.fee_minor) == ("succeeded", 1190, "EUR", 43)
    assert provider.charge(wanted(alice, card)) == result == provider.lookup("charge:1", alice)
    assert len(twin.charges(customer="alice")) == 1
    with pytest.raises(IdempotencyMismatch):
        provider.charge(wanted(alice, card, amount_minor=1191))
    assert provider.lookup("charge:2", alice) is None
    assert provider.lookup("charge:1") is None


def test_stripe_forgets_a_key_after_a_day_and_the_charge_is_found_still(
    provider: StripeProvider, twin: Twin, alice: str
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    result = provider.charge(wanted(alice, card))
    twin.shift_seconds = 3 * 24 * 3600
    assert provider.lookup("charge:1", alice) == result


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("generic_decline", ("general_decline", False)),
        ("processing_error", ("general_decline", False)),
        ("insufficient_funds", ("lack_of_funds", False)),
        ("card_velocity_exceeded", ("lack_of_funds", False)),
        ("expired_card", ("expired_card", False)),
        ("incorrect_cvc", ("invalid_details", False)),
        ("lost_card", ("fraud", True)),
        ("stolen_card", ("fraud", True)),
        ("fraudulent", ("fraud", True)),
        ("card_not_supported", ("invalid_card", True)),
        ("do_not_honor", ("contact_provider", False)),
    ],
)
def test_a_decline_has_one_of_the_eight_words(
    provider: StripeProvider, twin: Twin, alice: str, code: str, expected: tuple[str, bool]
) -> None:
    card = card_that(twin, provider, alice, Card(charge_code=code))
    result = provider.charge(wanted(alice, card))
    assert (result.outcome, result.reason, result.hard) == ("declined", *expected)
    assert result.amount_minor == 0
    assert result.reference.startswith("pi_")
    assert result.message
    assert provider.charge(wanted(alice, card)) == result
    found = provider.lookup("charge:1", alice)
    assert found is not None
    assert (found.outcome, found.reason) == ("declined", expected[0])


def test_a_bank_that_wants_the_customer_gives_a_link_to_the_same_charge(
    provider: StripeProvider, twin: Twin, alice: str
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_authenticationRequired").reference
    result = provider.charge(wanted(alice, card))
    assert (result.outcome, result.reason) == (Outcome.AUTHENTICATION_REQUIRED, "authentication_required")
    assert result.authentication_url == f"https://hooks.stripe.com/redirect/authenticate/{result.reference}"
    assert provider.charge(wanted(alice, card)) == result == provider.lookup("charge:1", alice)
    twin.state.settle_intent(result.reference)
    found = provider.lookup("charge:1", alice)
    assert found is not None
    assert (found.outcome, found.reference) == ("succeeded", result.reference)


def test_a_card_that_is_gone_and_an_amount_too_small_are_declined(
    provider: StripeProvider, twin: Twin, alice: str
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    small = provider.charge(wanted(alice, card, "charge:small", 49))
    assert (small.outcome, small.reason) == ("declined", "general_decline")
    provider.detach(card)
    provider.detach(card)
    provider.detach("pm_nobody")
    result = provider.charge(wanted(alice, card))
    assert (result.outcome, result.reason) == ("declined", "invalid_details")
    assert not twin.state.intents


def test_a_charge_under_way_is_pending(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    twin.state.processing.add(card)
    assert provider.charge(wanted(alice, card)).outcome is Outcome.PENDING
    (intent,) = twin.state.intents
    twin.state.settle_intent(intent)
    found = provider.lookup("charge:1", alice)
    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(("trouble", "charges"), [("lose_answer", 1), ("lose_request", 0), ("hold", 0), ("fail", 0)])
def test_a_lost_answer_is_an_unknown_outcome_and_the_same_key_ends_it(
    provider: StripeProvider, twin: Twin, alice: str, trouble: str, charges: int
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    twin.trouble = [("POST payment_intents", trouble)]
    with pytest.raises(OutcomeUnknown):
        provider.charge(wanted(alice, card))
    assert len(twin.charges()) == charges
    assert (provider.lookup("charge:1", alice) is not None) == bool(charges)
    twin.release()
    assert provider.charge(wanted(alice, card)).outcome is Outcome.SUCCEEDED
    assert len(twin.charges()) == 1


def test_a_request_that_the_network_doubles_takes_money_once(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    twin.trouble = [("POST payment_intents", "double")]
    assert provider.charge(wanted(alice, card)).outcome is Outcome.SUCCEEDED
    assert len(twin.charges()) == 1


def test_what_is_turned_away_at_the_door_did_not_happen(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    twin.trouble = [("POST payment_intents", "limit"), ("GET payment_intents", "fail")]
    with pytest.raises(ProviderUnavailable):
        provider.charge(wanted(alice, card))
    with pytest.raises(ProviderUnavailable):
        provider.lookup("charge:1", alice)
    stranger = StripeProvider(StripeAccount("sk_test_stranger", api_base=twin.api_base))
    with pytest.raises(ProviderUnavailable, match="Invalid API Key"):
        stranger.charge(wanted(alice, card))
    refused = StripeProvider(StripeAccount(API_KEY, api_base=twin.api_base, refusal="It is a live key."))
    with pytest.raises(ProviderUnavailable, match="live key"):
        refused.charge(wanted(alice, card))
    assert not twin.state.intents


def test_charges_are_listed_over_pages_and_only_ours(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    for number in range(101):
        twin.answer("POST", "payment_intents", _told(alice, card, f"charge:{number}"), f"charge:{number}")
    twin.answer("POST", "payment_intents", _told(alice, card, ""), "")
    listed = list(provider.list_charges(SINCE))
    assert {one.idempotency_key for one in listed} == {f"charge:{number}" for number in range(101)}
    assert {(one.asked_minor, one.currency, one.result.amount_minor) for one in listed} == {(1190, "EUR", 1190)}
    assert not list(provider.list_charges(datetime(2100, 1, 1, tzinfo=UTC)))
    found = provider.lookup("charge:0", alice)
    assert found is not None


def _told(alice: str, card: str, key: str) -> dict[str, object]:
    metadata = {words.KEY: key} if key else {}
    return {
        "amount": "1190",
        "currency": "eur",
        "customer": alice,
        "payment_method": card,
        "confirm": "true",
        "off_session": "true",
        "metadata": metadata,
    }


def test_refunds_are_given_once_for_a_key_and_never_above_the_charge(
    provider: StripeProvider, twin: Twin, alice: str
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    charge = provider.charge(wanted(alice, card)).reference
    half = RefundRequest("refund:1", charge, 590, "EUR")
    result = provider.refund(half)
    assert result.outcome is RefundOutcome.ISSUED
    assert provider.refund(half) == result == provider.find_refund("refund:1", charge)
    with pytest.raises(IdempotencyMismatch):
        provider.refund(RefundRequest("refund:1", charge, 591, "EUR"))
    with pytest.raises(RefundRefused, match="greater"):
        provider.refund(RefundRequest("refund:2", charge, 601, "EUR"))
    assert provider.refund(RefundRequest("refund:2", charge, 600, "EUR")).outcome is RefundOutcome.ISSUED
    with pytest.raises(RefundRefused, match="already"):
        provider.refund(RefundRequest("refund:3", charge, 1, "EUR"))
    with pytest.raises(RefundRefused, match="No such"):
        provider.refund(RefundRequest("refund:4", "pi_nobody", 1, "EUR"))
    assert provider.find_refund("refund:3", charge) is None
    assert twin.state.refunded(charge) == 1190
    assert [one.amount_minor for one in provider.list_refunds(SINCE)] == [600, 590]


@pytest.mark.parametrize(("trouble", "found"), [("lose_answer", True), ("lose_request", False)])
def test_a_refund_without_an_answer(
    provider: StripeProvider, twin: Twin, alice: str, trouble: str, found: bool
) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    charge = provider.charge(wanted(alice, card)).reference
    twin.trouble = [("POST refunds", trouble)]
    with pytest.raises(OutcomeUnknown):
        provider.refund(RefundRequest("refund:1", charge, 590, "EUR"))
    assert (provider.find_refund("refund:1", charge) is not None) == found
    provider.refund(RefundRequest("refund:1", charge, 590, "EUR"))
    assert twin.state.refunded(charge) == 590


@pytest.mark.parametrize(
    ("token", "outcome"),
    [("pm_card_pendingRefund", RefundOutcome.PENDING), ("pm_card_refundFail", RefundOutcome.REJECTED)],
)
def test_a_refund_that_is_not_paid_out(
    provider: StripeProvider, alice: str, token: str, outcome: RefundOutcome
) -> None:
    card = provider.attach(customer_reference=alice, token=token).reference
    charge = provider.charge(wanted(alice, card)).reference
    result = provider.refund(RefundRequest("refund:1", charge, 590, "EUR"))
    assert (result.outcome, bool(result.message)) == (outcome, outcome is RefundOutcome.REJECTED)


def test_a_dispute_tells_what_is_held_back_and_what_it_costs(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_createDispute").reference
    charge = provider.charge(wanted(alice, card)).reference
    (facts,) = provider.list_disputes(SINCE)
    assert (facts.charge_reference, facts.stage) == (charge, DisputeStage.NEEDS_RESPONSE)
    assert (facts.amount_minor, facts.held_minor, facts.fee_minor, facts.currency) == (1190, 1190, 1500, "EUR")
    twin.state.move_dispute(facts.reference, "won")
    won = provider.read_dispute(facts.reference)
    assert won is not None
    assert (won.stage, won.held_minor, won.fee_minor) == (DisputeStage.WON, 0, 1500)
    assert provider.read_dispute("dp_nobody") is None


def test_amounts_booked_in_another_currency_are_told_in_the_charges_own() -> None:
    booked = [{"amount": -1200, "fee": 1800, "currency": "usd"}]
    dispute = {
        "id": "dp_1",
        "amount": 1000,
        "currency": "eur",
        "status": "lost",
        "created": 1,
        "balance_transactions": booked,
    }
    facts = words.dispute_facts(dispute)
    assert (facts.held_minor, facts.fee_minor) == (1000, 1500)


def test_objects_are_read_as_they_stand(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    charge = provider.charge(wanted(alice, card)).reference
    listed = provider.read_charge(charge)
    assert listed is not None
    assert (listed.idempotency_key, listed.result.fee_minor) == ("charge:1", 43)
    kept = provider.read_card(card)
    assert kept is not None
    assert kept.customer_reference == alice
    provider.detach(card)
    gone = provider.read_card(card)
    assert gone is not None
    assert gone.customer_reference == ""
    mandate = provider.read_mandate(twin.state.set_mandate(card, "inactive")["id"])
    assert mandate is not None
    assert (mandate.card_reference, mandate.is_active) == (card, False)
    assert provider.read_charge("pi_nobody") is provider.read_refund("re_nobody") is provider.read_card("pm_no") is None


def test_an_event_is_believed_when_its_raw_body_is_signed(provider: StripeProvider, twin: Twin, alice: str) -> None:
    card = provider.attach(customer_reference=alice, token="pm_card_visa").reference
    provider.charge(wanted(alice, card))
    event = twin.state.events[-1]
    body, headers = twin.signed(event)
    notice = provider.parse_webhook(body, headers)
    assert (notice.event_id, notice.type, notice.subject) == (event["id"], "payment_intent.succeeded", Subject.CHARGE)
    assert notice.reference == event["data"]["object"]["id"]
    assert provider.parse_webhook(body, headers) == notice
    with pytest.raises(WebhookRefused):
        provider.parse_webhook(body.replace(b"1190", b"1191"), headers)
    with pytest.raises(WebhookRefused):
        provider.parse_webhook(body, {})
    with pytest.raises(WebhookRefused):
        provider.parse_webhook(body, twin.signed(event, at=int(time.time()) - 301)[1])
    with pytest.raises(WebhookRefused):
        provider.parse_webhook(body, twin.signed(event, secret="whsec_another")[1])


def test_two_secrets_are_valid_while_one_replaces_the_other(twin: Twin) -> None:
    provider = StripeProvider(StripeAccount(API_KEY, ("whsec_new", "whsec_old")))
    event = twin.state.emit("payout.paid", {"id": "po_1", "object": "payout"})
    for secret in ("whsec_new", "whsec_old"):
        assert provider.parse_webhook(*twin.signed(event, secret=secret)).subject is Subject.OTHER


@pytest.mark.parametrize("body", [b"[]", b"{}", b"no JSON", b'{"id": "evt_1", "type": "x", "data": {"object": 1}}'])
def test_what_is_no_event_is_refused_however_well_it_is_signed(twin: Twin, body: bytes) -> None:
    import stripe

    header = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)
    with pytest.raises(WebhookRefused, match="no event"):
        StripeProvider(StripeAccount(API_KEY, (SECRET,))).parse_webhook(body, {"Stripe-Signature": header})


def test_an_event_of_the_other_mode_is_refused(twin: Twin) -> None:
    event = {**twin.state.emit("payout.paid", {"id": "po_1"}), "livemode": True}
    with pytest.raises(WebhookRefused, match="other mode"):
        StripeProvider(StripeAccount(API_KEY, (SECRET,))).parse_webhook(*twin.signed(event))


def test_no_key_stands_in_what_an_account_shows() -> None:
    shown = repr(StripeAccount(API_KEY, (SECRET,)))
    assert API_KEY not in shown
    assert SECRET not in shown
