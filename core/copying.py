"""Write many rows at once by COPY."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_encode = msgspec.json.Encoder().encode


def _text(value: str) -> str:
    """Return a string as COPY text."""
    return value.translate(_ESCAPES)


def _json(value: Any) -> str:
    """Return a JSON value as COPY text."""
    return _encode(value).decode().translate(_ESCAPES)


_FORMATS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    str: _text,
    uuid.UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    Decimal: lambda value: format(value, "f"),
    dict: _json,
    list: _json,
}


def copy_text(row: Iterable[Any]) -> str:
    """Return one row as a line of COPY text. Raises KeyError for a type that has no column here."""
    formats = _FORMATS
    return "\t".join([formats[value.__class__](value) for value in row])


def copy_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows into a table by one COPY, in the caller's transaction; str subclasses must be given as str.

    Dictionaries and lists go in as JSON. Names of table and columns come from the code, never from outside. Raises
    Django's database errors when the rows are refused.
    """
    if not rows:
        return
    send(
        f"COPY {table} ({', '.join(columns)}) FROM STDIN",
        "\n".join([copy_text(row) for row in rows]) + "\n",
    )


def send(statement: str, text: str) -> None:
    """Run one COPY with lines of text, in the caller's transaction. Raises Django's database errors."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text)
