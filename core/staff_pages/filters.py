"""Filters of lists that stay cheap on huge tables."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str


def used_values(model: type[Model], field: str, *, first: tuple[str, str] | None = None) -> list[str]:
    """Return the different texts of a column in order, reading one index entry for each instead of every row.

    An index must begin with the column, or with `first` (a column and the value it is fixed at) and then the column.
    """
    quote = connection.ops.quote_name
    columns = {column.name: quote(str(column.column)) for column in model._meta.fields}
    table, column = quote(model._meta.db_table), columns[field]
    fixed = f"{columns[first[0]]} = %(fixed)s AND" if first else ""
    statement = f"""
        WITH RECURSIVE used AS (
            (SELECT {column} AS value FROM {table} WHERE {fixed} {column} > '' ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM {table} WHERE {fixed} {column} > used.value ORDER BY {column} LIMIT 1)
            FROM used WHERE used.value IS NOT NULL
        )
        SELECT value FROM used WHERE value IS NOT NULL
    """  # noqa: S608 - made of the model's own names; the value is a parameter
    with connection.cursor() as cursor:
        cursor.execute(statement, {"fixed": first[1] if first else ""})
        return [row[0] for row in cursor.fetchall()]


class UsedValuesFilter(DropdownFilter):
    """Offers the values a column has; subclasses say where they are cheap to read."""

    def used(self) -> list[str]:
        """Return the values on offer."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the choices."""
        return [(value, value) for value in self.used()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen value."""
        return queryset.filter(**{self.parameter_name or "": self.value()}) if self.value() else queryset


class MomentRangeFilter(RangeDateFilter):
    """Keeps the moments from the start of one day to the end of another, in UTC."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen days; a text that is no day is left out of account."""
        since, until = self._day("from"), self._day("to")
        if since:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _start(since)})
        if until:
            queryset = queryset.filter(**{f"{self.field_path}__lt": _start(until) + timedelta(days=1)})
        return queryset

    def _day(self, end: str) -> date | None:
        """Return one of the chosen days."""
        day: date | None = parse_date_str(str(self.used_parameters.get(f"{self.parameter_name}_{end}", "")))
        return day


def _start(day: date) -> datetime:
    """Return the first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
