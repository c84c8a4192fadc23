"""Write many rows at once by COPY."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection

from core.behind import is_writing_behind, send_behind

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_encode = msgspec.json.Encoder().encode
# The server stores one piece while the next is written here.
_ROWS_A_PIECE = 128
_UUIDS = frozenset({uuid.UUID})


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


def copy_text(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as lines of COPY text, column by column, because the values of one are mostly of one type.

    Raises KeyError for a type that has no column here, ValueError when one row is shorter than another.
    """
    columns = [_column_texts(values) for values in zip(*rows, strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _column_texts(values: Sequence[Any]) -> Iterable[str]:
    """Return the values of one column as COPY text."""
    types = set(map(type, values))
    if len(types) > 1:
        formats = _FORMATS
        return [formats[type(value)](value) for value in values]
    if types == _UUIDS:
        return [f"{value.int:032x}" for value in values]
    return map(_FORMATS[types.pop()], values)


def copy_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows into a table by one COPY, in the caller's transaction; str subclasses must be given as str.

    Dictionaries and lists go in as JSON. Names of table and columns come from the code, never from outside. Raises
    Django's database errors when the rows are refused.
    """
    if not rows:
        return
    pieces = (copy_text(rows[place : place + _ROWS_A_PIECE]) for place in range(0, len(rows), _ROWS_A_PIECE))
    send(f"COPY {table} ({', '.join(columns)}) FROM STDIN", pieces)


def send(statement: str, pieces: Iterable[str]) -> None:
    """Run one COPY with pieces of its text, in the caller's transaction, behind the caller where somebody writes so.

    Raises Django's database errors.
    """
    if not is_writing_behind():
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            for piece in pieces:
                copy.write(piece)
        return
    text = "".join(pieces).encode()

    def copy_all(raw: Any) -> None:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text)

    send_behind(copy_all)
