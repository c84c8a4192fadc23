"""Two hundred customers: who they are, how they pay, what their tax number is."""

import random
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from examples.recipe.places import COUNTRIES, Country

BUSINESS_PERCENT = 62
INVOICE_PERCENT = 42
NUMBERED_PERCENT = 90
LONGEST_SEARCH = 100_000
# Numbers nobody can rely on, because their last digit is missing: these are billed as if they had none.
MALFORMED = {"c-0058", "c-0084", "c-0091"}
# A charity.
EXEMPT = {"c-0112"}


@dataclass(frozen=True)
class Person:
    """A customer's row, with what the rest of the recipe asks of it."""

    row: dict[str, Any]
    country: Country

    @property
    def reference(self) -> str:
        """Return the customer's reference."""
        return str(self.row["reference"])

    @property
    def is_business(self) -> bool:
        """Tell whether it is a company."""
        return bool(self.row["type"] == "business")

    @property
    def pays_by_card(self) -> bool:
        """Tell whether a card is charged."""
        return bool(self.row["billing_type"] == "card")


def make_customers(chance: random.Random) -> list[Person]:
    """Return the customers, the countries shuffled among each other."""
    countries = [country for country in COUNTRIES for _ in range(country.customers)]
    chance.shuffle(countries)
    taken: set[str] = set()
    return [_make(chance, f"c-{number:04}", country, taken) for number, country in enumerate(countries, start=1)]


def _make(chance: random.Random, reference: str, country: Country, taken: set[str]) -> Person:
    """Return one customer."""
    city, postcode, region, zone = chance.choice(country.towns)
    is_business = chance.randrange(100) < BUSINESS_PERCENT
    street = country.street_format.format(street=chance.choice(country.streets), number=chance.randrange(1, 120))
    name = country.name_format.format(given=chance.choice(country.given), family=chance.choice(country.family))
    row: dict[str, Any] = {
        "reference": reference,
        "email": f"{_mailbox(name)}.{reference[2:]}@customers.example",
        "name": name,
        "type": "individual",
        "billing_type": "card",
        "brand": country.brand,
        "company_name": "",
        "street_line_one": street,
        "city": city,
        "region": region,
        "postcode": postcode,
        "country": country.code,
        "tax_number": "",
        "tax_exempt": "",
        "locale": country.locale,
        "time_zone": zone,
    }
    if is_business:
        row |= {"type": "business", "company_name": _company_name(chance, country, taken)}
        row["email"] = f"billing@{_mailbox(row['company_name'])}-{reference[2:]}.example"
        if chance.randrange(100) < INVOICE_PERCENT:
            row["billing_type"] = "invoice"
        if country.tax_number and chance.randrange(100) < NUMBERED_PERCENT:
            row["tax_number"] = make_tax_number(chance, country.code, country.tax_number)
    if reference in MALFORMED:
        row["tax_number"] = row["tax_number"][:-1]
    if reference in EXEMPT:
        row["tax_exempt"] = "yes"
    return Person(row, country)


def _company_name(chance: random.Random, country: Country, taken: set[str]) -> str:
    """Return a company's name that no other has."""
    while True:
        word, trade = chance.choice(country.words), chance.choice(country.trades)
        name = country.company_format.format(word=word, trade=trade)
        if name in taken:
            name = country.company_format.format(word=f"{word} {chance.choice(country.family)}", trade=trade)
        if name not in taken:
            taken.add(name)
            return name


def make_tax_number(chance: random.Random, country: str, form: str) -> str:
    """Return a number of a form whose check digits pass; the forms lie where no authority gives numbers out.

    Raises RuntimeError when none is found.
    """
    checker: Any = get_cc_module(country.lower(), "vat")
    for _ in range(LONGEST_SEARCH):
        number = re.sub("#", lambda _: str(chance.randrange(10)), form)
        try:
            checker.validate(number)
        except ValidationError:
            continue
        return number
    raise RuntimeError(f"no number of the form {form} passes")


def _mailbox(name: str) -> str:
    """Return a name as an e-mail address may hold it."""
    spelt = name.replace("ß", "ss").replace("ł", "l").replace("Ł", "L").replace("ı", "i")
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return "-".join(words) or "office"
