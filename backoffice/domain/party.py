"""A seller or a buyer as lines of text."""

from collections.abc import Mapping
from typing import Any


def address_lines(party: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an address as its lines, without empty ones.

    >>> address_lines({"street_line_one": "Main Street 1", "postcode": "10115", "city": "Berlin", "country": "DE"})
    ('Main Street 1', '10115 Berlin', 'DE')
    """
    town = " ".join(party.get(name) or "" for name in ("postcode", "city")).strip()
    lines = (
        party.get("street_line_one"),
        party.get("street_line_two"),
        town,
        party.get("region"),
        party.get("country"),
    )
    return tuple(line for line in lines if line)


def party_lines(party: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a stored identity as its lines: names, address, tax number, e-mail.

    >>> party_lines({"name": "Bob", "company_name": "Bob GmbH", "country": "DE", "tax_number": "DE123456789"})
    ('Bob GmbH', 'Bob', 'DE', 'Tax number DE123456789')
    """
    tax_number = f"Tax number {party['tax_number']}" if party.get("tax_number") else ""
    lines = (party.get("company_name"), party.get("name"), *address_lines(party), tax_number, party.get("email"))
    return tuple(line for line in lines if line)
