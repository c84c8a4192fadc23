"""Read rows from CSV, JSON and newline-delimited JSON files, gzipped or not; what cannot be read is a bad row.

Files are UTF-8, with or without a byte order mark. A CSV file may use commas, semicolons or tabs. Every row knows the
line it begins on, and a row that cannot be read does not stop the ones after it, as far as its format allows: after
broken JSON in a `.json` file nothing more can be told apart, in an `.ndjson` file the next line is the next row.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from billing.loading.columns import Column, read_cell
from billing.loading.json_text import DECODER, Unreadable, parse_json
from billing.loading.rows import BadRow, Place, Row

FORMATS = (".csv", ".json", ".ndjson")
GZIP = ".gz"
_DELIMITERS = ",;\t"
_LONGEST_CELL = 10_000_000
_FIRST_BYTES = 4
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NEVER_CLOSED = "opens a quotation mark that is never closed; nothing after it was read"
_NOT_UTF_8 = "is not UTF-8; save the file as UTF-8 (a spreadsheet calls it “CSV UTF-8”)"


def format_of(path: Path) -> str | None:
    """Return which of FORMATS a file has by its name, None when it has none.

    >>> format_of(Path("events.csv.gz")), format_of(Path("logo.svg"))
    ('.csv', None)
    """
    name = path.name.removesuffix(GZIP)
    return next((ending for ending in FORMATS if name.endswith(ending)), None)


def stem_of(path: Path) -> str:
    """Return a file's name without format and compression.

    >>> stem_of(Path("events-2026-01.csv.gz"))
    'events-2026-01'
    """
    return path.name.removesuffix(GZIP).removesuffix(format_of(path) or "")


def read_rows(path: Path, columns: Mapping[str, Column]) -> Iterator[Row | BadRow]:
    """Yield the rows of a file in their order, the unreadable ones as bad rows; of a file that cannot be opened one.

    The cells of a CSV file are read by the kinds of their columns, so that rows of every format carry the same values.
    """
    reader = {".csv": _read_csv, ".json": _read_json, ".ndjson": _read_ndjson}[format_of(path) or ".csv"]
    try:
        with _opened(path) as text:
            yield from reader(text, path.name, columns)
    except UnicodeError:
        yield BadRow(Place(path.name, 0), "is UTF-16; save the file as UTF-8")
    except (OSError, EOFError, zlib.error) as error:
        yield BadRow(Place(path.name, 0), f"cannot be read: {error}")


def _opened(path: Path) -> TextIO:
    """Open a file as text in which wrong bytes are marked, so that only their rows are lost. Raises UnicodeError."""
    binary = gzip.GzipFile(path) if path.name.endswith(GZIP) else path.open("rb")
    try:
        if binary.peek(_FIRST_BYTES).startswith(_UTF_16_MARKS):
            raise UnicodeError(path.name)
    except BaseException:
        binary.close()
        raise
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _text_fault(text: str) -> str | None:
    """Return why a row's text cannot be taken, None when it can."""
    if "\0" in text:
        return "contains a NUL character"
    if text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text):
        return None
    byte = next(ord(character) - 0xDC00 for character in text if "\udc80" <= character <= "\udcff")
    return f"contains the byte 0x{byte:02X}, which {_NOT_UTF_8}"


# --- CSV ------------------------------------------------------------------------------------------------------------


