"""What Connectable's calls take."""

import re
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.providers.base import TokenRefused
from billing.providers.registry import SANDBOX, card_provider_name
from billing.providers.sandbox_cards import token_of_number
from core.api.fields import CurrencyField, EmailField, IdField, StrictField, TextField, WholeNumberField
from core.errors import Invalid
from integrations.api.inputs import LenientInput, LenientParameters

LIMIT_MOST, LIMIT_DEFAULT = 100, 10
CENTURY, FIRST_YEAR, LAST_YEAR = 2000, 1970, 2199
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_CARD_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}", re.ASCII)


def _text(**options: Any) -> TextField:
    """Return a field for a text that may be left out, and cleared."""
    return TextField(**{"required": False, "allow_blank": True, "allow_null": True, **options})


class UserInput(LenientInput):
    """What is told of a user."""

    email = EmailField(required=False, allow_blank=True, allow_null=True)
    username = _text()
    phone_number = _text()
    picture = _text(max_length=2000)
    name = _text(max_length=200)
    nickname = _text()
    given_name = _text()
    family_name = _text()


class ShippingAddressInput(LenientInput):
    """Where things are sent to."""

    city = _text()
    country = _text()
    line1 = _text()
    line2 = _text()
    postal_code = _text()
    state = _text()


class ShippingInput(LenientInput):
    """Where things are sent to, and to whom; sent whole."""

    address = ShippingAddressInput(required=False, allow_null=True)
    name = _text()
    phone = _text()


class AnyCaseCurrencyField(CurrencyField):
    """An ISO 4217 code in either case."""

    def to_internal_value(self, data: Any) -> str:
        """Return it in upper case. Refuses what is no currency."""
        return super().to_internal_value(data.upper() if isinstance(data, str) else data)


class BillingInput(LenientInput):
    """What is told of a user's billing; `id` is passed over."""

    currency = AnyCaseCurrencyField(required=False, allow_null=True)
    default_source = IdField(required=False, help_text="One of the user's cards.")
    description = _text(max_length=2000)
    email = EmailField(required=False, allow_blank=True, allow_null=True)
    shipping = ShippingInput(required=False, allow_null=True)


class MonthField(WholeNumberField):
    """A month, 1 to 12."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 12, "required": False, **options})


class YearField(WholeNumberField):
    """A year in four digits, or in two for this century."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_value": LAST_YEAR, "required": False, **options})

    def to_internal_value(self, data: Any) -> int:
        """Return it in four digits."""
        year = super().to_internal_value(data)
        full = year + CENTURY if year < 100 else year  # noqa: PLR2004 - two digits
        if full < FIRST_YEAR:
            raise self.refuse("must be a year of two or four digits")
        return full


class CardFactsInput(LenientInput):
    """What may be told anew of a card."""

    address_city = _text()
    address_country = _text()
    address_line1 = _text()
    address_line2 = _text()
    address_state = _text()
    address_zip = _text()
    country = _text()
    exp_month = MonthField()
    exp_year = YearField()
    name = _text(max_length=200)


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}], "description": "A token."}
)
class SourceField(StrictField):
    """A token of the payment provider; in the sandbox also an object with a test number."""

    def to_internal_value(self, data: Any) -> str | dict[str, Any]:
        """Return it. Refuses what is neither, and a card's number."""
        if isinstance(data, dict):
            return data
        if not isinstance(data, str) or not data.strip():
            raise self.refuse("must be a token, or an object with a test card")
        if _CARD_NUMBER.fullmatch(data.strip()):
            raise self.refuse("must be a token, not a card's number")
        return str(TextField(max_length=255).run_validation(data))


class DroppedField(StrictField):
    """A secret of a card that is looked at only to refuse it, and never kept."""

    def to_internal_value(self, data: Any) -> bool:
        """Return whether it is a whole card number."""
        return isinstance(data, str) and _CARD_NUMBER.fullmatch(data.strip()) is not None

    def to_representation(self, value: bool) -> None:
        """Return nothing."""


@extend_schema_field({"type": "string", "description": "Dropped unread."})
class NumberField(DroppedField):
    """A card's number."""


@extend_schema_field({"type": "string", "description": "Dropped unread."})
class CodeField(DroppedField):
    """A card's code."""


class SourceInput(CardFactsInput):
    """A card to keep: its token, and what is told of it. Number and code beside a token are dropped unread."""

    source = SourceField()  # type: ignore[assignment]  # DRF takes the field off the class
    object = TextField()
    cvc = CodeField(required=False)
    number = NumberField(required=False)
    default_for_currency = serializers.BooleanField(required=False)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between the fields: cards only, and no card's number where money is real."""
        found: dict[str, str] = {}
        if values.get("object", "card") != "card":
            found["object"] = 'must be "card"'
        if card_provider_name() != SANDBOX:
            reason = "a card's number must not come here: let the provider's form make a token of it"
            if values.get("number"):
                found["number"] = reason
            if isinstance(values.get("source"), dict):
                found["source"] = reason
        return found


class TestCardInput(LenientInput):
    """A card of the sandbox by its public test number."""

    number = TextField(max_length=30)
    exp_month = MonthField(required=True)
    exp_year = YearField(required=True)
    name = _text(max_length=200)


def token_of(source: str | Mapping[str, Any]) -> str:
    """Return the token a source is, or the one that its test number stands for. Raises Invalid on `source`."""
    if isinstance(source, str):
        return source
    try:
        card = TestCardInput.read(source)
        return token_of_number(card["number"], card["exp_month"], card["exp_year"])
    except Invalid as error:
        raise Invalid(error.message, fields={f"source.{path}": fault for path, fault in error.fields.items()}) from None
    except TokenRefused as error:
        raise Invalid("The card was refused.", fields={"source.number": str(error)}) from None


class CountField(StrictField, serializers.IntegerField):
    """A whole number of a query string, from 1."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse any other."""
        if not isinstance(data, str) or not _WHOLE.fullmatch(data):
            raise self.refuse("must be a whole number")
        number = int(data)
        if number < 1:
            raise self.refuse("must be at least 1")
        if self.max_value is not None and number > self.max_value:
            raise self.refuse(f"must be at most {self.max_value}")
        return number


class InvoicePageParameters(LenientParameters):
    """Which invoices are asked for."""

    limit = CountField(required=False, min_value=1, max_value=LIMIT_MOST, help_text="1 to 100; 10 if not sent.")
    page = CountField(required=False, min_value=1, max_value=2**31 - 1, help_text="From 1.")
