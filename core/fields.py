"""Model fields shared by the rooms."""

from typing import TYPE_CHECKING, Any

from django.db import models

from core.identifiers import new_id

if TYPE_CHECKING:  # Django's fields take type arguments for the checker alone
    AnyField = models.Field[Any, Any]
    TextField = models.CharField[Any, Any]
    NumberField = models.DecimalField[Any, Any]
    IdField = models.UUIDField[Any, Any]
else:
    AnyField, TextField, NumberField = models.Field, models.CharField, models.DecimalField


def id_field() -> "IdField":
    """Return a primary key that is a time-ordered UUID."""
    return models.UUIDField(primary_key=True, default=new_id, editable=False)


class WallTimeField(AnyField):
    """A local wall time without a zone (PostgreSQL `timestamp`): what an anchor is, whatever the zone does later."""

    def db_type(self, connection: Any) -> str:
        """Return the column type."""
        return "timestamp without time zone"


class CurrencyField(TextField):
    """An upper-case ISO 4217 code."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 3)
        super().__init__(**options)


class UnitPriceField(NumberField):
    """A price in minor units, at most 12 places (Billing rules, section 1)."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_digits", 28)
        options.setdefault("decimal_places", 12)
        super().__init__(**options)


class RateField(NumberField):
    """A rate in percent, at most 6 places."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_digits", 12)
        options.setdefault("decimal_places", 6)
        super().__init__(**options)
