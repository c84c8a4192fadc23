"""A party's address as its own country's post writes it."""

from invoicing.documents.formats import Formats
from invoicing.documents.text import Text, text
from invoicing.documents.words import Words
from invoicing.domain.document import Party

# Town first, then region and postcode on the same line.
_TOWN_REGION_POSTCODE = frozenset({"US", "CA", "AU", "NZ", "IN", "SG", "JP", "KR", "BR", "MX"})
# Town and postcode on lines of their own.
_POSTCODE_BELOW = frozenset({"GB", "IE"})


def address_lines(party: Party, formats: Formats) -> tuple[Text, ...]:
    """Return company, name, street, town and country, one line each, without empty ones."""
    lines = (party.company, party.name if party.name != party.company else "", *party.street, *_town(party))
    country = formats.country(party.country) if party.country else ""
    return tuple(line for line in map(text, (*lines, country)) if line.words)


def sender_line(party: Party, name: str) -> str:
    """Return the seller on one line, for the window of an envelope."""
    parts = (party.company or party.name or name, *party.street, *_town(party))
    return " · ".join(str(text(part)) for part in parts if part.strip())


def tax_number_line(party: Party, words: Words) -> str:
    """Return the tax number with what it is called: a VAT number begins with its country, Greece's with EL."""
    if not party.tax_number:
        return ""
    number = text(party.tax_number).words
    prefix = "EL" if party.country == "GR" else party.country
    is_vat_number = bool(prefix) and number.upper().startswith(prefix) and len(number) > len(prefix)
    return f"{words.vat_number if is_vat_number else words.tax_number} {number}"


def _town(party: Party) -> tuple[str, ...]:
    """Return the lines of town, region and postcode in the order of the country."""
    if party.country in _POSTCODE_BELOW:
        return (party.city, party.region, party.postcode)
    if party.country in _TOWN_REGION_POSTCODE:
        region = f"{party.region} {party.postcode}".strip()
        return (", ".join(part for part in (party.city, region) if part),)
    return (f"{party.postcode} {party.city}".strip(), party.region)
