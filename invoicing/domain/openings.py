"""Which periods an occasion opens: those that `once` and `repeating` vouchers serve and count.

Billing rules, section 6. The period is the subscription's own: usage billed by the month inside a year opens none.
"""

from datetime import datetime

from subscriptions.domain.periods import agreement_segments, service_periods
from subscriptions.domain.terms import Agreement


def opened_until(agreement: Agreement, moment: datetime) -> datetime | None:
    """Return the end of the period that begins with an occasion, None when the occasion lies inside a period.

    Where a subscription ends and nothing begins, what it owes is its last regular invoice: that moment itself. What is
    charged once opens what has no end: likewise the moment. The agreement is as it was before the occasion.
    """
    billed_to, interval = agreement.billed_to_at, agreement.calendar[-1].interval
    if interval is None:
        return moment if billed_to is None else None
    opened: datetime | None = None
    for period in service_periods(agreement_segments(agreement), interval, billed_to, moment):
        if billed_to is None or period.start > billed_to:
            opened = max(period.end, moment)
        elif period.end <= moment:
            opened = moment
    return opened
