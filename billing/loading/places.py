"""Who sells, and where it is taxed: brands, and the tax of countries and states."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from babel.core import Locale
from rest_framework import serializers

from billing.loading.surroundings import LOADER
from billing.loading.tables import Table
from core.api.fields import (
    AmountField,
    CountryField,
    CurrencyField,
    DayField,
    EmailField,
    FlagField,
    LocaleField,
    PercentField,
    ReferenceField,
    SlugField,
    TextField,
    TimeZoneField,
    WholeNumberField,
    WordField,
)
from core.api.serializers import InputSerializer
from core.errors import Invalid
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.models import Brand
from invoicing.models import TaxCountry, TaxRule, TaxState, ThresholdPeriod
from invoicing.operations import tax_setup
from invoicing.tax_fixture import find_shipped
from subscriptions.api.inputs import TaxTypeInput, tax_type_reference
from subscriptions.models import TaxType
from subscriptions.operations import tax_types
from subscriptions.queries import catalogue

LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
LONGEST_LOGO_BYTES = 1_000_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


class ColourField(TextField):
    """A colour such as #14304f."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no colour."""
        colour: str = super().to_internal_value(data)
        if not _COLOUR.fullmatch(colour):
            raise self.refuse("must be a colour such as #14304f")
        return colour


class BrandRow(InputSerializer):
    """A seller. `logo` names a file beside this one."""

    code = SlugField(max_length=60)
    name = TextField(max_length=200)
    legal_name = TextField(required=False, max_length=200)
    street_line_one = TextField(required=False, max_length=200)
    street_line_two = TextField(required=False, max_length=200)
    city = TextField(required=False, max_length=120)
    region = TextField(required=False, max_length=120)
    postcode = TextField(required=False, max_length=20)
    country = CountryField()
    email = EmailField(required=False)
    tax_number = TextField(required=False, max_length=40)
    vat_registered = FlagField(required=False)
    tax_registrations = serializers.ListField(child=CountryField(), required=False, max_length=300)
    one_stop_shop = FlagField(required=False)
    tax_point = WordField(Brand.TaxPoint.choices, required=False)
    export = WordField(Brand.Export.choices, required=False)
    time_zone = TimeZoneField(required=False)
    locale = LocaleField(required=False)
    currency = CurrencyField(required=False)
    payment_terms_days = WholeNumberField(required=False, max_value=3650)
    logo = TextField(required=False)
    colour = ColourField(required=False)
    accent_colour = ColourField(required=False)
    footer = TextField(required=False, max_length=2000)
    payment_instructions = TextField(required=False, max_length=2000)
    iban = TextField(required=False, max_length=34)
    bic = TextField(required=False, max_length=11)


class TaxCountryRow(InputSerializer):
    """A country's tax. What is left out comes from the rates that ship with us, where they know the country."""

    country = CountryField()
    name = TextField(required=False, max_length=100)
    currency = CurrencyField(required=False)
    in_eu = FlagField(required=False)
    b2b_reverse_charge = FlagField(required=False)
    collecting = FlagField(required=False)
    threshold = AmountField(required=False)
    threshold_transactions = WholeNumberField(required=False)
    threshold_period = WordField(ThresholdPeriod.choices, required=False)


def _find_country(code: str) -> TaxCountry | None:
    return TaxCountry.objects.filter(code=code).first()


def _country_field() -> ReferenceField:
    return ReferenceField(noun="tax country", find_by_word=_find_country, names=("code",))


class TaxStateRow(InputSerializer):
    """A state with a tax of its own."""

    country = _country_field()
    code = TextField(max_length=10)
    name = TextField(required=False, max_length=100)
    collecting = FlagField(required=False)
    threshold = AmountField(required=False)
    threshold_transactions = WholeNumberField(required=False)
    threshold_period = WordField(ThresholdPeriod.choices, required=False)


class TaxRuleRow(InputSerializer):
    """A rate at a place, for a tax type, from a day on."""

    country = _country_field()
    state = TextField(required=False, max_length=10)
    tax_type = tax_type_reference()
    rate = PercentField()
    valid_from = DayField()
    valid_until = DayField(required=False)


def brand_tables(folder: Path, now: datetime) -> list[Table]:
    """Return the table of sellers."""
    return [
        Table(
            "brands",
            BrandRow,
            ("code",),
            lambda key, _: customer_queries.find_brand(key[0]) is not None,
            partial(_store_brand, folder, now),
        )
    ]


