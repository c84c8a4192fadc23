"""Lists: one order everywhere, newest first, read by the id of the last row seen, never by OFFSET."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.errors import TooLarge
from core.api.fields import IdField, InstantField, MomentField, StrictField
from core.api.serializers import Parameters

LIMIT_DEFAULT = 10
LIMIT_MOST = 100
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_DEFAULT})
class LimitField(StrictField, serializers.IntegerField):
    """How many rows a page holds: 1 to 100."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is no whole number, less than one or (413) more than a page holds."""
        if not isinstance(data, str) or not _WHOLE.fullmatch(data):
            raise self.refuse("must be a whole number")
        limit = int(data)
        if limit < 1:
            raise self.refuse("must be at least 1")
        if limit > LIMIT_MOST:
            raise TooLarge(f"A page holds at most {LIMIT_MOST} rows.", code="limit_too_large")
        return limit


class QueryMomentField(MomentField):
    """A day or an instant in a query string, where a bare `+` arrives as a space."""

    def to_internal_value(self, data: Any) -> date | datetime:
        """Read it with the `+` put back."""
        return super().to_internal_value(re.sub(r" (?=\d{2}:\d{2}$)", "+", data) if isinstance(data, str) else data)


class QueryInstantField(InstantField):
    """An instant in a query string, where a bare `+` arrives as a space."""

    def to_internal_value(self, data: Any) -> datetime:
        """Read it with the `+` put back."""
        return super().to_internal_value(re.sub(r" (?=\d{2}:\d{2}$)", "+", data) if isinstance(data, str) else data)


class ListParameters(Parameters):
    """What every list takes."""

    limit = LimitField(required=False, help_text="How many rows to return, 1 to 100; 10 if not sent.")
    last_key = IdField(required=False, help_text="The `last_key` of the page before.")


def page_of(
    rows: QuerySet[Any],
    parameters: Mapping[str, Any],
    answer: Callable[[Sequence[Any]], Iterable[Any]],
    *,
    whole_by_default: bool = False,
) -> dict[str, Any]:
    """Return one page of rows that are ordered by id descending.

    `answer` turns the page's rows into what is sent, all at once, so that it may read what they share in one
    statement. `whole_by_default` answers the whole set when neither `limit` nor `last_key` is sent.
    """
    if "last_key" in parameters:
        rows = rows.filter(pk__lt=parameters["last_key"])
    limit = parameters.get("limit")
    if limit is None and whole_by_default and "last_key" not in parameters:
        found, has_more = list(rows), False
    else:
        limit = limit or LIMIT_DEFAULT
        found = list(rows[: limit + 1])
        has_more, found = len(found) > limit, found[:limit]
    return _page(list(answer(found)), has_more, found)


def _page(data: list[Any], has_more: bool, found: Sequence[Model]) -> dict[str, Any]:
    page: dict[str, Any] = {"data": data, "has_more": has_more}
    if found:
        last: uuid.UUID = found[-1].pk
        page["last_key"] = str(last)
    return page
