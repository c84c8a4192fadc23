"""What is changed at one instant is one change, from the terms before to those it leaves (Billing rules, section 5)."""

import uuid
from collections.abc import Callable

import pytest

from core.domain.schedule import Interval
from subscriptions.domain import change
from tests.bills import at, lines_of, per_seat
from tests.changes import BIG, SMALL, altered, begin, changed, seats_now, since, sums, to
from tests.histories import History, run

FORTNIGHT = Interval("week", 2)
EXTRA = uuid.UUID(int=777)
Command = Callable[[History], History]


def extra(moment: str, policy: str = "day") -> Command:
    """Return a command that takes an add-on of 10.00 a month."""
    price = per_seat(1000, proration_up=policy, proration_down=policy)
    return lambda history: altered(history, lambda held, now: change.add_item(held, EXTRA, price, 1, now), moment)


def done(history: History, *commands: Command) -> History:
    for command in commands:
        history = command(history)
    return history


class TestSeatsBilledNow:
    """Apia, six seats of 10.00 a fortnight from 2 March 09:35; on the 15th a day of 14 is left: 9 x 71.43 -> 6.43."""

    MOMENT = "2026-03-15 09:35"
    BY_360 = {"proration_up": "thirty_360", "proration_down": "thirty_360"}
    FORTNIGHTLY = per_seat(1000, interval=FORTNIGHT, **BY_360)
    MONTHLY = per_seat(5000, **BY_360)

    @pytest.mark.parametrize("order", ["SMF", "MFS", "MSF"])
    def test_a_change_to_months_and_back(self, order: str) -> None:
        first = begin(self.FORTNIGHTLY, 6, "2026-03-02 09:35", zone="Pacific/Apia")
        commands: dict[str, Command] = {
            "S": lambda history: seats_now(history, 15, self.MOMENT),
            "M": lambda history: changed(history, to(self.MONTHLY), self.MOMENT),
            "F": lambda history: changed(history, to(self.FORTNIGHTLY), self.MOMENT),
        }
        last = done(first, *(commands[one] for one in order))
        assert sum(sums(last, first)) == 643
        assert since(run(last, at("2026-03-20")), last) == [("recurring", "03-16", "03-30", 15000)]

    def test_seats_that_wait_wait_again(self) -> None:
        """On the 9th: half of 14 days for nine seats is 45.00, billed up to the change, then to the boundary."""
        first = begin(self.FORTNIGHTLY, 6, "2026-03-02 09:35", zone="Pacific/Apia")
        waiting = change.change_seats(first.agreement, 15, at("2026-03-09 09:35"))
        there = altered(first, lambda _, now: change.change_price(waiting, to(self.MONTHLY), now), self.MOMENT)
        back = changed(there, to(self.FORTNIGHTLY), self.MOMENT)
        assert sum(sums(back, first)) == 0
        later = run(back, at("2026-03-16 09:35"))
        assert [line for line in since(later, back) if line[0] == "seats"] == [("seats", "03-09", "03-16", 4500)]


class TestAddOn:
    """30.00 a month from 1 March, an add-on of 10.00 on the 2nd: 30/31 are 9.68, a period that restarts 10.00."""

    MOMENT = "2026-03-02"
    FULL = per_seat(4500, proration_up="full", proration_down="full")

    @pytest.mark.parametrize("policy", ["day", "full"])
    @pytest.mark.parametrize("order", ["ATB", "TAB", "TBA", "TBTAB"])
    def test_beside_a_full_change_and_its_reversal(self, policy: str, order: str) -> None:
        commands: dict[str, Command] = {
            "A": extra(self.MOMENT, policy),
            "T": lambda history: changed(history, to(self.FULL), self.MOMENT),
            "B": lambda history: changed(history, to(SMALL), self.MOMENT),
        }
        first = begin(SMALL, 1, "2026-03-01")
        last = done(first, *(commands[one] for one in order))
        assert sum(sums(last, first)) == 968
        assert [line[-1] for line in since(run(last, at("2026-04-01")), last)] == [3000, 1000]

    def test_taken_before_and_after_the_period_restarts(self) -> None:
        first = begin(SMALL, 1, "2026-03-01")

        def full(history: History) -> History:
            return changed(history, to(self.FULL), self.MOMENT)

        one, other = done(first, extra(self.MOMENT), full), done(first, full, extra(self.MOMENT))
        assert sum(sums(one, first)) == sum(sums(other, first)) == 5500
        assert since(one, done(first, extra(self.MOMENT))) == [
            ("recurring", "03-02", "04-02", 4500),
            ("recurring", "03-02", "04-01", -968),
            ("recurring", "03-02", "04-02", 1000),
        ]
        assert sums(run(one, at("2026-04-02")), one) == [5500]


class TestSeveralPrices:
    def test_only_the_last_counts(self) -> None:
        """By `full` the period restarts and nothing comes back; by the day at the same moment it does not restart."""
        first = begin(SMALL, 1, "2026-06-01")
        full = per_seat(6000, proration_up="full", proration_down="full")
        by_the_day, directly = (
            done(first, *commands)
            for commands in (
                (lambda held: changed(held, to(full), "2026-06-16"), lambda held: changed(held, to(BIG), "2026-06-16")),
                (lambda held: changed(held, to(BIG), "2026-06-16"),),
            )
        )
        assert sum(sums(by_the_day, first)) == sum(sums(directly, first)) == 750
        assert lines_of(*run(by_the_day, at("2026-07-01")).proposals)[-1] == ("recurring", "07-01", "08-01", 4500)

    def test_the_full_price_gives_nothing_back_of_what_was_before(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        full = per_seat(6000, proration_up="full", proration_down="full")
        last = changed(changed(first, to(BIG), "2026-06-16"), to(full), "2026-06-16")
        assert sum(sums(last, first)) == 6000

    def test_the_price_that_waits_is_the_last(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        last = changed(changed(first, to(BIG), "2026-06-16"), to(per_seat(6000), "none"), "2026-06-16")
        assert sum(sums(last, first)) == 0
        assert [line[-1] for line in since(run(last, at("2026-07-01")), last)] == [6000]
