"""The address after a change."""

from customers.domain.customer import ADDRESS_PARTS, merged_address

FULL = {part: part.upper() for part in ADDRESS_PARTS}


def test_parts_not_sent_stay() -> None:
    assert merged_address(FULL, {"city": "Bonn"}) == {**FULL, "city": "Bonn"}
    assert merged_address(FULL, {"city": ""}) == {**FULL, "city": ""}


def test_an_empty_object_clears_all() -> None:
    assert merged_address(FULL, {}) == dict.fromkeys(ADDRESS_PARTS, "")


def test_from_nothing_only_what_is_sent_stands() -> None:
    assert merged_address({}, {"country": "DE"}) == {**dict.fromkeys(ADDRESS_PARTS, ""), "country": "DE"}
