"""A document that contradicts itself cannot be built, and the error names the difference."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.document import (
    LOGO_LIMIT_BYTES,
    BrandLook,
    CreditUse,
    Document,
    DocumentKind,
    DocumentLine,
    DocumentPayment,
    DocumentStatus,
    LocalTax,
    Party,
    ProratedShare,
    TaxRow,
    TierSpan,
)

ALICE = Party(company="Alice GmbH", country="DE", tax_number="DE129273398")
BOB = Party(company="Bob Ltd", country="GB")
BRAND = BrandLook(name="Reckoner")


def line(net_minor: int = 1000, tax_minor: int = 190, **facts: Any) -> DocumentLine:
    """Return a line at 19 %."""
    values: dict[str, Any] = {
        "description": "Plan",
        "net_minor": net_minor,
        "tax_minor": tax_minor,
        "gross_minor": net_minor + tax_minor,
        "tax_rate": Decimal(19),
    }
    return DocumentLine(**(values | facts))


def document(**values: Any) -> Document:
    """Return an open invoice of two lines, 11.90 each."""
    facts: dict[str, Any] = {
        "kind": DocumentKind.INVOICE,
        "number": "INV-1",
        "status": DocumentStatus.OPEN,
        "issue_date": date(2026, 4, 1),
        "currency": "EUR",
        "locale": "en",
        "brand": BRAND,
        "seller": ALICE,
        "buyer": BOB,
        "lines": (line(), line()),
        "tax_rows": (TaxRow(rate=Decimal(19), net_minor=2000, tax_minor=380),),
        "sub_total_minor": 2000,
        "tax_total_minor": 380,
        "total_minor": 2380,
        "amount_due_minor": 2380,
    }
    return Document(**(facts | values))


def credit_note(**values: Any) -> Document:
    """Return a credit note over the same lines, half of it put on the balance."""
    facts: dict[str, Any] = {
        "kind": DocumentKind.CREDIT_NOTE,
        "number": "CN-1",
        "related_numbers": ("INV-1",),
        "amount_due_minor": 0,
        "credit_use": CreditUse(to_invoices_minor=1190, to_balance_minor=1190),
    }
    return document(**(facts | values))


def test_a_right_document_is_built() -> None:
    """The set-up every refusal below departs from in one value."""
    assert document().amount_due_minor == 2380
    assert credit_note().total_minor == 2380


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sub_total_minor": 2001, "total_minor": 2381}, "sub_total 2001 differs from its lines 2000 by 1"),
        ({"tax_total_minor": 379, "total_minor": 2379}, "tax_total 379 differs from its lines 380 by -1"),
        ({"discount_total_minor": 5}, "discount_total 5 differs from its lines 0 by 5"),
        (
            {"tax_rows": (TaxRow(rate=Decimal(19), net_minor=2000, tax_minor=381),)},
            "tax_total 380 differs from its tax rows 381 by -1",
        ),
        ({"total_minor": 2400}, "total 2400 differs from its net and tax 2380 by 20"),
        (
            {
                "payments": (DocumentPayment(date(2026, 4, 2), 300, "Card"),),
                "paid_minor": 380,
                "amount_due_minor": 2000,
            },
            "paid 380 differs from its payments 300 by 80",
        ),
        (
            {"balance_applied_minor": 80, "credited_minor": 300, "amount_due_minor": 1999},
            "amount_due 1999 differs from its total less balance, credits and payments 2000 by -1",
        ),
    ],
)
def test_sums_that_differ_are_refused_with_the_difference(values: dict[str, Any], words: str) -> None:
    """One value off by a little is named with both sums."""
    with pytest.raises(ValueError, match=words):
        document(**values)


def test_balance_credit_notes_and_payments_lower_what_is_due() -> None:
    """A debit raises it: billing rules, section 6."""
    document(balance_applied_minor=80, credited_minor=300, paid_minor=1000, amount_due_minor=1000)
    document(balance_applied_minor=-100, amount_due_minor=2480)


@pytest.mark.parametrize("status", [DocumentStatus.PAID, DocumentStatus.VOID])
def test_paid_and_void_owe_nothing(status: DocumentStatus) -> None:
    """The same document with everything credited may carry the status."""
    with pytest.raises(ValueError, match=f"a {status} document has 2380 due"):
        document(status=status)
    document(status=status, credited_minor=2380, amount_due_minor=0)


def test_only_a_draft_has_no_number() -> None:
    """Billing rules, section 8: a draft has no number."""
    with pytest.raises(ValueError, match="only a draft"):
        document(number="")
    document(number="", status=DocumentStatus.DRAFT)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"related_numbers": ()}, "names its invoice"),
        ({"credit_use": None}, "where its amount went"),
        ({"credit_use": CreditUse(refunded_minor=2379)}, "total 2380 differs from its credit use 2379 by 1"),
        ({"amount_due_minor": 1}, "no balance, payment or amount due"),
        ({"paid_minor": 1}, "no balance, payment or amount due"),
    ],
)
def test_a_credit_note_is_given_back_whole_and_asks_for_nothing(values: dict[str, Any], words: str) -> None:
    """It names its invoice, and its uses sum to its total."""
    with pytest.raises(ValueError, match=words):
        credit_note(**values)


def test_only_a_credit_note_says_where_its_amount_went() -> None:
    """An invoice that did would be read wrongly."""
    with pytest.raises(ValueError, match="only a credit note"):
        document(credit_use=CreditUse(to_balance_minor=2380))


@pytest.mark.parametrize("category", ["AE", "K"])
def test_reverse_charge_names_the_buyer_s_tax_number(category: str) -> None:
    """Billing rules, section 7."""
    untaxed = {
        "lines": (line(2000, 0, tax_rate=Decimal(0), tax_category=category),),
        "tax_rows": (TaxRow(rate=Decimal(0), category=category, net_minor=2000, tax_minor=0, reason="Reverse charge"),),
        "tax_total_minor": 0,
        "total_minor": 2000,
        "amount_due_minor": 2000,
    }
    with pytest.raises(ValueError, match="the buyer's tax number"):
        document(**untaxed)
    known = replace(BOB, tax_number="GB980780684")
    document(**untaxed, buyer=known)
    # A seller outside the EU may have none; what was issued must be readable.
    document(**untaxed, buyer=known, seller=replace(ALICE, country="US", tax_number=""))


@pytest.mark.parametrize("category", ["E", "AE", "K", "G", "O"])
def test_an_unexplained_zero_is_refused(category: str) -> None:
    """All but Z carry a reason: billing rules, section 7."""
    with pytest.raises(ValueError, match=f"tax category {category} needs a reason"):
        TaxRow(rate=Decimal(0), category=category, net_minor=1, tax_minor=0, reason=" ")
    TaxRow(rate=Decimal(0), category="Z", net_minor=1, tax_minor=0)


@pytest.mark.parametrize("rate", ["-1", "100.01", "NaN"])
def test_a_rate_is_a_percentage(rate: str) -> None:
    """Neither a line nor a tax row takes anything else."""
    with pytest.raises(ValueError, match="not a percentage"):
        line(tax_rate=Decimal(rate))
    with pytest.raises(ValueError, match="not a percentage"):
        TaxRow(rate=Decimal(rate), net_minor=0, tax_minor=0)


def test_a_line_adds_up_and_its_period_runs_forwards() -> None:
    """Net and tax make the gross; a single day is a period."""
    with pytest.raises(ValueError, match="is not gross"):
        line(gross_minor=1191)
    with pytest.raises(ValueError, match="before it starts"):
        line(period_start=date(2026, 3, 2), period_end=date(2026, 3, 1))
    with pytest.raises(ValueError, match="a first and a last day"):
        line(period_start=date(2026, 3, 2))
    line(period_start=date(2026, 3, 1), period_end=date(2026, 3, 1))


def test_the_supply_runs_forwards() -> None:
    """As a line's period does."""
    with pytest.raises(ValueError, match="the supply ends"):
        document(supply_start=date(2026, 3, 2), supply_end=date(2026, 3, 1))


