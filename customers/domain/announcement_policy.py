"""What a brand announces before it happens, and how long before: its announcements, as data."""

from dataclasses import dataclass

TRIAL_DAYS = 7
RENEWAL_DAYS = 30
"""California wants 15 to 45 days before a term of a year renews (Business and Professions Code, section 17602)."""
LONGEST_DAYS = 90


@dataclass(frozen=True, slots=True)
class AnnouncementPolicy:
    """Days before the end of a trial, and before a subscription renews for a year or longer (0: not announced);
    whether customers are told that their card expires. Billing rules, sections 5 (Trials) and 11.
    """

    trial_days: int = TRIAL_DAYS
    renewal_days: int = RENEWAL_DAYS
    expiring_cards: bool = True


def policy_breaches(policy: AnnouncementPolicy) -> dict[str, str]:
    """Return what a policy cannot be, by field, in words.

    >>> policy_breaches(AnnouncementPolicy(trial_days=0))
    {}
    >>> policy_breaches(AnnouncementPolicy(renewal_days=91))
    {'renewal_days': 'must be at most 90'}
    """
    days = {"trial_days": policy.trial_days, "renewal_days": policy.renewal_days}
    return {name: f"must be at most {LONGEST_DAYS}" for name, count in days.items() if count > LONGEST_DAYS}
