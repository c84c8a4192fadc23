"""A proof in words."""

from typing import Any

import pytest

from backoffice.domain.proof import ProofRow, proof_rows


def words(proof: dict[str, Any]) -> dict[str, str]:
    """Return the rows of a proof by their label."""
    return {row.label: row.text for row in proof_rows(proof, "EUR")}


@pytest.mark.parametrize(
    ("proof", "label", "text"),
    [
        ({"steps": "2 x 5000 = 10000"}, "Calculation, in minor units", "2 x 5000 = 10000"),
        ({"vouchers": [["r", "12.5", None, False, 250]]}, "Voucher", "12.5 %, of it here €2.50"),
        ({"vouchers": [["r", None, 500, True, 250]]}, "Voucher", "€5.00, of it here €2.50"),
        (
            {"slices": [[1, 1, 31], [2, 30, 31]]},
            "Seats held, for which part of the period",
            "1 for 1 of 31; 2 for 30 of 31",
        ),
        ({"so_far": 968}, "Of it charged before", "€9.68"),
        ({"fraction": [15, 30]}, "Part of the period charged", "15 of 30"),
        (
            {"window": ["2026-02-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00"]},
            "Usage from",
            "2026-02-01 00:00:00 UTC to 2026-03-01 00:00:00 UTC",
        ),
        ({"late": True}, "Late usage", "yes"),
        ({"late": False}, "Late usage", "no"),
        ({"minimum": 10000}, "Minimum commitment", "€100.00"),
        ({"minimum": "exactly 100"}, "Minimum commitment", "exactly 100"),
        ({"events": 12}, "Events counted", "12"),
        ({"tax": {"code": "reverse_charge"}}, "Tax decision", "reverse charge"),
        (
            {"tax": {"parts": [["r1", "VAT", "DE", "19.000000", 1900]]}},
            "Tax",
            "VAT DE 19 % = €19.00",
        ),
        ({"tax": {"parts": ["as agreed"]}}, "Tax", "as agreed"),
        ({"tax": "none"}, "Tax", "none"),
        ({"what_is_this": {"inner_value": 3}}, "What is this › Inner value", "3"),
        ({"list": [1, 2, 3]}, "List", "1, 2, 3"),
        ({"pair": [1, 2]}, "Pair", "1, 2"),
        ({"text": "To be or not"}, "Text", "To be or not"),
    ],
)
def test_a_stored_input_is_written_in_words(proof: dict[str, Any], label: str, text: str) -> None:
    assert words(proof) == {label: text}


def test_what_is_empty_is_left_out() -> None:
    assert words({"steps": "", "tax": {}, "reason": None, "parts": [], "events": 0}) == {"Events counted": "0"}


def test_what_a_reader_asks_first_comes_first() -> None:
    rows = proof_rows({"terms": 1, "unknown": 1, "price": "p", "steps": "s", "fraction": [1, 2]}, "EUR")
    assert [row.text for row in rows] == ["s", "1 of 2", "p", "1", "1"]


def test_the_price_and_the_plan_can_be_linked() -> None:
    assert proof_rows({"price": "p"}, "EUR") == (ProofRow("Price", "p", "price"),)
    assert proof_rows({"plan": "q"}, "EUR") == (ProofRow("Plan", "q", "plan"),)