def test_a_currency_and_a_country_are_known_codes() -> None:
    """Nobody could print another."""
    with pytest.raises(ValueError, match="ISO 4217"):
        document(currency="EURO")
    with pytest.raises(ValueError, match="two-letter"):
        Party(country="de")


@pytest.mark.parametrize("colour", ["red", "#fff", "#12345g", "#123456;}", "#123456\n"])
def test_a_colour_is_six_hexadecimal_digits(colour: str) -> None:
    """Anything else could smuggle a rule into the style sheet."""
    with pytest.raises(ValueError, match="#rrggbb"):
        BrandLook(name="B", colour=colour)
    with pytest.raises(ValueError, match="#rrggbb"):
        BrandLook(name="B", accent_colour=colour)


def test_a_logo_is_a_picture_of_a_known_kind_and_size() -> None:
    """A logo of the greatest size still passes."""
    with pytest.raises(ValueError, match="logo type"):
        BrandLook(name="B", logo=b"x", logo_type="text/html")
    with pytest.raises(ValueError, match="bytes is above"):
        BrandLook(name="B", logo=bytes(LOGO_LIMIT_BYTES + 1), logo_type="image/png")
    BrandLook(name="B", logo=bytes(LOGO_LIMIT_BYTES), logo_type="image/png")


@pytest.mark.parametrize(("number", "first", "last"), [(0, 1, 10), (1, -1, 10), (2, 11, 10)])
def test_a_tier_holds_units(number: int, first: int, last: int) -> None:
    """The open tier has no last unit."""
    with pytest.raises(ValueError, match="holds no units"):
        TierSpan(number, first, last)
    TierSpan(2, 11, None)


@pytest.mark.parametrize(("part", "whole"), [(-1, 30), (1, 0)])
def test_a_share_is_part_of_something(part: int, whole: int) -> None:
    """Nothing of a period is a share too; more than the whole happens with a paused period."""
    with pytest.raises(ValueError, match="no share"):
        ProratedShare(part, whole)
    ProratedShare(0, 30)


@pytest.mark.parametrize("rate", ["0", "-1", "Infinity"])
def test_an_exchange_rate_is_above_zero(rate: str) -> None:
    """And its currency is one."""
    with pytest.raises(ValueError, match="not above 0"):
        LocalTax("EUR", 1, 1, Decimal(rate), date(2026, 4, 1))
    with pytest.raises(ValueError, match="ISO 4217"):
        LocalTax("XX", 1, 1, Decimal(1), date(2026, 4, 1))
