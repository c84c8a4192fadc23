"""What invoices and credit notes post (Billing rules, section 9)."""

import uuid
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal
from invoicing.domain.discounts import Voucher
from invoicing.domain.postings import credit_note_entry, invoice_entry
from ledger.domain.entry import EntryDraft
from subscriptions.domain.terms import ARREARS
from tests.bills import at, bill, but, half, once, per_call, per_seat, used
from tests.histories import account, start

DOCUMENT = uuid.UUID(int=50)
NOW = at("2026-01-31")


def sides(entry: EntryDraft) -> dict[str, int]:
    """Amounts by account, and the country behind the tax."""
    return {f"{one.account} {one.country}".strip(): one.amount_minor for one in entry.postings}


def first_paper(*prices: object, customer: Account | None = None) -> Proposal:
    (paper,) = bill(start([(price, 1) for price in prices], NOW, zone="UTC"), customer=customer).proposals  # type: ignore[misc]
    return paper


class TestInvoices:
    def test_in_advance_is_deferred_and_the_rest_is_revenue(self) -> None:
        entry = invoice_entry(first_paper(per_seat(1000), once(500)), DOCUMENT, NOW)
        assert sides(entry) == {"receivable": 1785, "deferred_revenue": -1000, "revenue": -500, "tax_payable DE": -285}
        assert (entry.kind, entry.object_id, entry.posted_at) == ("invoice", DOCUMENT, NOW)
        assert entry.accounting_date == date(2026, 1, 31)

    def test_in_arrears_is_revenue(self) -> None:
        history = bill(
            start([(per_seat(1000, timing=ARREARS), 1), (per_call(), 1)], NOW, zone="UTC"),
            "2026-02-28",
            usage=[used(7, "2026-02-01")],
        )
        assert sides(invoice_entry(history.proposals[0], DOCUMENT, NOW)) == {
            "receivable": 1273,
            "revenue": -1070,
            "tax_payable DE": -203,
        }

    @pytest.mark.parametrize(
        ("balance", "expected"),
        [
            (100, {"receivable": 1090, "customer_balance": 100}),
            (5000, {"customer_balance": 1190}),
            (-100, {"receivable": 1290, "customer_balance": -100}),
        ],
    )
    def test_what_the_balance_pays_is_no_receivable(self, balance: int, expected: dict[str, int]) -> None:
        paper = first_paper(per_seat(1000), customer=account(balances={"EUR": balance}))
        entry = invoice_entry(paper, DOCUMENT, NOW)
        assert sides(entry) == {**expected, "deferred_revenue": -1000, "tax_payable DE": -190}

    def test_a_discount_is_less_revenue(self) -> None:
        entry = invoice_entry(first_paper(per_seat(1000), customer=account(half())), DOCUMENT, NOW)
        assert sides(entry) == {"receivable": 595, "deferred_revenue": -500, "tax_payable DE": -95}

    def test_all_given_away_posts_nothing(self) -> None:
        everything = Voucher("all", "r", "percentage", percent=Decimal(100), duration="forever")
        assert invoice_entry(first_paper(per_seat(1000), customer=account(everything)), DOCUMENT, NOW).postings == ()

    def test_only_the_customers_own_accounts_name_the_customer(self) -> None:
        paper = first_paper(per_seat(1000), customer=account(balances={"EUR": 100}))
        named = {one.account: one.customer_id for one in invoice_entry(paper, DOCUMENT, NOW).postings}
        assert {name for name, customer_id in named.items() if customer_id} == {"receivable", "customer_balance"}


class TestCreditNotes:
    """Three seats of 3000, two gone on day 0, July is 3000: -6000 + 3000, 19 %."""

    @pytest.fixture
    def note(self) -> Proposal:
        agreement = start([(per_seat(3000), 3)], at("2026-06-01"), zone="UTC")
        return bill(agreement, "2026-07-01", seats=[("2026-06-01 12:00", -2)]).proposals[1]

    @pytest.mark.parametrize(
        ("to_invoices", "expected"),
        [
            (0, {"customer_balance": -3570}),
            (3570, {"receivable": -3570}),
            (1000, {"receivable": -1000, "customer_balance": -2570}),
        ],
    )
    def test_what_lowers_invoices_is_no_balance(
        self, note: Proposal, to_invoices: int, expected: dict[str, int]
    ) -> None:
        entry = credit_note_entry(note, DOCUMENT, NOW, to_invoices_minor=to_invoices)
        assert sides(entry) == {**expected, "revenue": 6000, "deferred_revenue": -3000, "tax_payable DE": 570}
        assert entry.kind == "credit_note"

    def test_a_debit_stays_on_the_balance(self, note: Proposal) -> None:
        """What is owed on top is settled against the credit there, in one sum."""
        owing = but(note, account=account(balances={"EUR": -400}))
        entry = credit_note_entry(owing, DOCUMENT, NOW, to_invoices_minor=0)
        assert sides(entry)["customer_balance"] == -3570


def test_every_entry_balances_whatever_meets_on_the_paper() -> None:
    customer = account(half(), balances={"EUR": 333})
    prices = (per_seat(999), per_seat(1199, including_tax=True), once(7), per_seat(0))
    entry = invoice_entry(first_paper(*prices, customer=customer), DOCUMENT, NOW)
    sums: Counter[str] = Counter()
    for posting in entry.postings:
        sums[posting.currency] += posting.amount_minor
    assert sums == {"EUR": 0}
    assert all(posting.amount_minor for posting in entry.postings)
