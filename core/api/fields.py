"""Types of fields, as strict as the specification: a number is no text, a text is no number, and nothing is guessed."""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.domain.money import UnknownCurrency, minor_digits
from core.domain.places import countries, is_locale, time_zones

LARGEST = 2**63 - 1
LARGEST_COUNT = 2**31 - 1
# Above it a JSON reader that knows doubles only would change the number.
LARGEST_EXACT = Decimal(2) ** 53
LARGEST_AMOUNT = 10**15
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_SLUG = re.compile(r"[-a-zA-Z0-9_]+", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

COMMON_MESSAGES: Mapping[str, str] = {
    "required": "is required",
    "null": "must not be null",
    "blank": "must not be empty",
    "max_length": "must not be longer than {max_length} characters",
    "min_value": "must be at least {min_value}",
    "max_value": "must be at most {max_value}",
}


def text_fault(text: str) -> str | None:
    """Return why a text cannot be stored, or None: PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
    if "\x00" in text:
        return "must not contain NUL characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "must not contain lone surrogates"
    return None


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """A field that only takes values of its own JSON type."""

    default_error_messages: ClassVar[dict[str, Any]] = {**COMMON_MESSAGES}

    def refuse(self, message: str) -> serializers.ValidationError:
        """Return the error to raise."""
        return serializers.ValidationError(message)


class TextField(StrictField, serializers.CharField):
    """A text, kept as it is sent."""

    default_error_messages: ClassVar[dict[str, Any]] = {**COMMON_MESSAGES}

    def __init__(self, **options: Any) -> None:
        options.setdefault("trim_whitespace", False)
        options.setdefault("max_length", 255)
        super().__init__(**options)
        # Ours says the same, earlier and for every text.
        self.validators = [v for v in self.validators if "Prohibit" not in type(v).__name__]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse what is no text, or a text that cannot be stored."""
        if data is not serializers.empty and data is not None:
            if not isinstance(data, str):
                raise self.refuse("must be a text")
            if fault := text_fault(data):
                raise self.refuse(fault)
            if not self.allow_blank and not data.strip():
                raise self.refuse("must not be empty")
        return super().run_validation(data)


class SlugField(TextField):
    """A code: letters, digits, `-` and `_`."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse other characters."""
        code: str = super().to_internal_value(data)
        if code and not _SLUG.fullmatch(code):
            raise self.refuse("must consist of letters, digits, - and _")
        return code


class EmailField(TextField):
    """An e-mail address."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 254)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no address."""
        text: str = super().to_internal_value(data)
        if text:
            try:
                validate_email(text)
            except DjangoValidationError:
                raise self.refuse("must be an e-mail address") from None
        return text


class WordField(StrictField, serializers.ChoiceField):
    """One of some words; `spellings` maps further spellings of them."""

    def __init__(self, choices: Any, spellings: Mapping[str, str] | None = None, **options: Any) -> None:
        self.spellings = dict(spellings or {})
        super().__init__(choices, **options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse any other word."""
        word = self.spellings.get(data, data) if isinstance(data, str) else None
        if word not in self.choices:
            raise self.refuse("must be one of: " + ", ".join(str(choice) for choice in self.choices))
        return str(word)

    def to_representation(self, value: Any) -> Any:
        """Return the word itself."""
        return value


class FlagField(StrictField, serializers.BooleanField):
    """True or false, nothing that resembles them."""

    def to_internal_value(self, data: Any) -> bool:
        """Refuse what is no boolean."""
        if not isinstance(data, bool):
            raise self.refuse("must be true or false")
        return data


def _whole(data: Any) -> int | None:
    """Return the whole number of a JSON number (5 and 5.0 are the same), or None."""
    if isinstance(data, bool):
        return None
    if isinstance(data, int):
        return data
    if isinstance(data, Decimal) and data.is_finite() and data.adjusted() < len(str(LARGEST)):
        return int(data) if data == data.to_integral_value() else None
    return None


class WholeNumberField(StrictField, serializers.IntegerField):
    """A whole number; a text is none."""

    default_error_messages: ClassVar[dict[str, Any]] = {**COMMON_MESSAGES}

    def __init__(self, **options: Any) -> None:
        options.setdefault("min_value", 0)
        options.setdefault("max_value", LARGEST_COUNT)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is no whole number."""
        number = _whole(data)
        if number is None:
            raise self.refuse("must be a whole number")
        return number


class AmountField(WholeNumberField):
    """An amount of money: an integer of minor units."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_value", LARGEST_AMOUNT)
        super().__init__(**options)


class NumberField(StrictField):
    """An exact decimal, sent as a JSON number or as a text; it leaves as a number, or as a text where asked."""

    def __init__(
        self,
        *,
        places: int = 12,
        minimum: Decimal | int | None = None,
        maximum: Decimal | int = LARGEST_AMOUNT,
        as_text: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.places = places
        self.minimum = minimum
        self.maximum = maximum
        self.as_text = as_text

    def to_internal_value(self, data: Any) -> Decimal:
        """Refuse what is no number, too fine or out of range."""
        if isinstance(data, bool) or not isinstance(data, int | Decimal | str):
            raise self.refuse("must be a number, or a decimal number as a text")
        if isinstance(data, str) and not _NUMBER.fullmatch(data):
            raise self.refuse("must be a decimal number")
        number = Decimal(data)
        if self.minimum is not None and number < self.minimum:
            raise self.refuse(f"must be at least {self.minimum}")
        if number > self.maximum or number < -self.maximum:
            raise self.refuse(f"must be at most {self.maximum}")
        exponent = number.normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.places:
            raise self.refuse(f"must have at most {self.places} decimal places")
        return number

    def to_representation(self, value: Decimal) -> Any:
        """Return the number without trailing zeros."""
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        if self.as_text:
            return text
        return Decimal(text) if "." in text else int(text)


class PercentField(NumberField):
    """A rate in percent, 0 to 100."""

    def __init__(self, **options: Any) -> None:
        super().__init__(places=6, minimum=0, maximum=100, **options)


class IdField(StrictField, serializers.UUIDField):
    """A UUID in its ordinary spelling, in either case."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        """Refuse any other spelling."""
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            raise self.refuse("must be a UUID")
        return uuid.UUID(data)


def instant_of(text: Any) -> datetime | None:
    """Return the instant of an RFC 3339 text, cut to whole seconds in UTC, or None when it is none."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=0)


def day_of(text: Any) -> date | None:
    """Return the day of a `YYYY-MM-DD`, or None when it is none."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def instant_text(moment: datetime) -> str:
    """Return an instant as it leaves: RFC 3339, UTC, whole seconds, `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


class InstantField(StrictField, serializers.DateTimeField):
    """An instant: RFC 3339 with an offset."""

    def to_internal_value(self, data: Any) -> datetime:
        """Refuse what is no instant, or one outside 1970-2199."""
        moment = instant_of(data)
        if moment is None:
            raise self.refuse("must be an instant such as 2026-01-31T10:17:00+00:00")
        if not _EARLIEST <= moment < _LATEST:
            raise self.refuse("must lie between 1970 and 2199")
        return moment

    def to_representation(self, value: datetime) -> str:
        """Return it in UTC, in whole seconds."""
        return instant_text(value)


class DayField(StrictField, serializers.DateField):
    """A calendar day."""

    def to_internal_value(self, data: Any) -> date:
        """Refuse what is no day, or one outside 1970-2199."""
        day = day_of(data)
        if day is None:
            raise self.refuse("must be a day such as 2026-01-31")
        if not _EARLIEST.year <= day.year < _LATEST.year:
            raise self.refuse("must lie between 1970 and 2199")
        return day

    def to_representation(self, value: date) -> str:
        """Return `YYYY-MM-DD`."""
        return value.isoformat()


@extend_schema_field({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})
class MomentField(StrictField):
    """A day (its start in the customer's time zone) or an instant."""

    def to_internal_value(self, data: Any) -> date | datetime:
        """Return a date for a day, a datetime for an instant."""
        moment = day_of(data) or instant_of(data)
        if moment is None:
            raise self.refuse("must be a day such as 2026-01-31 or an instant such as 2026-01-31T10:17:00+00:00")
        if not _EARLIEST.year <= moment.year < _LATEST.year:
            raise self.refuse("must lie between 1970 and 2199")
        return moment

    def to_representation(self, value: date | datetime) -> str:
        """Return it as it would be sent."""
        return instant_text(value) if isinstance(value, datetime) else value.isoformat()


class CurrencyField(TextField):
    """An upper-case ISO 4217 code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 3, **options})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no currency."""
        code: str = super().to_internal_value(data)
        try:
            minor_digits(code)
        except UnknownCurrency:
            raise self.refuse("must be an upper-case ISO 4217 code of a currency in use") from None
        return code


class CountryField(TextField):
    """An upper-case ISO 3166-1 code of two letters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 2, **options})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no country."""
        code: str = super().to_internal_value(data)
        if code and code not in countries():
            raise self.refuse("must be an upper-case ISO 3166-1 code of two letters")
        return code


class TimeZoneField(TextField):
    """A time zone of the IANA database."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no time zone."""
        name: str = super().to_internal_value(data)
        if name and name not in time_zones():
            raise self.refuse("must be a time zone such as Europe/Berlin")
        return name


class LocaleField(TextField):
    """A locale such as en, de-AT or pt_BR."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 10, **options})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what no locale is known for."""
        name: str = super().to_internal_value(data)
        if name and not is_locale(name):
            raise self.refuse("must be a locale such as en, de-AT or pt_BR")
        return name


@extend_schema_field({"type": "object", "additionalProperties": True})
class MetadataField(StrictField):
    """Any JSON object of the caller's own, within bounds."""

    LONGEST_BYTES = 16_384
    DEEPEST = 8

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse what is no object, too large or not storable."""
        if not isinstance(data, dict):
            raise self.refuse("must be an object")
        self._size = 0
        kept: dict[str, Any] = self._kept(data, 1)
        return kept

    def _kept(self, value: Any, depth: int) -> Any:
        """Return a value as it is stored; raise for one that cannot be."""
        if depth > self.DEEPEST:
            raise self.refuse(f"must not be nested deeper than {self.DEEPEST} levels")
        if isinstance(value, dict):
            return {self._kept(name, depth): self._kept(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._kept(inner, depth + 1) for inner in value]
        self._size += len(value) if isinstance(value, str) else 8
        if self._size > self.LONGEST_BYTES:
            raise self.refuse(f"must not be larger than {self.LONGEST_BYTES} bytes")
        if isinstance(value, str) and (fault := text_fault(value)):
            raise self.refuse(fault)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return self._number(value)
        return value

    def _number(self, value: int | Decimal) -> int | float:
        """Return a number that survives every JSON reader."""
        if abs(Decimal(value)) > LARGEST_EXACT:
            raise self.refuse("must not hold a number above 2^53; send it as a text")
        return value if isinstance(value, int) else float(value)

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object."""
        return value


@extend_schema_field(
    {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": True},
        ]
    }
)
class ReferenceField(StrictField):
    """Another object: by its id, its code, or the object itself as our answers carry it.

    `find` takes an id and `find_by_word` any other word (a code, a name); each returns the object or None. `names` are
    the object's names that may stand for it, in that order; its other names are passed over.
    """

    def __init__(
        self,
        *,
        noun: str,
        find: Callable[[uuid.UUID], Any] | None = None,
        find_by_word: Callable[[str], Any] | None = None,
        names: tuple[str, ...] = ("id", "code", "name"),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.noun = noun
        self.find = find
        self.find_by_word = find_by_word
        self.names = names

    def to_internal_value(self, data: Any) -> Any:
        """Return the object. Refuses a reference to none."""
        word = data
        if isinstance(data, dict):
            word = next((data[name] for name in self.names if data.get(name) is not None), None)
        if not isinstance(word, str) or not word:
            raise self.refuse(f"must be the {self._ways()} of a {self.noun}, or an object with it")
        if fault := text_fault(word):
            raise self.refuse(fault)
        found = None
        if _UUID.fullmatch(word) and self.find is not None:
            found = self.find(uuid.UUID(word))
        if found is None and self.find_by_word is not None:
            found = self.find_by_word(word)
        if found is None:
            raise self.refuse(f"no {self.noun} is known by {word[:100]!r}")
        return found

    def _ways(self) -> str:
        ways = ["id"] if self.find is not None else []
        ways += [name for name in self.names if name != "id"] if self.find_by_word is not None else []
        return " or ".join(ways)

    def to_representation(self, value: Any) -> Any:
        """Return the id."""
        return str(value.pk)
