"""Ask about many rows at once: arrays in, rows out, with nothing done in Python that need not be."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.types.datetime import TimestamptzLoader

_FORMATS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "NULL",
    int: str,
    uuid.UUID: lambda value: f"{value.int:032x}",
    datetime: datetime.isoformat,
    str: lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"',
}


def array_text(values: Iterable[Any]) -> str:
    """Return ids, moments, whole numbers, texts and None as the text of a PostgreSQL array.

    The statement names the type (`%s::uuid[]`). psycopg would ask each value what it is. Raises KeyError for a type
    that has no place here.

    >>> array_text([1, None, "a,b"])
    '{1,NULL,"a,b"}'
    """
    formats = _FORMATS
    return f"{{{','.join([formats[value.__class__](value) for value in values])}}}"


def fetch_rows(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows; moments are in UTC, as Django's connections are, jsonb is text.

    Django's own cursors read each moment in Python, psycopg's plain loader reads it in C.
    """
    with connection.cursor() as cursor:
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