def _read_csv(text: TextIO, file: str, columns: Mapping[str, Column]) -> Iterator[Row | BadRow]:
    csv.field_size_limit(_LONGEST_CELL)
    first = text.readline()
    delimiter = max(_DELIMITERS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    faults = _header_faults(names, columns)
    if faults:
        yield from (BadRow(Place(file, 1), fault) for fault in faults)
        return
    records = csv.reader(text, delimiter=delimiter, strict=True)
    begins = 2
    while True:
        place = Place(file, begins)
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            never_closed = "unexpected end" in str(error)
            yield BadRow(place, _NEVER_CLOSED if never_closed else f"is no row of CSV: {error}")
            begins = records.line_num + 2
            continue
        begins = records.line_num + 2
        if any(cell.strip() for cell in cells):
            yield _csv_row(place, cells, names, columns)


def _header_faults(names: list[str], columns: Mapping[str, Column]) -> list[str]:
    """Return what is wrong with the first line; a column that is not known would be lost without a word."""
    if not any(names):
        return ["the first line must name the columns: " + ", ".join(columns)]
    fault = _text_fault("".join(names))
    if fault:
        return [f"the first line {fault}"]
    unknown = [name for name in names if name not in columns]
    faults = [f"the column {name!r} is not known here; known are: {', '.join(columns)}" for name in unknown]
    faults += [f"the column {name!r} stands twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    missing = [name for name, column in columns.items() if column.required and name not in names]
    return faults + [f"the column {name!r} is missing" for name in missing]


def _csv_row(place: Place, cells: list[str], names: list[str], columns: Mapping[str, Column]) -> Row | BadRow:
    """Return one record as a row."""
    fault = _text_fault("".join(cells))
    if fault:
        return BadRow(place, fault)
    if len(cells) != len(names):
        return BadRow(place, f"has {len(cells)} cells where the first line names {len(names)} columns")
    values: dict[str, Any] = {}
    faults = []
    for name, cell in zip(names, cells, strict=True):
        if not cell.strip():
            continue
        try:
            values[name] = read_cell(cell.strip(), columns[name])
        except ValueError as error:
            faults.append(f"{name} {error}")
    return BadRow(place, "; ".join(faults)) if faults else Row(place, values)


# --- JSON -----------------------------------------------------------------------------------------------------------


def _read_ndjson(text: TextIO, file: str, columns: Mapping[str, Column]) -> Iterator[Row | BadRow]:
    for line, record in enumerate(text, start=1):
        if not record.strip():
            continue
        place = Place(file, line)
        fault = _text_fault(record)
        if fault:
            yield BadRow(place, fault)
            continue
        try:
            value = parse_json(record)
        except ValueError as error:
            yield BadRow(place, str(error))
        else:
            yield _json_row(place, value)


def _json_row(place: Place, value: Any) -> Row | BadRow:
    """Return one value as a row; null is a value that was not given."""
    if not isinstance(value, dict):
        return BadRow(place, "is no JSON object")
    return Row(place, {name: inner for name, inner in value.items() if inner is not None})


def _read_json(text: TextIO, file: str, columns: Mapping[str, Column]) -> Iterator[Row | BadRow]:
    """Yield the objects of an array, or the one object the file is; up to where it is broken, then the break."""
    whole = text.read()
    position = _skip_blank(whole, 0)
    if whole[position : position + 1] != "[":
        yield from _one_object(whole, position, file)
        return
    position = _skip_blank(whole, position + 1)
    if whole[position : position + 1] == "]":
        return
    while True:
        place = Place(file, _line_of(whole, position))
        try:
            value, end = DECODER.raw_decode(whole, position)
        except json.JSONDecodeError as error:
            yield BadRow(Place(file, error.lineno), f"is no JSON: {error.msg}; nothing after it was read")
            return
        except (Unreadable, RecursionError) as error:
            yield BadRow(place, f"{error}; nothing after it was read")
            return
        fault = _text_fault(whole[position:end])
        yield BadRow(place, fault) if fault else _json_row(place, value)
        position = _skip_blank(whole, end)
        mark = whole[position : position + 1]
        if mark == "]":
            return
        if mark != ",":
            reason = "is no JSON: a comma or the closing bracket is missing; nothing after it was read"
            yield BadRow(Place(file, _line_of(whole, position)), reason)
            return
        position = _skip_blank(whole, position + 1)


def _one_object(whole: str, position: int, file: str) -> Iterator[Row | BadRow]:
    """Yield the one object that a file holds instead of an array."""
    place = Place(file, _line_of(whole, position))
    fault = _text_fault(whole)
    try:
        yield BadRow(place, fault) if fault else _json_row(place, parse_json(whole))
    except ValueError as error:
        yield BadRow(place, str(error))


def _skip_blank(text: str, position: int) -> int:
    """Return the position of the next character that is no white space."""
    while text[position : position + 1].isspace():
        position += 1
    return position


def _line_of(text: str, position: int) -> int:
    """Return the line a position is on, counted from 1."""
    return text.count("\n", 0, position) + 1
