"""The dispute's states, every move, and what each does to the books."""

import itertools
import uuid

import pytest

from billing.domain.dispute_state import (
    HOLDING_STATUSES,
    NOTHING,
    OPEN_DISPUTE_STATUSES,
    DisputedMoney,
    DisputeStatus,
    InvalidDisputeTransition,
    Standing,
    dispute_entry,
    next_dispute_status,
)
from tests.cast import JANUARY

CLOSED = {"won", "lost"}
MONEY = DisputedMoney(uuid.UUID(int=1), uuid.UUID(int=2), "EUR", 1)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(DisputeStatus, DisputeStatus)))
def test_every_move(before: str, after: str) -> None:
    is_allowed = after in CLOSED if before in CLOSED else before == "inquiry" or after != "inquiry"
    if is_allowed:
        assert next_dispute_status(before, after) == after
        return
    with pytest.raises(InvalidDisputeTransition):
        next_dispute_status(before, after)


def test_what_is_open_and_what_takes_the_payment_away() -> None:
    assert set(DisputeStatus) - OPEN_DISPUTE_STATUSES == CLOSED
    assert set(DisputeStatus) - HOLDING_STATUSES == {"inquiry", "won"}


def posted(before: Standing, after: Standing) -> dict[str, int]:
    entry = dispute_entry(MONEY, before, after, posted_at=JANUARY, accounting_date=JANUARY.date())
    return {} if entry is None else {posting.account: posting.amount_minor for posting in entry.postings}


@pytest.mark.parametrize(
    "walk",
    [
        [Standing(DisputeStatus.NEEDS_RESPONSE, 1190, 1500), Standing(DisputeStatus.WON, 0, 1500)],
        [Standing(DisputeStatus.NEEDS_RESPONSE, 1190, 1500), Standing(DisputeStatus.LOST, 1190, 1500)],
        [Standing(DisputeStatus.LOST, 1190, 1500), Standing(DisputeStatus.WON, 0, 0)],
        [Standing(DisputeStatus.WON, 1190, 1500), Standing(DisputeStatus.WON, 0, 1500)],
        [Standing(DisputeStatus.INQUIRY), Standing(DisputeStatus.WON)],
    ],
)
def test_whatever_the_way_the_accounts_end_as_the_dispute_stands(walk: list[Standing]) -> None:
    totals: dict[str, int] = {}
    for before, after in itertools.pairwise([NOTHING, *walk]):
        for account, minor in posted(before, after).items():
            totals[account] = totals.get(account, 0) + minor
    end = walk[-1]
    is_lost = end.status is DisputeStatus.LOST
    wanted = {
        "provider_clearing": -end.held_minor - end.fee_minor,
        "processor_fees": end.fee_minor,
        "bad_debt" if is_lost else "disputed": end.held_minor,
    }
    assert {account: minor for account, minor in totals.items() if minor} == {
        account: minor for account, minor in wanted.items() if minor
    }


def test_nothing_moved_is_no_entry() -> None:
    held = Standing(DisputeStatus.NEEDS_RESPONSE, 1190, 1500)
    assert posted(held, Standing(DisputeStatus.UNDER_REVIEW, 1190, 1500)) == {}
