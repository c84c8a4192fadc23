"""Killed at any point of refunding and resumed: money is given back once, the rows are those of an undisturbed run."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from billing.models import Payment, Refund
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.operations.refunding import pay_out_due, refund_payment
from billing.operations.refunds import RefundWanted
from billing.providers.base import RefundOutcome
from billing.providers.pacing import Pace
from core.models import OutboxEvent
from invoicing.models import CreditNote
from ledger.models import CustomerBalance, Posting
from tests.books import assert_books_balance
from tests.cast import JANUARY, Company, make_company
from tests.factories import make_due_charge
from tests.forked import Worker, killed_at
from tests.sandbox import records

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

BEFORE_COMMIT = ["refunding.starting", "giving_back.stored"]
AFTER_COMMIT = [
    "refunding.started",
    "refunding.claimed",
    "refunding.before_call",
    "sandbox.refunded",
    "refunding.answered",
    "refunding.settling",
    "refunding.settled",
]
TOKENS = ["tok_visa", "tok_refund_timeout", "tok_refund_rejected", "tok_refund_pending"]


@pytest.fixture(autouse=True)
def healthy_provider() -> Iterator[None]:
    Pace("sandbox").note_answer()
    yield
    Pace("sandbox").note_answer()


@pytest.fixture
def company() -> Company:
    return make_company()


def paid(company: Company, token: str) -> Payment:
    make_due_charge(company, token=token)
    charge_due(JANUARY)
    return Payment.objects.get()


def refund(payment: Payment) -> None:
    """Give back 5.00 of it."""
    refund_payment(RefundWanted(payment.id, 500, "EUR"), now=JANUARY)


def resume() -> None:
    """Go on as the sweep does once the leases of the killed worker ran out."""
    for _ in range(3):
        Refund.objects.filter(lease_until__isnull=False).update(lease_until=JANUARY)
        pay_out_due(JANUARY, limit=10)


def picture(payment: Payment) -> dict[str, Any]:
    """Return everything that must not depend on a kill: rows but for ids, and what the provider has."""
    payment.refresh_from_db()
    charge = payment.external_reference
    kept = [one for one in records().list_refunds() if one.charge_reference == charge]
    return {
        "payment": (payment.status, payment.refunded_minor),
        "refunds": list(Refund.objects.values_list("number", "status", "amount_minor", "failure_message")),
        "notes": list(CreditNote.objects.values_list("number", "total_minor", "refunded_minor")),
        "balance": list(CustomerBalance.objects.values_list("balance_minor", "receivable_minor")),
        # That the provider took it on is told when it is known before the outcome.
        "facts": set(OutboxEvent.objects.filter(type__startswith="refund").values_list("type", flat=True)),
        "postings": Counter(Posting.objects.values_list("account", "amount_minor")),
        "given_back": [one.amount_minor for one in kept if one.result.outcome is not RefundOutcome.REJECTED],
        "arrived": len(kept),
    }


def undisturbed(token: str) -> dict[str, Any]:
    """Return what an undisturbed refund of 500 of 11.90 leaves, written down: the token decides it."""
    rejected = token == "tok_refund_rejected"
    settled = ("customer_balance", -500) if rejected else ("provider_clearing", -500)
    return {
        "payment": ("completed", 0) if rejected else ("partially_refunded", 500),
        "refunds": [
            (1, "rejected" if rejected else "issued", 500, "The card's account is closed." if rejected else "")
        ],
        "notes": [("CN-2026-000001", 500, 500)],
        "balance": [(500 if rejected else 0, 0)],
        "facts": {"refund.created", "refund.updated"},
        "postings": Counter(
            {
                ("receivable", 1190): 1,
                ("revenue", -1000): 1,
                ("tax_payable", -190): 1,
                ("receivable", -1190): 1,
                ("provider_clearing", 1172): 1,
                ("processor_fees", 18): 1,
                ("revenue", 420): 1,
                ("tax_payable", 80): 1,
                ("refunds_payable", -500): 1,
                ("refunds_payable", 500): 1,
                settled: 1,
            }
        ),
        "given_back": [] if rejected else [500],
        "arrived": 1,
    }


@pytest.mark.parametrize("token", TOKENS)
def test_an_undisturbed_refund_is_what_the_others_are_held_against(company: Company, token: str) -> None:
    payment = paid(company, token)
    Worker(partial(refund, payment)).result()
    resume()
    assert picture(payment) == undisturbed(token)


KILLS = [(point, "tok_visa") for point in AFTER_COMMIT]
KILLS += [("sandbox.refunded", token) for token in TOKENS[1:]] + [("refunding.settling", "tok_refund_rejected")]


@pytest.mark.parametrize(("point", "token"), KILLS)
def test_killed_and_resumed_is_the_undisturbed_refund(company: Company, point: str, token: str) -> None:
    payment = paid(company, token)
    killed_at(point, partial(refund, payment))
    resume()
    assert picture(payment) == undisturbed(token)
    assert_books_balance()
    assert [breach for breach in check_books(now=JANUARY) if "agenda" not in breach.proof] == []


@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_killed_before_the_commit_nothing_was_asked(company: Company, point: str) -> None:
    payment = paid(company, "tok_visa")
    killed_at(point, partial(refund, payment))
    resume()
    assert not Refund.objects.exists()
    assert not CreditNote.objects.exists()
    assert not [one for one in records().list_refunds() if one.charge_reference == payment.external_reference]
    # The number was not burnt.
    Worker(partial(refund, payment)).result()
    assert picture(payment) == undisturbed("tok_visa")
