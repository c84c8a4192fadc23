"""The dates of tax rules at one place for one tax type: they follow each other and never overlap.

Billing rules, section 7.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RuleSpan:
    """The days a rule holds: from the first until the day it no longer holds, None for an open end."""

    rule_id: uuid.UUID
    valid_from: date
    valid_until: date | None = None

    def overlaps(self, other: "RuleSpan") -> bool:
        """Tell whether a day belongs to both."""
        begins_before_end = other.valid_until is None or self.valid_from < other.valid_until
        return begins_before_end and (self.valid_until is None or other.valid_from < self.valid_until)


def place_rule(new: RuleSpan, others: Sequence[RuleSpan]) -> tuple[uuid.UUID | None, str | None]:
    """Return the open rule that a new one closes at its own start, or None; and why it cannot be placed, or None.

    >>> old = RuleSpan(uuid.UUID(int=1), date(2020, 1, 1))
    >>> place_rule(RuleSpan(uuid.UUID(int=2), date(2020, 7, 1)), [old])
    (UUID('00000000-0000-0000-0000-000000000001'), None)
    >>> place_rule(RuleSpan(uuid.UUID(int=2), date(2020, 1, 1)), [old])[1]
    'overlaps the rule that holds from 2020-01-01'
    """
    closed: uuid.UUID | None = None
    for other in others:
        if other.valid_until is None and other.valid_from < new.valid_from:
            closed = other.rule_id
        elif new.overlaps(other):
            return None, f"overlaps the rule that holds from {other.valid_from.isoformat()}"
    return closed, None
