"""What an end before its period comes to (Billing rules, section 5)."""

from dataclasses import replace

import pytest

from invoicing.domain.charge import CAP
from subscriptions.domain import change
from subscriptions.domain.terms import PriceTerms
from tests.bills import at, bill, but, per_call, per_seat, used
from tests.changes import BIG, SMALL, YEARLY, altered, begin, changed, since, sums, to
from tests.histories import start


class TestEnd:
    @pytest.mark.parametrize(
        ("terms", "seats", "begun", "ended", "expected"),
        [
            (SMALL, 1, "2026-07-01", "2026-07-22", 968),
            (SMALL, 1, "2026-07-01", "2026-07-01", 3000),
            (SMALL, 1, "2026-02-01", "2026-02-15", 1500),
            (YEARLY, 1, "2026-01-01", "2026-09-23", 8219),
            (SMALL, 5, "2026-06-01", "2026-06-16", 7500),
        ],
    )
    def test_unused_days_are_given_back(
        self, terms: PriceTerms, seats: int, begun: str, ended: str, expected: int
    ) -> None:
        first = begin(terms, seats, begun)
        over = altered(first, change.end, ended, credits_unused=True)
        assert sums(over, first) == [-expected]
        assert sums(altered(first, change.end, ended, credits_unused=False), first) == []
        assert altered(over, change.end, ended, credits_unused=True).proposals == over.proposals

    def test_after_a_change(self) -> None:
        """3000, 4500 after 15 days, 10 of 30 left -> 1500."""
        first = changed(begin(SMALL, 1, "2026-06-01"), to(BIG), "2026-06-16")
        assert sums(altered(first, change.end, "2026-06-21", credits_unused=True), first) == [-1500]

    def test_the_day_of_the_end_is_unused_whatever_policy_says_nothing(self) -> None:
        for policy in ("none", "full"):
            first = begin(per_seat(3000, proration_down=policy), 1, "2026-06-01")
            assert sums(altered(first, change.end, "2026-06-16", credits_unused=True), first) == [-1500]

    def test_what_was_given_back_by_hand_is_not_given_back_again(self) -> None:
        """249.95 billed, 10.00 credited, unused 241.89 -> 239.95."""
        first = begin(per_seat(24995), 1, "2026-07-01")
        (line,) = next(iter(first.account.billed.values()))
        by_hand = but(line, amount_minor=-1000, use=CAP)
        item_id = next(iter(first.account.billed))
        known = replace(first.account, billed={item_id: (line, by_hand)})
        ended = altered(replace(first, account=known), change.end, "2026-07-02", credits_unused=True)
        assert sums(ended, first) == [-23995]
        assert sums(altered(first, change.end, "2026-07-02", credits_unused=True), first) == [-24189]

    def test_outstanding_usage_is_billed(self) -> None:
        agreement = start([(SMALL, 1), (per_call(), 1)], at("2026-06-01"), zone="UTC")
        first = bill(agreement, usage=[used(7, "2026-06-05"), used(9, "2026-06-20")])
        ended = altered(first, change.end, "2026-06-16", credits_unused=False)
        assert since(ended, first) == [("usage", "06-01", "06-16", 70)]
