"""The form of tax numbers (Billing rules, section 7)."""

import pytest

from customers.domain.tax_number import check_tax_number, compact_tax_number


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("DE", "DE136695976"),
        ("DE", "136695976"),
        ("DE", "de 136.695.976"),
        ("GR", "EL094259216"),
        ("AT", "ATU13585627"),
        ("ES", "ESB58378431"),
        ("IT", "IT00743110157"),
        ("GB", "GB 980780684"),
        ("GB", "XI980780684"),
        ("NO", "NO995525828MVA"),
        ("CH", "CHE-107.787.577 IVA"),
        ("AU", "83 914 571 673"),
        ("US", "12-3456789"),
    ],
)
def test_numbers_that_pass(country: str, number: str) -> None:
    assert check_tax_number(country, number) == "format"


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("DE", "DE136695978"),
        ("DE", "DE13669597"),
        ("DE", "x"),
        ("FR", "DE136695976"),
        ("US", "DE136695976"),
        ("GB", "GB459324"),
        ("GB", "EL094259216"),
        ("", "DE136695976"),
        ("US", "é"),
        ("US", "1" * 31),
        ("DE", "\x00"),
    ],
)
def test_numbers_that_do_not(country: str, number: str) -> None:
    assert check_tax_number(country, number) == "malformed"


@pytest.mark.parametrize("text", ["", "  ", " -./ "])
def test_no_number_is_no_fault(text: str) -> None:
    assert check_tax_number("DE", text) == ""


def test_what_people_write_between_is_left_out() -> None:
    assert compact_tax_number("che-107.787.577 iva") == "CHE107787577IVA"
