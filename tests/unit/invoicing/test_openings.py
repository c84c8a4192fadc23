"""Which occasions open a period of a subscription (Billing rules, section 6, repeating vouchers)."""

from typing import Any

import pytest

from billing.domain.cycle import next_due, settle
from core.domain.schedule import Interval
from invoicing.domain.openings import opened_until
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import ENDED, Agreement, PriceTerms
from tests.bills import at, but, once, per_call, per_seat
from tests.histories import start

YEAR = Interval("year")


def agreed(*prices: PriceTerms, begin: str = "2026-01-31", billed_to: str = "", **values: Any) -> Agreement:
    """An agreement over one of each price, billed up to a moment, or not at all."""
    fresh = start([(price, 1) for price in prices], at(begin), **{"zone": "UTC", **values})
    return settle(fresh, at(billed_to)) if billed_to else fresh


def ending(agreement: Agreement, moment: str) -> Agreement:
    version = but(agreement.current, version=2, from_at=at(moment), phase=ENDED)
    return but(agreement, status=Status.CANCELLED, calendar=(*agreement.calendar, version))


@pytest.mark.parametrize(
    ("agreement", "moment", "until"),
    [
        (agreed(per_seat()), "2026-01-31", "2026-02-28"),
        (agreed(per_seat(), billed_to="2026-01-31"), "2026-02-28", "2026-03-31"),
        (agreed(per_seat(), billed_to="2026-01-31"), "2026-02-10", None),
        # Backdated: one first invoice of three periods.
        (agreed(per_seat()), "2026-04-01", "2026-04-30"),
        # A year's own boundaries, not those of the months of its usage.
        (agreed(per_seat(interval=YEAR), per_call(), billed_to="2026-01-31"), "2026-02-28", None),
        (agreed(per_seat(interval=YEAR), per_call(), billed_to="2026-12-31"), "2027-01-31", "2028-01-31"),
        # Usage alone: the renewal opens the month after the one it bills.
        (agreed(per_call(), billed_to="2026-01-31"), "2026-02-28", "2026-03-31"),
        # A stub opens as a whole period does.
        (agreed(per_seat(), alignment="calendar"), "2026-01-31", "2026-02-01"),
        # Nothing begins after the end; what is owed then is the last regular invoice.
        (ending(agreed(per_call(), billed_to="2026-01-31"), "2026-02-20"), "2026-02-20", "2026-02-20"),
        (ending(agreed(per_call(), billed_to="2026-02-20"), "2026-02-20"), "2026-03-28", None),
        (agreed(once(500)), "2026-01-31", "2026-01-31"),
        (agreed(once(500), billed_to="2026-01-31"), "2026-02-28", None),
    ],
)
def test_until_when_the_opened_period_runs(agreement: Agreement, moment: str, until: str | None) -> None:
    assert opened_until(agreement, at(moment)) == (at(until) if until else None)


def test_a_trial_opens_its_first_period_at_its_end() -> None:
    trial = agreed(per_seat(), trial_days=14)
    assert opened_until(trial, at("2026-01-31")) is None
    assert next_due(trial, at("2026-01-31")) == at("2026-02-14")
