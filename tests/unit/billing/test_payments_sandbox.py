"""The sandbox keeps its word: one key, one charge, whatever is asked, by whomever, however often."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from billing.domain.payments import FailureReason
from billing.providers.base import (
    ChargeRequest,
    CustomerFacts,
    IdempotencyMismatch,
    NotSupported,
    Outcome,
    OutcomeUnknown,
    ProviderUnavailable,
    RefundOutcome,
    RefundRefused,
    RefundRequest,
    RefundResult,
    TokenRefused,
)
from billing.providers.manual import ManualProvider
from billing.providers.registry import UnknownProvider, card_provider_name, get_provider
from billing.providers.sandbox import SandboxConduct, SandboxProvider, fee_minor
from billing.providers.sandbox_cards import CARDS
from billing.providers.sandbox_store import SandboxStore

ALICE = "alice"


@pytest.fixture
def store(tmp_path: Path) -> SandboxStore:
    return SandboxStore(tmp_path / "sandbox" / "records.sqlite3")


@pytest.fixture
def sandbox(store: SandboxStore) -> SandboxProvider:
    return SandboxProvider(store)


def request(
    sandbox: SandboxProvider, token: str = "tok_visa", *, key: str = "key", amount_minor: int = 1000
) -> ChargeRequest:
    card = sandbox.attach(customer_reference="cus_1", token=token)
    return ChargeRequest(key, amount_minor, "EUR", "cus_1", card.reference, {"customer": ALICE})


def test_the_same_key_gets_the_same_answer_and_one_capture(sandbox: SandboxProvider) -> None:
    wanted = request(sandbox)
    first = sandbox.charge(wanted)
    assert (first.outcome, first.amount_minor, first.currency, first.fee_minor) == (Outcome.SUCCEEDED, 1000, "EUR", 15)
    assert sandbox.charge(wanted) == first == sandbox.lookup("key")
    assert sandbox.store.count_captures(customer=ALICE) == 1
    assert sandbox.store.count_arrivals("key") == 2


def test_the_same_key_for_another_charge_is_an_error(sandbox: SandboxProvider) -> None:
    wanted = request(sandbox)
    sandbox.charge(wanted)
    with pytest.raises(IdempotencyMismatch):
        sandbox.charge(request(sandbox))
    with pytest.raises(IdempotencyMismatch):
        sandbox.charge(ChargeRequest("key", 1001, "EUR", "cus_1", wanted.card_reference))
    with pytest.raises(IdempotencyMismatch):
        sandbox.charge(ChargeRequest("key", 1000, "USD", "cus_1", wanted.card_reference))
    assert sandbox.store.count_captures(customer=ALICE) == 1


def test_many_threads_with_one_key_capture_once(sandbox: SandboxProvider) -> None:
    wanted = request(sandbox)
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: sandbox.charge(wanted).reference, range(40)))
    assert len(answers) == 1
    assert len(sandbox.store.list_charges(customer=ALICE)) == 1


def test_the_records_outlive_the_object(sandbox: SandboxProvider) -> None:
    sandbox.charge(request(sandbox))
    again = SandboxProvider(SandboxStore(sandbox.store.path))
    found = again.lookup("key")
    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED
    assert again.lookup("never") is None


@pytest.mark.parametrize(
    ("token", "reason", "hard"),
    [
        ("tok_declined", FailureReason.GENERAL_DECLINE, False),
        ("tok_lack_of_funds", FailureReason.LACK_OF_FUNDS, False),
        ("tok_expired", FailureReason.EXPIRED_CARD, False),
        ("tok_fraud", FailureReason.FRAUD, True),
        ("tok_invalid_card", FailureReason.INVALID_CARD, True),
        ("tok_invalid_details", FailureReason.INVALID_DETAILS, False),
        ("tok_contact_provider", FailureReason.CONTACT_PROVIDER, False),
    ],
)
def test_cards_decline_for_their_reason(
    sandbox: SandboxProvider, token: str, reason: FailureReason, hard: bool
) -> None:
    answer = sandbox.charge(request(sandbox, token))
    assert (answer.outcome, answer.reason, answer.hard, answer.amount_minor) == (Outcome.DECLINED, reason, hard, 0)
    assert sandbox.store.count_captures(customer=ALICE) == 0


def test_every_reason_has_a_card() -> None:
    reasons = {card.reason for card in CARDS.values()}
    assert reasons == set(FailureReason)


def test_a_bank_that_asks_the_customer_gives_a_link(sandbox: SandboxProvider) -> None:
    answer = sandbox.charge(request(sandbox, "tok_authentication_required"))
    assert answer.outcome is Outcome.AUTHENTICATION_REQUIRED
    assert answer.authentication_url.endswith(answer.reference)


def test_what_waits_for_its_customer_is_withdrawn_and_nothing_else(sandbox: SandboxProvider) -> None:
    asked, paid = request(sandbox, "tok_authentication_required"), request(sandbox, "tok_visa", key="paid")
    sandbox.charge(asked)
    withdrawn = [sandbox.withdraw(asked.idempotency_key) for _ in range(2)]
    assert [one.outcome for one in withdrawn if one is not None] == [Outcome.DECLINED] * 2
    assert sandbox.withdraw("never-heard-of") is None
    sandbox.charge(paid)
    assert sandbox.withdraw("paid") == sandbox.lookup("paid")


def test_a_card_that_pays_once(sandbox: SandboxProvider) -> None:
    first = request(sandbox, "tok_declined_after_first")
    second = ChargeRequest("other", 500, "EUR", "cus_1", first.card_reference, {"customer": ALICE})
    answers = [sandbox.charge(wanted).outcome for wanted in (first, second, first)]
    assert answers == [Outcome.SUCCEEDED, Outcome.DECLINED, Outcome.SUCCEEDED]


def test_a_lost_answer_is_a_charge_and_a_lost_request_is_none(sandbox: SandboxProvider) -> None:
    captured, lost = request(sandbox, "tok_timeout", key="captured"), request(sandbox, "tok_timeout_lost", key="lost")
    for wanted in (captured, lost):
        with pytest.raises(OutcomeUnknown):
            sandbox.charge(wanted)
    assert sandbox.lookup("captured") is not None
    assert sandbox.lookup("lost") is None
    assert [sandbox.charge(wanted).outcome for wanted in (captured, lost)] == [Outcome.SUCCEEDED] * 2
    assert sandbox.store.count_captures(customer=ALICE) == 2


@pytest.mark.parametrize(("token", "outcome"), [("tok_pending", "succeeded"), ("tok_pending_declined", "declined")])
def test_a_pending_charge_is_known_when_asked_for(sandbox: SandboxProvider, token: str, outcome: str) -> None:
    assert sandbox.charge(request(sandbox, token)).outcome is Outcome.PENDING
    assert sandbox.store.count_captures(customer=ALICE) == 0
    for _ in range(2):
        found = sandbox.lookup("key")
        assert found is not None
        assert found.outcome == outcome


def test_a_detached_or_foreign_card_declines(sandbox: SandboxProvider) -> None:
    wanted = request(sandbox)
    sandbox.detach(wanted.card_reference)
    sandbox.detach(wanted.card_reference)
    assert sandbox.charge(wanted).reason is FailureReason.INVALID_DETAILS
    for foreign in ("pm_1", "card_", "card_visa", "card_nobody_1"):
        answer = sandbox.charge(ChargeRequest(foreign, 5, "EUR", "cus_1", foreign))
        assert answer.reason is FailureReason.INVALID_DETAILS


@pytest.mark.parametrize("token", ["tok_invalid", "tok_nothing", "visa", "", "tok_visa_exp_0027"])
def test_tokens_are_refused(sandbox: SandboxProvider, token: str) -> None:
    with pytest.raises(TokenRefused):
        sandbox.attach(customer_reference="cus_1", token=token)


def test_a_token_can_say_when_its_card_expires(sandbox: SandboxProvider) -> None:
    card = sandbox.attach(customer_reference="cus_1", token="tok_lack_of_funds_exp_0327")
    assert (card.expiry_month, card.expiry_year) == (3, 2027)
    wanted = ChargeRequest("key", 5, "EUR", "cus_1", card.reference)
    assert sandbox.charge(wanted).reason is FailureReason.LACK_OF_FUNDS


def test_a_customer_is_made_once_per_key(sandbox: SandboxProvider) -> None:
    facts = CustomerFacts("alice@example.com", "Alice")
    references = [sandbox.create_customer(facts, idempotency_key=key) for key in ("a", "a", "b")]
    assert references[0] == references[1] != references[2]


def test_an_unavailable_sandbox_does_nothing(store: SandboxStore) -> None:
    wanted = request(SandboxProvider(store))
    away = SandboxProvider(store, SandboxConduct(unavailable=True))
    with pytest.raises(ProviderUnavailable):
        away.charge(wanted)
    with pytest.raises(ProviderUnavailable):
        away.lookup("key")
    with pytest.raises(ProviderUnavailable):
        SandboxProvider(store).charge(request(SandboxProvider(store), "tok_unavailable"))
    assert store.count_arrivals("key") == 0


def test_faults_on_demand_fall_on_the_same_keys_each_time(store: SandboxStore) -> None:
    conduct = SandboxConduct(timeout_percent=20, decline_percent=10)
    sandbox = SandboxProvider(store, conduct)
    unknown, declined = set(), set()
    card = sandbox.attach(customer_reference="cus_1", token="tok_visa").reference
    requests = [ChargeRequest(f"key {n}", 100, "EUR", "cus_1", card, {"customer": ALICE}) for n in range(300)]
    for wanted in requests:
        try:
            if sandbox.charge(wanted).outcome is Outcome.DECLINED:
                declined.add(wanted.idempotency_key)
        except OutcomeUnknown:
            unknown.add(wanted.idempotency_key)
    assert 30 < len(unknown) < 90
    assert 10 < len(declined) < 50
    lost = {key for key in unknown if sandbox.lookup(key) is None}
    assert 0 < len(lost) < len(unknown)
    for wanted in requests:
        sandbox.charge(wanted)
    assert len(store.list_charges(customer=ALICE)) == 300


def test_refunds_stay_within_the_charge(sandbox: SandboxProvider) -> None:
    charge = sandbox.charge(request(sandbox))
    half = RefundRequest("refund 1", charge.reference, 600, "EUR")
    first = sandbox.refund(half)
    assert first.outcome is RefundOutcome.ISSUED
    assert sandbox.find_refund("refund 1") == first
    assert sandbox.find_refund("refund 2") is None
    assert sandbox.refund(half) == first
    with pytest.raises(IdempotencyMismatch):
        sandbox.refund(RefundRequest("refund 1", charge.reference, 601, "EUR"))
    for key, amount_minor, currency in (("a", 401, "EUR"), ("b", 0, "EUR"), ("c", 400, "USD")):
        with pytest.raises(RefundRefused):
            sandbox.refund(RefundRequest(key, charge.reference, amount_minor, currency))
    with pytest.raises(RefundRefused):
        sandbox.refund(RefundRequest("d", "ch_unknown", 1, "EUR"))
    sandbox.refund(RefundRequest("refund 2", charge.reference, 400, "EUR"))
    with pytest.raises(RefundRefused):
        sandbox.refund(RefundRequest("refund 3", charge.reference, 1, "EUR"))


@pytest.mark.parametrize(
    ("token", "first", "asked"),
    [
        ("tok_refund_rejected", RefundOutcome.REJECTED, RefundOutcome.REJECTED),
        ("tok_refund_pending", RefundOutcome.PENDING, RefundOutcome.ISSUED),
        ("tok_refund_pending_rejected", RefundOutcome.PENDING, RefundOutcome.REJECTED),
    ],
)
def test_a_card_decides_what_becomes_of_its_refunds(
    sandbox: SandboxProvider, token: str, first: RefundOutcome, asked: RefundOutcome
) -> None:
    charge = sandbox.charge(request(sandbox, token))
    wanted = RefundRequest("refund 1", charge.reference, 1000, "EUR")
    assert sandbox.refund(wanted).outcome is first
    found = sandbox.find_refund("refund 1")
    assert found is not None
    assert (found.outcome, bool(found.message)) == (asked, asked is RefundOutcome.REJECTED)
    # What was rejected was never given back: the charge has it still.
    again = RefundRequest("refund 2", charge.reference, 1000, "EUR")
    if asked is RefundOutcome.REJECTED:
        sandbox.refund(again)
    else:
        with pytest.raises(RefundRefused):
            sandbox.refund(again)


@pytest.mark.parametrize(("token", "arrived"), [("tok_refund_timeout", True), ("tok_refund_timeout_lost", False)])
def test_the_first_answer_to_a_refund_may_be_lost(sandbox: SandboxProvider, token: str, arrived: bool) -> None:
    charge = sandbox.charge(request(sandbox, token))
    wanted = RefundRequest("refund 1", charge.reference, 400, "EUR")
    with pytest.raises(OutcomeUnknown):
        sandbox.refund(wanted)
    assert (sandbox.find_refund("refund 1") is not None) == arrived
    assert sandbox.refund(wanted) == sandbox.find_refund("refund 1")
    assert [kept.amount_minor for kept in sandbox.store.list_refunds()] == [400]


@pytest.mark.parametrize(("amount", "fee"), [(1, 0), (33, 0), (34, 1), (100, 2), (1190, 18)])
def test_the_fee_is_one_and_a_half_percent(amount: int, fee: int) -> None:
    assert fee_minor(amount) == fee


def test_no_card_number_is_kept_only_its_last_digits(sandbox: SandboxProvider) -> None:
    sandbox.charge(request(sandbox))
    kept = b"".join(path.read_bytes() for path in sandbox.store.path.parent.iterdir())
    assert b"4242424242424242" not in kept
    assert all(len(card.last_four) == 4 for card in CARDS.values())


def test_transfers_have_no_cards() -> None:
    manual = ManualProvider()
    assert manual.create_customer(CustomerFacts("", ""), idempotency_key="a") == ""
    assert manual.lookup("a") is None
    assert manual.refund(RefundRequest("r", "c", 1, "EUR")) == RefundResult(RefundOutcome.ISSUED)
    assert manual.find_refund("r") is None
    with pytest.raises(NotSupported):
        manual.create_setup_token("")
    with pytest.raises(NotSupported):
        manual.attach(customer_reference="", token="tok_visa")
    with pytest.raises(NotSupported):
        manual.detach("x")
    with pytest.raises(NotSupported):
        manual.charge(ChargeRequest("k", 1, "EUR", "", ""))


def test_providers_are_found_by_name() -> None:
    assert get_provider(card_provider_name()).name == "sandbox"
    assert get_provider("manual").name == "manual"
    with pytest.raises(UnknownProvider):
        get_provider("nobody")
