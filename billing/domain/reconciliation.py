"""What a provider's charge means for rows that were restored from a backup.

A restored database does not know what was charged after the backup. Its next run bills the same moments again and
arrives at the same idempotency keys, so the provider answers with the charges it made: those are `AHEAD`. What no run
arrives at, or arrives at with another amount, a person has to look at.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.domain.payments import OPEN_ATTEMPT_STATUSES, AttemptStatus


class Finding(StrEnum):
    """What a charge at the provider is to the rows here."""

    MATCHED = "matched"
    WITHOUT_MONEY = "without_money"
    AHEAD = "ahead"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


NEEDS_PERSON = frozenset({Finding.UNKNOWN, Finding.DIFFERENT})


@dataclass(frozen=True, slots=True)
class Taken:
    """A charge as the provider has it. `amount_minor` is what it took or may yet take, 0 when it took nothing."""

    provider: str
    idempotency_key: str
    reference: str
    amount_minor: int
    currency: str
    charged_at: datetime
    outcome: str

    @property
    def stem(self) -> str:
        """Return what the keys of all attempts at one invoice share."""
        return self.idempotency_key.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The attempt that this key has here, with the payment it led to; 0 and empty while there is none."""

    status: AttemptStatus
    amount_minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the next charges of one invoice will ask for, in minor units."""

    amount_minor: int
    currency: str


def judge_recorded(taken: Taken, recorded: Recorded | None) -> Finding | None:
    """Judge a charge by the attempt with its key; None when what is asked for next decides.

    A charge that took nothing agrees with every attempt but one that was paid here.

    >>> from datetime import UTC
    >>> taken = Taken(
    ...     "sandbox", "charge:a:m:EUR:i:1", "ch_1", 1190, "EUR", datetime(2026, 1, 1, tzinfo=UTC), "succeeded"
    ... )
    >>> judge_recorded(taken, Recorded(AttemptStatus.SUCCEEDED, 1190, "EUR", "ch_1"))
    <Finding.MATCHED: 'matched'>
    >>> judge_recorded(taken, Recorded(AttemptStatus.FAILED, 0, "", ""))
    <Finding.DIFFERENT: 'different'>
    >>> judge_recorded(taken, None) is None
    True
    """
    if recorded is not None and recorded.status is AttemptStatus.SUCCEEDED:
        paid = recorded.amount_minor, recorded.currency, recorded.reference
        return Finding.MATCHED if paid == (taken.amount_minor, taken.currency, taken.reference) else Finding.DIFFERENT
    if not taken.amount_minor:
        return (
            Finding.WITHOUT_MONEY if recorded is None or recorded.status in OPEN_ATTEMPT_STATUSES else Finding.MATCHED
        )
    if recorded is None or recorded.status in OPEN_ATTEMPT_STATUSES:
        return None
    return Finding.DIFFERENT


def judge_wanted(taken_minor: int, currency: str, wanted: Wanted | None) -> Finding:
    """Judge what was taken for one invoice, in all its attempts, by what will be asked for.

    >>> judge_wanted(1190, "EUR", Wanted(1190, "EUR")), judge_wanted(1190, "EUR", Wanted(2380, "EUR"))
    (<Finding.AHEAD: 'ahead'>, <Finding.DIFFERENT: 'different'>)
    >>> judge_wanted(1190, "EUR", None)
    <Finding.UNKNOWN: 'unknown'>
    """
    if wanted is None:
        return Finding.UNKNOWN
    return Finding.AHEAD if (taken_minor, currency) == (wanted.amount_minor, wanted.currency) else Finding.DIFFERENT
