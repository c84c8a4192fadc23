"""What became of the rows: counted by file, the bad ones kept with their place and reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing.loading.rows import BadRow, Place
from core.errors import BillingError


class Fate(StrEnum):
    """What became of a row."""

    LOADED = "loaded"
    KNOWN = "already there"
    DECLINED = "declined"
    WAITING = "ahead of the clock"
    BAD = "bad"


@dataclass
class Report:
    """The tally of one load. Every bad row is told at once to `tell`, and kept for the end."""

    tell: Callable[[BadRow], None]
    counts: dict[str, dict[Fate, int]] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    declined: list[BadRow] = field(default_factory=list)

    def count(self, table: str, fate: Fate, number: int = 1) -> None:
        """Add rows of a table to a tally."""
        tally = self.counts.setdefault(table, {})
        tally[fate] = tally.get(fate, 0) + number

    def add_bad(self, table: str, row: BadRow) -> None:
        """Keep a row that could not be loaded, and tell of it."""
        self.count(table, Fate.BAD)
        self.bad.append(row)
        self.tell(row)

    def add_declined(self, table: str, row: BadRow) -> None:
        """Keep a row whose card was declined: nothing is wrong with the row, and nothing was stored."""
        self.count(table, Fate.DECLINED)
        self.declined.append(row)

    def number_of(self, fate: Fate) -> int:
        """Return how many rows of all tables met a fate."""
        return sum(tally.get(fate, 0) for tally in self.counts.values())


def refusal(place: Place, error: BillingError) -> BadRow:
    """Return the row that an error refused, with every fault in words."""
    return BadRow(place, fault_words(error.fields) or error.message)


def fault_words(faults: Mapping[str, str]) -> str:
    """Return faults by field as one text.

    >>> fault_words({"country": "must be of two letters", "email": "is required"})
    'country: must be of two letters; email: is required'
    """
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items())
