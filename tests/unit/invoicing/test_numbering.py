"""Number formats: what they write, and what is refused (Billing rules, section 8, Numbering)."""

import re
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.numbering import (
    RANDOM_ALPHABET,
    InvalidNumberFormat,
    check_number_format,
    format_number,
    number_pattern,
    random_text,
    share_prefix,
)

MARCH = date(2026, 3, 7)
SERIES = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("format_text", "sequence", "expected"),
    [
        ("{seq}", 14, "14"),
        ("{seq:06}", 14, "000014"),
        ("{seq:4}", 12345, "12345"),
        ("INV-{year}-{seq:06}", 13, "INV-2026-000013"),
        ("{brand}/{year}/{month}/{seq:3}", 7, "acme/2026/03/007"),
        ("R{year}{month}{seq:02}", 100, "R202603100"),
    ],
)
def test_a_number_is_written(format_text: str, sequence: int, expected: str) -> None:
    check_number_format(format_text, yearly=False)
    assert format_number(format_text, sequence=sequence, issue_date=MARCH, brand_code="acme") == expected
    match = re.fullmatch(number_pattern(format_text, "acme"), expected)
    assert match is not None
    assert int(match[1]) == sequence


@pytest.mark.parametrize(
    ("format_text", "yearly", "country", "words"),
    [
        ("INV-{seq}", True, "", "yearly reset needs {year}"),
        ("INV-{random}", True, "", "yearly reset needs {year}"),
        ("INV-{year}", False, "", "needs {seq} or {random}"),
        ("{seq}-{seq}", False, "", "not twice"),
        ("{random}{random}", False, "", "not twice"),
        ("{counter}-{seq}", False, "", "Unknown place {counter}"),
        ("INV-{seq", False, "", "brace"),
        ("INV}-{seq}", False, "", "brace"),
        ("{seq:13}", False, "", "At most 12"),
        ("{month:3}-{seq}", False, "", "take a width"),
        ("{random:5}", False, "", "at least 6"),
        (" {seq}", False, "", "spaces around"),
        ("A\u200b{seq}", False, "", "cannot be printed"),
        ("{random}", False, "DE", "A seller in DE"),
        ("{year}-{seq}-{random:6}", True, "GB", "A seller in GB"),
    ],
)
def test_a_format_that_cannot_number_is_refused(format_text: str, yearly: bool, country: str, words: str) -> None:
    with pytest.raises(InvalidNumberFormat, match=re.escape(words)):
        check_number_format(format_text, yearly=yearly, country=country)


@pytest.mark.parametrize("country", ["US", "CH", "NO", ""])
def test_random_parts_are_for_sellers_elsewhere(country: str) -> None:
    check_number_format("{year}-{random:6}", yearly=True, country=country)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("INV-{seq}", "INV-{seq:06}", True),
        ("INV-{year}-{seq}", "INV-{year}-{seq:4}", True),
        ("{seq}", "{seq:06}", True),
        ("{seq}", "{year}{seq}", True),
        ("A{seq}", "A{year}{seq}", True),
        ("A{year}{seq}", "A{seq}", True),
        ("inv-{seq}", "INV-{seq}", True),
        ("{brand}-{seq}", "{brand}-{random}", True),
        ("INV-{seq}", "INV-{year}-{seq}", False),
        ("INV-{seq}", "CN-{seq}", False),
        ("{seq}", "R-{seq}", False),
        ("{year}-{seq}", "{brand}-{seq}", False),
    ],
)
def test_two_series_do_not_share_a_prefix(one: str, other: str, shared: bool) -> None:
    assert share_prefix(one, other) is share_prefix(other, one) is shared


@given(st.integers(6, 12), st.sets(st.integers(0, 2**29), min_size=2, max_size=60))
def test_random_parts_never_collide(length: int, sequences: set[int]) -> None:
    texts = {random_text(sequence, length, SERIES) for sequence in sequences}
    assert len(texts) == len(sequences)
    assert all(len(text) == length and set(text) <= set(RANDOM_ALPHABET) for text in texts)


def test_random_parts_are_one_to_one_over_every_text_of_a_small_alphabet() -> None:
    length = 3
    texts = {random_text(sequence, length, SERIES) for sequence in range(32**length)}
    assert len(texts) == 32**length
    with pytest.raises(ValueError, match="no text for number 32768"):
        random_text(32**length, length, SERIES)


def test_neighbours_and_other_series_look_unalike() -> None:
    first, second = random_text(1, 8, SERIES), random_text(2, 8, SERIES)
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 5
    assert random_text(1, 8, uuid.UUID(int=5)) != first


def test_a_random_part_is_written_with_its_series() -> None:
    number = format_number("{year}-{random}", sequence=3, issue_date=MARCH, brand_code="acme", key=SERIES)
    assert number == f"2026-{random_text(3, 8, SERIES)}"