def tax_tables(now: datetime) -> list[Table]:
    """Return the tables of tax by place, in the order in which their rows need each other."""
    return [
        Table(
            "tax_types",
            TaxTypeInput,
            ("name",),
            lambda key, _: catalogue.find_tax_type_by_name(key[0]) is not None,
            lambda values: tax_types.create_tax_type(values, actor=LOADER, now=now),
        ),
        Table(
            "tax_countries",
            TaxCountryRow,
            ("country",),
            lambda key, _: _find_country(key[0]) is not None,
            partial(_store_country, now),
        ),
        Table(
            "tax_states",
            TaxStateRow,
            ("country", "code"),
            lambda key, _: TaxState.objects.filter(country__code=key[0], code=key[1]).exists(),
            partial(_store_state, now),
        ),
        Table(
            "tax_rules",
            TaxRuleRow,
            ("country", "state", "tax_type", "valid_from"),
            lambda key, _: _is_rule_known(*key),
            partial(_store_rule, now),
        ),
    ]


def _store_brand(folder: Path, now: datetime, values: dict[str, Any]) -> None:
    logo = values.pop("logo", "")
    if logo:
        values |= _read_logo(folder, logo)
    # Transfers that came in before are in no file: nobody is reminded of them, or disabled, while the time is played.
    # And the files say how subscriptions went on: dunning ends none of them.
    undunned: dict[str, Any] = {
        "overdue_reminder_days": [],
        "overdue_disable_days": None,
        "dunning_final_action": "keep",
    }
    customer_operations.create_brand({**undunned, **values}, actor=LOADER, now=now)


def _read_logo(folder: Path, name: str) -> dict[str, Any]:
    """Return a logo's content and type. Raises Invalid; only files of the folder itself are read."""
    path = folder / name
    kind = LOGO_TYPES.get(path.suffix.lower())
    if kind is None or path.parent != folder:
        endings = ", ".join(LOGO_TYPES)
        raise Invalid("The logo cannot be used.", fields={"logo": f"must be a file beside this one: {endings}"})
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid("The logo cannot be read.", fields={"logo": f"cannot be read: {error.strerror}"}) from None
    if len(content) > LONGEST_LOGO_BYTES:
        raise Invalid("The logo is too large.", fields={"logo": f"must not be larger than {LONGEST_LOGO_BYTES} bytes"})
    return {"logo": content, "logo_type": kind}


def _store_country(now: datetime, values: dict[str, Any]) -> None:
    """Store a country, with its standard rates for the default tax type where they ship with us."""
    code = values.pop("country")
    shipped = find_shipped(code)
    facts: dict[str, Any] = {"code": code, "name": str(Locale("en").territories[code])}
    if shipped is not None:
        facts |= {
            "currency": shipped.currency,
            "in_eu": shipped.in_eu,
            "b2b_reverse_charge": shipped.b2b_reverse_charge,
        }
    country = tax_setup.create_country(facts | _thresholds(values), actor=LOADER, now=now)
    if shipped is None:
        return
    tax_type = TaxType.objects.filter(default=True).first()
    if tax_type is None:
        raise Invalid("No tax type is the default.", fields={"country": "has rates, and no tax type is the default"})
    for rate in shipped.standard_rates:
        if rate.valid_from is not None:
            tax_setup.create_rule(
                country.id,
                tax_type_id=tax_type.id,
                rate=rate.rate,
                valid_from=rate.valid_from,
                valid_until=rate.valid_until,
                actor=LOADER,
                now=now,
            )


def _thresholds(values: dict[str, Any]) -> dict[str, Any]:
    """Return facts of a place by their column names."""
    if "threshold" in values:
        values["threshold_minor"] = values.pop("threshold")
    return values


def _store_state(now: datetime, values: dict[str, Any]) -> None:
    country = values.pop("country")
    tax_setup.create_state(country.id, {"name": values["code"], **_thresholds(values)}, actor=LOADER, now=now)


def _is_rule_known(country: str, state: str, tax_type: str, valid_from: str) -> bool:
    """Tell whether a place has a rate of that type from that day on."""
    rules = TaxRule.objects.filter(country__code=country, tax_type__name=tax_type)
    rules = rules.filter(state__code=state) if state else rules.filter(state__isnull=True)
    return any(rule.valid_from.isoformat() == valid_from for rule in rules)


def _store_rule(now: datetime, values: dict[str, Any]) -> None:
    country, code = values["country"], values.pop("state", "")
    state = None
    if code:
        state = TaxState.objects.filter(country=country, code=code).first()
        if state is None:
            raise Invalid(
                "There is no such state.", fields={"state": f"no state of {country.code} is known by {code!r}"}
            )
    tax_setup.create_rule(
        values.pop("country").id,
        tax_type_id=values.pop("tax_type").id,
        state_id=state.id if state else None,
        actor=LOADER,
        now=now,
        **values,
    )
