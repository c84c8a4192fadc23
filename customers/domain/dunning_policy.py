"""What a brand does about money that does not come: its dunning, as data (Billing rules, section 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

RETRY_DAYS = (3, 6, 9, 12, 15)
REMINDER_DAYS = (0, 7, 14)
DISABLE_AFTER_DAYS = 30
MOST_STEPS = 10
LONGEST_DAYS = 365


class FinalAction(StrEnum):
    """What is done when no retry has brought the money."""

    CANCEL = "cancel"
    UNCOLLECTIBLE = "uncollectible"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """Days after a declined charge at which it is retried, and what follows; days after the due date at which invoice
    customers are reminded, and disabled (None: never). A process keeps the policy that it began with.
    """

    retry_days: tuple[int, ...] = RETRY_DAYS
    final_action: FinalAction = FinalAction.CANCEL
    reminder_days: tuple[int, ...] = REMINDER_DAYS
    disable_after_days: int | None = DISABLE_AFTER_DAYS


def policy_breaches(policy: DunningPolicy) -> dict[str, str]:
    """Return what a policy cannot be, by field, in words.

    >>> policy_breaches(DunningPolicy())
    {}
    >>> policy_breaches(DunningPolicy(retry_days=(3, 3)))
    {'retry_days': 'must be up to 10 days between 1 and 365, each later than the one before'}
    >>> policy_breaches(DunningPolicy(reminder_days=(0, 30)))
    {'disable_after_days': 'must come after the last reminder'}
    """
    faults = {}
    if not _is_rising(policy.retry_days, first=1):
        faults["retry_days"] = _words(1)
    if not _is_rising(policy.reminder_days, first=0):
        faults["reminder_days"] = _words(0)
    elif policy.disable_after_days is not None:
        if policy.disable_after_days <= max(policy.reminder_days, default=0):
            faults["disable_after_days"] = "must come after the last reminder"
        elif policy.disable_after_days > LONGEST_DAYS:
            faults["disable_after_days"] = f"must be at most {LONGEST_DAYS}"
    return faults


def _is_rising(days: Sequence[int], *, first: int) -> bool:
    """Tell whether days lie in bounds, none before or at the one before it."""
    in_bounds = len(days) <= MOST_STEPS and all(first <= day <= LONGEST_DAYS for day in days)
    return in_bounds and all(earlier < later for earlier, later in pairwise(days))


def _words(first: int) -> str:
    return f"must be up to {MOST_STEPS} days between {first} and {LONGEST_DAYS}, each later than the one before"
