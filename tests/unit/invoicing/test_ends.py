"""What an end before its period comes to (Billing rules, section 5)."""

from dataclasses import replace

import pytest

from invoicing.domain.charge import CAP
from subscriptions.domain import change
from subscriptions.domain.terms import PriceTerms
from tests.bills import at, bill, but, per_call, per_seat, used
from tests.changes import BIG, SMALL, YEARLY, altered, begin, changed, seats_now, since, sums, to
from tests.histories import History, charge_now, run, start


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


class TestEndOfAPause:
    """What was paid behind the pause comes back, also where nothing was served before it; without a refund nothing."""

    def ended(self, history: History, paused: str, *, credits_unused: bool = True) -> History:
        waits = replace(history, agreement=change.pause(history.agreement, at(paused)))
        return altered(waits, change.end, "2026-06-20", credits_unused=credits_unused)

    @pytest.mark.parametrize(("paused", "expected"), [("2026-06-01", [-3000]), ("2026-06-02", [-2900])])
    def test_after_no_time_and_after_a_day(self, paused: str, expected: list[int]) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        assert sums(self.ended(first, paused), first) == expected
        assert sums(self.ended(first, paused, credits_unused=False), first) == []

    @pytest.mark.parametrize(
        ("policy", "left"), [("day", 1500), ("second", 1500), ("thirty_360", 1500), ("none", 1500), ("full", 3000)]
    )
    def test_with_another_price_at_its_very_moment(self, policy: str, left: int) -> None:
        """By `full` nothing comes back of what was before; whatever the new price was charged comes back."""
        first = begin(SMALL, 1, "2026-06-01")
        dearer = changed(first, to(BIG, policy), "2026-06-16")
        assert 3000 + sum(sums(self.ended(dearer, "2026-06-16"), first)) == left
        seats = seats_now(dearer, 3, "2026-06-16")
        assert 3000 + sum(sums(self.ended(seats, "2026-06-16"), first)) == left


class TestEndThatIsTakenBack:
    """February at 1000 a seat, billed to a scheduled end on the 15th; on the 10th the end is taken back."""

    def ends_on_the_15th(self) -> History:
        agreement = replace(start([(per_seat(), 5)], at("2026-02-01"), zone="UTC"), cancel_at=at("2026-02-15"))
        first = bill(agreement)
        assert sums_of(first) == [2500]
        return first

    def goes_on(self, history: History) -> History:
        going_on = replace(history.agreement, cancel_at=None, dirty_from=at("2026-02-01"))
        return charge_now(history, going_on, at("2026-02-10"))

    def test_the_rest_is_charged(self) -> None:
        assert sums_of(self.goes_on(self.ends_on_the_15th())) == [2500, 2500]

    @pytest.mark.parametrize(("seats", "to_the_end", "rest"), [(3, -500, 1500), (7, 500, 3500)])
    def test_the_rest_is_charged_at_the_seats_billed_since(self, seats: int, to_the_end: int, rest: int) -> None:
        """5 x 7/28 and 3 x 21/28 -> 3500."""
        moved = seats_now(self.ends_on_the_15th(), seats, "2026-02-08")
        assert sums_of(self.goes_on(moved)) == [2500, to_the_end, rest]

    def test_seats_that_wait_are_charged_once_they_are_due(self) -> None:
        """At the end of the month: 3 - 5 seats for 21 of 28 days."""
        first = self.ends_on_the_15th()
        waits = replace(first, agreement=change.change_seats(first.agreement, 3, at("2026-02-08")))
        gone_on = self.goes_on(waits)
        assert sums_of(gone_on) == [2500, 2500]
        assert sums_of(run(gone_on, at("2026-03-01")))[2:] == [-1500 + 3000]

    def test_seats_moved_before_and_after(self) -> None:
        """5 x 7/28, 3 x 7/28 to the 15th, 3 x 5/28, 4 x 9/28: 1250 + 750 + 536 (rest) + 1286 -> 3821."""
        gone_on = self.goes_on(seats_now(self.ends_on_the_15th(), 3, "2026-02-08"))
        assert sum(sums_of(seats_now(gone_on, 4, "2026-02-20"))) == 3821


def sums_of(history: History) -> list[int]:
    return [paper.sub_total_minor for paper in history.proposals]
