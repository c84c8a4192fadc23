"""Write many rows at once by COPY."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
from django.db import connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_encode = msgspec.json.Encoder().encode
# The server stores one piece while the next is written here.
_ROWS_A_PIECE = 128


def _text(value: str) -> str:
    """Return a string as COPY text; hardly any has something to escape, and to look is much faster than to replace."""
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


def _json(value: Any) -> str:
    """Return a JSON value as COPY text; JSON itself leaves nothing but backslashes to escape."""
    return _encode(value).decode().replace("\\", "\\\\")


_FORMATS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    str: _text,
    # PostgreSQL reads it without hyphens too, and Python writes it so in a fifth of the time.
    uuid.UUID: lambda value: f"{value.int:032x}",
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
    lines = map(copy_text, rows)
    pieces = ("\n".join(piece) + "\n" for piece in iter(lambda: list(islice(lines, _ROWS_A_PIECE)), []))
    send(f"COPY {table} ({', '.join(columns)}) FROM STDIN", pieces)


def send(statement: str, pieces: Iterable[str]) -> None:
    """Run one COPY with pieces of its text, in the caller's transaction. Raises Django's database errors."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)
