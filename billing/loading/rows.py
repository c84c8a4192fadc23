"""Rows of files: the ones that could be read, and the ones that could not, each with the place where it stands."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the file's name in its folder, and the line, counted from 1 (0: the file itself)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Row:
    """One row that could be read: its values by column; a text file's are texts, empty cells left out."""

    place: Place
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be loaded, and why, in words."""

    place: Place
    reason: str
