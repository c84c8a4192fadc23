"""One kind of file: its columns, what names a row, and the operation that stores it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction

from billing.loading.columns import Column, columns_of, read_request
from billing.loading.readers import format_of, stem_of
from billing.loading.report import Fate, Report, refusal
from billing.loading.rows import BadRow, Place, Row
from core.api.serializers import InputSerializer
from core.errors import BillingError, Declined, Invalid

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A kind of rows.

    `request` says what a row may hold. `key` names the columns that name a row among its kind, `is_known` tells whether
    the row so named stands already, `store` calls the operation with the values that the request read. `atomic` False:
    the operation opens transactions of its own. `any_case`: capitals tell no two keys apart.
    """

    name: str
    request: type[InputSerializer]
    key: tuple[str, ...]
    is_known: Callable[[tuple[str, ...], Values], bool]
    store: Callable[[dict[str, Any]], object]
    atomic: bool = True
    any_case: bool = False
    columns: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        """Take the columns from the request."""
        object.__setattr__(self, "columns", columns_of(self.request))

    def key_of(self, values: Values) -> tuple[str, ...] | None:
        """Return what names a row; None when a part that every row must have is missing."""
        parts = tuple(str(values.get(name) or "").strip() for name in self.key)
        is_whole = all(part or not self.columns[name].required for name, part in zip(self.key, parts, strict=True))
        return parts if is_whole else None

    def same_key(self, key: tuple[str, ...]) -> tuple[str, ...]:
        """Return a key as it is compared with others."""
        return tuple(part.casefold() for part in key) if self.any_case else key


class Loader:
    """Load rows of one table, each by itself; remember which keys the files have named so far."""

    def __init__(self, table: Table, report: Report) -> None:
        self.table = table
        self.report = report
        self._seen: dict[tuple[str, ...], Place] = {}

    def load(self, row: Row | BadRow) -> None:
        """Load one row and report what became of it; only an error of ours is raised."""
        table, report = self.table, self.report
        if isinstance(row, BadRow):
            report.add_bad(table.name, row)
            return
        try:
            fate = self._store(row)
        except Declined as error:
            report.add_declined(table.name, BadRow(row.place, error.message))
        except BillingError as error:
            report.add_bad(table.name, refusal(row.place, error))
        except DatabaseError as error:
            report.add_bad(table.name, BadRow(row.place, f"the database refuses it: {str(error).splitlines()[0]}"))
        else:
            report.count(table.name, fate)

    def _store(self, row: Row) -> Fate:
        """Store a row unless it stands already. Raises BillingError."""
        table = self.table
        key = table.key_of(row.values)
        if key is not None:
            same = table.same_key(key)
            if same in self._seen:
                named = " and ".join(f"{name} {part}" for name, part in zip(table.key, key, strict=True) if part)
                raise Invalid(f"{named} stands already in {self._seen[same]}")
            self._seen[same] = row.place
            if table.is_known(key, row.values):
                return Fate.KNOWN
        values = read_request(table.request, row.values, table.columns)
        if table.atomic:
            with transaction.atomic():
                table.store(values)
        else:
            table.store(values)
        return Fate.LOADED


def files_of(folder: Path, name: str) -> list[Path]:
    """Return a folder's files of one kind in the order of their names: `events.csv`, `events-2026-01.ndjson.gz`."""
    return [path for path in _data_files(folder) if stem_of(path) == name or stem_of(path).startswith(f"{name}-")]


def stray_files(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return a folder's files that look like rows and are of no known kind: most likely a name was misspelt."""
    known = {path for name in names for path in files_of(folder, name)}
    return [path for path in _data_files(folder) if path not in known]


def _data_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if format_of(path) and path.is_file()]
