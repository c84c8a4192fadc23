"""What changes of plan and price, pauses and ends come to (Billing rules, section 5)."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.schedule import Interval
from invoicing.domain.charge import CAP
from invoicing.domain.discounts import Voucher
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS, KEEP, SHIFT, Agreement, PriceTerms
from tests.bills import at, bill, but, graduated, half, lines_of, nets_of, once, per_call, per_seat, used
from tests.histories import History, account, charge_now, price, run, start

PLAN, OTHER_PLAN = uuid.UUID(int=4), uuid.UUID(int=5)
YEAR = Interval("year")
SMALL, BIG = per_seat(3000), per_seat(4500)
YEARLY = per_seat(30000, interval=YEAR)


def to(target: PriceTerms, proration: str = "", *, plan: uuid.UUID = PLAN, quantity: int | None = None) -> PriceChange:
    return PriceChange(plan, "Team" if plan == PLAN else "Big", target, quantity, proration)


def begin(terms: PriceTerms, seats: int, moment: str, **values: Any) -> History:
    customer = values.pop("customer", None)
    return bill(start([(terms, seats)], at(moment), zone=values.pop("zone", "UTC"), **values), customer=customer)


def changed(history: History, wanted: PriceChange, moment: str) -> History:
    return charge_now(history, change.change_price(history.agreement, wanted, at(moment)), at(moment))


def altered(history: History, step: Callable[..., Agreement], moment: str, *arguments: Any, **values: Any) -> History:
    return charge_now(history, step(history.agreement, *arguments, at(moment), **values), at(moment))


def seats_now(history: History, seats: int, moment: str) -> History:
    """Change the seats and bill them at once."""
    agreement = change.change_seats(history.agreement, seats, at(moment))
    return charge_now(history, agreement, at(moment), seats_now=True)


def since(history: History, earlier: History) -> list[tuple[str, str, str, int]]:
    return lines_of(*history.proposals[len(earlier.proposals) :])


def sums(history: History, earlier: History) -> list[int]:
    return [paper.sub_total_minor for paper in history.proposals[len(earlier.proposals) :]]


class TestInstantChange:
    @pytest.mark.parametrize(("one", "other", "expected"), [(SMALL, BIG, 1500), (BIG, SMALL, -1500)])
    def test_on_day_0(self, one: PriceTerms, other: PriceTerms, expected: int) -> None:
        first = begin(one, 1, "2026-06-01 10:17")
        second = changed(first, to(other), "2026-06-01 10:17")
        assert sums(second, first) == [expected]
        assert [line[0] for line in since(second, first)] == ["recurring", "recurring"]

    @pytest.mark.parametrize(("one", "other", "expected"), [(SMALL, BIG, 750), (BIG, SMALL, -750)])
    @pytest.mark.parametrize("seats", [1, 5])
    def test_after_15_of_30_days(self, one: PriceTerms, other: PriceTerms, expected: int, seats: int) -> None:
        first = begin(one, seats, "2026-06-01 10:17")
        second = changed(first, to(other), "2026-06-16 23:00")
        assert sums(second, first) == [expected * seats]

    def test_the_same_price_costs_nothing(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        assert changed(first, to(SMALL), "2026-06-16").proposals == first.proposals

    @pytest.mark.parametrize(
        ("begun", "day", "expected"),
        [
            ("2023-06-01", "2023-06-16", [-5000, 15000]),
            ("2023-06-01", "2023-06-11", [-6667, 20000]),
            ("2024-02-18", "2024-02-25", [-7586, 22759]),
        ],
    )
    def test_two_lines(self, begun: str, day: str, expected: list[int]) -> None:
        first = begin(per_seat(10000), 1, begun)
        second = changed(first, to(per_seat(30000)), day)
        assert [line[-1] for line in since(second, first)] == expected
        assert [line[0] for line in since(second, first)] == ["credit", "recurring"]

    @pytest.mark.parametrize(
        ("begun", "expected"),
        [("2026-02-01", 27750), ("2024-02-01", 27724), ("2026-06-01", 27700), ("2026-07-01", 27677)],
    )
    def test_another_interval_restarts_the_period(self, begun: str, expected: int) -> None:
        first = begin(SMALL, 1, begun)
        moment = f"{at(begun) + timedelta(days=7):%Y-%m-%d}"
        second = changed(first, to(YEARLY), moment)
        assert sums(second, first) == [expected]
        later = run(second, at(moment) + timedelta(days=366))
        assert [line[-1] for line in since(later, second)] == [30000]

    def test_after_another_bill_of_the_same_moment_too(self) -> None:
        """Everything is billed to the very moment of the change: what was paid for the month still comes back."""
        first = begin(SMALL, 1, "2026-06-01")
        settled = charge_now(first, first.agreement, at("2026-06-08"))
        second = changed(settled, to(YEARLY), "2026-06-08")
        assert sums(second, first) == [27700]
        assert since(charge_now(second, second.agreement, at("2026-06-08")), second) == []

    def test_on_the_last_local_day_nothing_is_left(self) -> None:
        first = begin(SMALL, 1, "2026-06-01 10:17")
        second = changed(first, to(BIG), "2026-07-01 09:00")
        assert since(second, first) == []
        assert since(run(second, at("2026-07-01 10:17")), second) == [("recurring", "07-01", "08-01", 4500)]

    def test_what_an_interval_that_restarts_left_is_never_charged_again(self) -> None:
        """Berlin, from Sunday 26 May 02:00, 1000 a month by the calendar; on Monday 02:00 by two weeks from 00:00.

        Paid 6/31, given back 5/31, then 1000 a fortnight: the fortnight began before the change, but not what is owed.
        """
        values = {"zone": "Europe/Berlin", "alignment": "calendar"}
        first = begin(per_seat(1000), 1, "2024-05-26", **values)
        second = changed(first, to(per_seat(1000, interval=Interval("week", 2))), "2024-05-27")
        assert [line[-1] for line in lines_of(*second.proposals)] == [194, -161, 1000]
        assert since(run(second, at("2024-06-10")), second) == [("recurring", "06-09", "06-23", 1000)]

    def test_another_interval_at_the_moment_of_another_bill(self) -> None:
        """On day 15 seats are billed, then at that very moment 300.00 a year: 2 x 1500 come back all the same."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = seats_now(first, 2, "2026-06-16")
        assert [line[-1] for line in since(seated, first)] == [1500]
        second = changed(seated, to(YEARLY), "2026-06-16")
        assert sums(second, seated) == [60000 - 3000]
        assert run(second, at("2026-07-01")).proposals == second.proposals

    def test_a_calendar_of_weeks_says_nothing_of_the_day_of_months(self) -> None:
        """By the week from Monday 8 June; by the month from Wednesday 17 June: 14/30 to the 1st."""
        first = begin(per_seat(700, interval=Interval("week")), 1, "2026-06-08", alignment="calendar")
        second = changed(run(first, at("2026-06-15")), to(per_seat(3000)), "2026-06-17")
        assert lines_of(second.proposals[-1]) == [
            ("credit", "06-17", "06-22", -500),
            ("recurring", "06-17", "07-01", 1400),
        ]

    def test_the_next_period_is_the_new_price(self) -> None:
        first = changed(begin(SMALL, 1, "2026-06-01"), to(BIG), "2026-06-16")
        assert since(run(first, at("2026-08-01")), first) == [
            ("recurring", "07-01", "08-01", 4500),
            ("recurring", "08-01", "09-01", 4500),
        ]

    def test_each_tier_is_given_back_and_charged(self) -> None:
        tiers = price(graduated((1, 10, "1500", "1000"), (11, 20, "1000", "1500"), (21, None, "500", "2500")))
        first = begin(tiers, 25, "2026-06-01")
        second = changed(first, to(SMALL), "2026-06-16")
        assert [line[-1] for line in since(second, first)] == [-8000, -5750, -2500, 37500]

    def test_several_in_one_period(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG), "2026-06-11")
        third = changed(second, to(per_seat(6000)), "2026-06-21")
        assert sums(third, first) == [1000, 500]
        assert since(run(third, at("2026-07-01")), third) == [("recurring", "07-01", "08-01", 6000)]

    def test_a_price_in_arrears_is_cut(self) -> None:
        first = begin(per_seat(3000, timing=ARREARS), 1, "2026-06-01")
        second = changed(first, to(per_seat(6000, timing=ARREARS)), "2026-06-11")
        assert since(second, first) == []
        assert [line[-1] for line in since(run(second, at("2026-07-01")), second)] == [1000, 4000]

    def test_from_advance_to_arrears(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(per_seat(6000, timing=ARREARS)), "2026-06-16")
        assert since(second, first) == [("credit", "06-16", "07-01", -1500)]
        assert [line[-1] for line in since(run(second, at("2026-07-01")), second)] == [3000]

    def test_tax_and_rounding_of_each_line(self) -> None:
        """4500 -> 3000 on day 0, 19 % exclusive."""
        second = changed(begin(BIG, 1, "2026-06-01"), to(SMALL), "2026-06-01")
        paper = second.proposals[-1]
        assert (paper.sub_total_minor, paper.tax_total_minor, paper.total_minor) == (-1500, -285, -1785)
        assert paper.is_credit


class TestUndone:
    @pytest.mark.parametrize("moment", ["2026-06-01", "2026-06-01 12:00", "2026-06-16", "2026-06-30 23:00"])
    @pytest.mark.parametrize("target", [BIG, per_seat("333.33"), YEARLY, per_seat(7000, timing=ARREARS)])
    @pytest.mark.parametrize("policy", ["", "second", "thirty_360"])
    def test_at_the_same_instant_comes_to_nothing(self, moment: str, target: PriceTerms, policy: str) -> None:
        first = begin(per_seat("1234.5"), 3, "2026-06-01")
        second = changed(first, to(target, policy), moment)
        third = changed(second, to(per_seat("1234.5")), moment)
        assert sum(sums(third, first)) == 0
        assert sum(paper.total_minor for paper in third.proposals[1:]) == 0
        after_it, never = run(third, at("2026-09-01")), run(first, at("2026-09-01"))
        if target != YEARLY or moment != "2026-06-01":
            assert since(after_it, third) == since(never, first)

    @pytest.mark.parametrize("moment", ["2026-06-01", "2026-06-16"])
    def test_from_arrears_to_advance_and_back(self, moment: str) -> None:
        late = per_seat(3000, timing=ARREARS)
        first = begin(late, 1, "2026-06-01")
        second = changed(first, to(BIG), moment)
        third = changed(second, to(late), moment)
        assert sum(sums(third, first)) == 0
        assert since(run(third, at("2026-07-01")), third) == [("recurring", "06-01", "07-01", 3000)]

    def test_full_gives_nothing_back_to_a_price_in_arrears(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(per_seat(6000, timing=ARREARS), "full"), "2026-06-01")
        assert since(second, first) == []
        assert since(run(second, at("2026-07-01")), second) == [("recurring", "06-01", "07-01", 6000)]

    def test_full_is_taken_back_too(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG, "full"), "2026-06-11")
        third = changed(second, to(SMALL), "2026-06-11")
        assert sums(third, first) == [4500, -4500]
        assert since(run(third, at("2026-07-01")), third) == [("recurring", "07-01", "08-01", 3000)]

    def test_what_is_undone_itself_comes_back_by_the_policy_it_was_taken_by(self) -> None:
        """To 4500 on 16 June at noon, by the second: 14.5 of 30 days, -1450 + 2175. Back, and there again: the same.

        By the day it would be -1500 + 2250.
        """
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG, "second"), "2026-06-16 12:00")
        assert [line[-1] for line in since(second, first)] == [-1450, 2175]
        back = changed(second, to(SMALL), "2026-06-16 12:00")
        again = changed(back, to(BIG), "2026-06-16 12:00")
        assert sums(again, first) == [725, -725, 725]
        asked = changed(back, to(BIG, "day"), "2026-06-16 12:00")
        assert sums(asked, first) == [725, -725, 750]

    def test_a_discount_used_up_comes_back(self) -> None:
        single = half(duration="once", remaining=1)
        first = begin(SMALL, 1, "2026-06-01", customer=account(single))
        second = changed(first, to(BIG), "2026-06-01")
        third = changed(second, to(SMALL), "2026-06-01")
        assert sum(paper.total_minor for paper in third.proposals[1:]) == 0


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "expected"),
        [("day", [-15000, 30000]), ("second", [-14575, 29150]), ("thirty_360", [-15000, 30000])],
    )
    def test_days_are_counted_as_asked(self, policy: str, expected: list[int]) -> None:
        first = begin(per_seat(30000), 1, "2026-06-01")
        second = changed(first, to(per_seat(60000), policy), "2026-06-16 10:12")
        assert [line[-1] for line in since(second, first)] == expected

    def test_thirty_360(self) -> None:
        """15 to 23 May of 19.95 -> 5.32."""
        first = begin(per_seat(1995, proration_down="thirty_360"), 1, "2026-05-01")
        ended = altered(first, change.end, "2026-05-15", credits_unused=True)
        unused = -sum(line[-1] for line in since(ended, first))
        other = altered(first, change.end, "2026-05-23", credits_unused=True)
        assert unused + sum(line[-1] for line in since(other, first)) == 532

    def test_the_targets_policy_for_the_direction(self) -> None:
        target = per_seat(60000, proration_up="second", proration_down="thirty_360")
        first = begin(per_seat(30000), 1, "2026-06-01")
        up = changed(first, to(target), "2026-06-16 10:12")
        assert [line[-1] for line in since(up, first)] == [-14575, 29150]
        dear = begin(per_seat(90000), 1, "2026-06-01")
        down = changed(dear, to(target), "2026-06-16 10:12")
        assert [line[-1] for line in since(down, dear)] == [-45000, 30000]

    def test_one_policy_rules_both_lines_in_arrears_too(self) -> None:
        """3000 in arrears by the day, at noon of 16 June as much by the second: 15.5 and 14.5 of 30 days, 3000 in all.

        Each by its own, 15 and 14.5 days, would leave half a day out.
        """
        first = begin(per_seat(3000, timing=ARREARS), 1, "2026-06-01")
        second = changed(first, to(per_seat(3000, timing=ARREARS, digital=False), "second"), "2026-06-16 12:00")
        billed = run(second, at("2026-07-01"))
        assert since(billed, first) == [("recurring", "06-01", "06-16", 1550), ("recurring", "06-16", "07-01", 1450)]

    def test_one_policy_rules_both_lines_of_a_calendar_that_restarts(self) -> None:
        """At noon of 16 June by the second: 14.5 of 30 days back, 198.5 of 365 to the end of the year."""
        first = begin(SMALL, 1, "2026-06-01", alignment="calendar")
        second = changed(first, to(per_seat(36500, interval=YEAR), "second"), "2026-06-16 12:00")
        assert [line[-1] for line in since(second, first)] == [-1450, 19850]

    def test_a_stub_is_counted_as_its_price_says(self) -> None:
        """From noon of 16 June by the calendar, 14.5 of 30 days; at the very start another price, and back."""
        terms = per_seat(3000, proration_up="second", proration_down="second")
        first = begin(terms, 1, "2026-06-16 12:00", alignment="calendar")
        assert nets_of(*first.proposals) == [("recurring", 0, 1450)]
        second = changed(first, to(BIG), "2026-06-16 12:00")
        third = changed(second, to(terms), "2026-06-16 12:00")
        assert sums(third, first) == [-1450 + 2250, 1450 - 2250]
        ended = altered(third, change.end, "2026-06-30 12:00", credits_unused=True)
        assert sums(ended, third) == [-50]

    def test_none_waits_for_the_next_period(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG, "none"), "2026-06-11")
        assert since(second, first) == []
        assert since(run(second, at("2026-07-01")), second) == [("recurring", "07-01", "08-01", 4500)]

    def test_none_and_then_another_change(self) -> None:
        """What is charged until the period ends is the first price; a later change gives that back."""
        first = changed(begin(SMALL, 1, "2026-06-01"), to(BIG, "none"), "2026-06-11")
        second = changed(first, to(per_seat(6000)), "2026-06-16")
        assert [line[-1] for line in since(second, first)] == [-1500, 3000]

    def test_undone_at_the_very_start_whatever_its_policy(self) -> None:
        first = begin(per_seat(3000, proration_up="none", proration_down="none"), 1, "2026-06-01")
        third = changed(
            changed(first, to(BIG), "2026-06-01"),
            to(first.agreement.items[0].versions[0].price),
            "2026-06-01",
        )
        assert sums(third, first) == [1500, -1500]
        assert since(run(third, at("2026-07-01")), third) == [("recurring", "07-01", "08-01", 3000)]

    def test_what_waits_for_the_next_period_is_left_waiting_by_what_is_undone(self) -> None:
        first = changed(begin(SMALL, 1, "2026-06-01"), to(BIG, "none"), "2026-06-11")
        second = changed(first, to(per_seat(6000)), "2026-06-16")
        third = changed(second, to(BIG), "2026-06-16")
        assert sums(third, first) == [1500, -1500]
        assert since(run(third, at("2026-07-01")), third) == [("recurring", "07-01", "08-01", 4500)]

    def test_none_on_day_0(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG, "none"), "2026-06-01")
        assert since(run(second, at("2026-07-01")), first) == [("recurring", "07-01", "08-01", 4500)]

    def test_none_cannot_begin_another_interval(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        with pytest.raises(InvalidAgreement) as caught:
            change.change_price(first.agreement, to(YEARLY, "none"), at("2026-06-11"))
        assert caught.value.field == "proration"

    @pytest.mark.parametrize("moment", ["2026-06-01", "2026-06-11"])
    def test_full_gives_nothing_back_and_restarts(self, moment: str) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        second = changed(first, to(BIG, "full"), moment)
        assert [line[-1] for line in since(second, first)] == [4500]
        later = run(second, at(moment) + timedelta(days=31))
        assert [line[-1] for line in since(later, second)] == [4500]


class TestSeatsAndChanges:
    def test_seats_that_wait_are_part_of_what_is_given_back(self) -> None:
        """One seat, three from day 10, dearer from day 20: back 1 x 1000, on 3 x 1500, the two for ten days 2000."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = altered(first, lambda one, when: change.change_seats(one, 3, when), "2026-06-11")
        assert since(seated, first) == []
        second = changed(seated, to(BIG), "2026-06-21")
        assert [line[-1] for line in since(second, seated)] == [-1000, 4500]
        assert since(run(second, at("2026-07-01")), second) == [
            ("seats", "06-11", "06-21", 2000),
            ("recurring", "07-01", "08-01", 13500),
        ]

    def test_seats_of_who_leaves_without_money_back(self) -> None:
        """Three seats from day 10, ended on day 20: the two more are charged for the ten days they were there."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = altered(first, lambda one, when: change.change_seats(one, 3, when), "2026-06-11")
        ended = altered(seated, change.end, "2026-06-21", credits_unused=False)
        assert since(ended, seated) == [("seats", "06-11", "06-21", 2000)]

    def test_seats_of_who_leaves_with_money_back(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        seated = altered(first, lambda one, when: change.change_seats(one, 3, when), "2026-06-11")
        ended = altered(seated, change.end, "2026-06-21", credits_unused=True)
        assert [line[-1] for line in since(ended, seated)] == [2000, -1000]

    def test_seats_billed_at_once_stand_when_the_price_changes(self) -> None:
        """Two more from day 10, paid at once: 4000; from day 20 another price: back 3 x 1000, on 3 x 1500."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = seats_now(first, 3, "2026-06-11")
        assert since(seated, first) == [("seats", "06-11", "07-01", 4000)]
        second = changed(seated, to(BIG), "2026-06-21")
        assert [line[-1] for line in since(second, seated)] == [-3000, 4500]
        assert since(run(second, at("2026-07-01")), second) == [("recurring", "07-01", "08-01", 13500)]

    @pytest.mark.parametrize(("left", "expected"), [(1, -4000), (2, -2000), (4, 2000)])
    def test_seats_billed_at_once_and_changed_at_their_very_moment(self, left: int, expected: int) -> None:
        first = seats_now(begin(SMALL, 1, "2026-06-01"), 3, "2026-06-11")
        second = seats_now(first, left, "2026-06-11")
        assert since(second, first) == [("seats", "06-11", "07-01", expected)]
        assert second.proposals[-1].lines[0].charge.quantity == left - 3
        assert since(run(second, at("2026-07-01")), second) == [("recurring", "07-01", "08-01", 3000 * left)]

    def test_seats_taken_back_share_their_own_discount(self) -> None:
        """A voucher halved the first seat and was used up: the two billed in full beside it are taken back in full."""
        single = half(duration="once", remaining=1)
        first = seats_now(begin(SMALL, 1, "2026-06-01", customer=account(single)), 3, "2026-06-01")
        assert [nets_of(paper) for paper in first.proposals] == [[("recurring", 1500, 1500)], [("seats", 0, 6000)]]
        assert nets_of(seats_now(first, 2, "2026-06-01").proposals[-1]) == [("seats", 0, -3000)]
        assert nets_of(seats_now(first, 1, "2026-06-01").proposals[-1]) == [("seats", 0, -6000)]

    def test_seats_that_came_to_nothing_are_not_taken_off_those_billed_after(self) -> None:
        """700 for three: a second from day 5 costs nothing, two more from day 10, paid at once, 700 x 20/30 = 467."""
        first = begin(price(Rating(PriceType.PACKAGE, unit_price=Decimal(700), units=3)), 1, "2026-06-01")
        second = replace(first, agreement=change.change_seats(first.agreement, 2, at("2026-06-06")))
        seated = seats_now(second, 4, "2026-06-11")
        assert since(seated, first) == [("seats", "06-11", "07-01", 467)]
        assert since(run(seated, at("2026-07-01")), seated) == [("recurring", "07-01", "08-01", 1400)]

    def test_seats_that_wait_may_cost_more_than_what_was_paid(self) -> None:
        """Paid 3000; five seats from day 0, ended after a day of thirty: 5 x 3000 x 1/30 = 500 is what it costs."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = altered(first, lambda one, when: change.change_seats(one, 5, when), "2026-06-01")
        ended = altered(seated, change.end, "2026-06-02", credits_unused=True)
        assert [line[-1] for line in since(ended, seated)] == [400, -2900]
        second = changed(seated, to(per_seat(6000)), "2026-06-02")
        assert [line[-1] for line in since(second, seated)] == [-2900, 29000]
        assert since(run(second, at("2026-07-01")), second) == [
            ("seats", "06-01", "06-02", 400),
            ("recurring", "07-01", "08-01", 30000),
        ]

    def test_seats_billed_at_once_are_given_back_with_the_others(self) -> None:
        """Two more from day 15 for 3000, ended on day 19 with 11 days left: 3 x 1100 come back, 2700 stay."""
        first = begin(SMALL, 1, "2026-06-01")
        more = change.change_seats(first.agreement, 3, at("2026-06-16"))
        seated = charge_now(first, more, at("2026-06-16"), seats_now=True)
        ended = altered(seated, change.end, "2026-06-20", credits_unused=True)
        assert [line[-1] for line in since(ended, first)] == [3000, -3300]
        waiting = altered(first, lambda one, when: change.change_seats(one, 3, when), "2026-06-16")
        assert sum(sums(altered(waiting, change.end, "2026-06-20", credits_unused=True), first)) == -300

    def test_seats_gone_and_not_credited_yet(self) -> None:
        """Three billed, two go on day 10, ended on day 20: 3 x 1000 for the days left, 2 x 1000 for days missed."""
        first = begin(SMALL, 3, "2026-06-01")
        fewer = altered(first, lambda one, when: change.change_seats(one, 1, when), "2026-06-11")
        ended = altered(fewer, change.end, "2026-06-21", credits_unused=True)
        assert [line[-1] for line in since(ended, fewer)] == [-2000, -3000]

    def test_seats_that_wait_through_a_pause_are_not_charged_for_it(self) -> None:
        """Two more from day 5, paused from day 10 for 15 days: given back 1 x 1500; the two for ten days: 2000."""
        first = begin(SMALL, 1, "2026-06-01")
        seated = altered(first, lambda one, when: change.change_seats(one, 3, when), "2026-06-06")
        waits = replace(seated, agreement=change.pause(seated.agreement, at("2026-06-11")))
        back = altered(waits, lambda one, when: change.resume(one, when, KEEP), "2026-06-26")
        assert since(back, seated) == [("credit", "06-11", "06-26", -1500)]
        assert since(run(back, at("2026-07-01")), back) == [
            ("seats", "06-06", "07-01", 2000),
            ("recurring", "07-01", "08-01", 9000),
        ]

    def test_seats_of_one_price_that_came_at_the_moment_of_others(self) -> None:
        """700 for three: four are paid, 1400; one is left, 700 come back; two of that moment cost what one does."""
        first = begin(price(Rating(PriceType.PACKAGE, unit_price=Decimal(700), units=3)), 4, "2026-06-01")
        one = seats_now(first, 1, "2026-06-01")
        two = replace(one, agreement=change.change_seats(one.agreement, 2, at("2026-06-01")))
        assert [line[-1] for line in since(one, first)] == [-700]
        assert since(run(two, at("2026-07-01")), two) == [("recurring", "07-01", "08-01", 700)]

    def test_a_plan_without_seats_takes_one(self) -> None:
        first = begin(SMALL, 4, "2026-06-01")
        second = changed(first, to(BIG, plan=OTHER_PLAN, quantity=1), "2026-06-16")
        assert [line[-1] for line in since(second, first)] == [-6000, 2250]


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


class TestPause:
    def paused(self, resumed: str, policy: str, terms: PriceTerms = SMALL) -> tuple[History, History]:
        """30 days paid, paused after ten."""
        first = begin(terms, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-11")))
        return first, altered(waits, lambda one, when: change.resume(one, when, policy), resumed)

    def test_shift_moves_the_end(self) -> None:
        first, back = self.paused("2026-06-26", SHIFT)
        assert since(back, first) == []
        assert since(run(back, at("2026-08-16")), back) == [
            ("recurring", "07-16", "08-16", 3000),
            ("recurring", "08-16", "09-16", 3000),
        ]

    def test_the_days_behind_a_shift_are_counted_of_the_days_paid(self) -> None:
        """20 of 30 days are used on 6 July; a third is left."""
        _, back = self.paused("2026-06-26", SHIFT)
        assert [line[-1] for line in since(changed(back, to(BIG), "2026-07-06"), back)] == [-1000, 1500]

    def test_two_shifts_in_one_period(self) -> None:
        _, back = self.paused("2026-06-26", SHIFT)
        waits = replace(back, agreement=change.pause(back.agreement, at("2026-07-06")))
        again = altered(waits, change.resume, "2026-07-11")
        assert since(again, back) == []
        assert since(run(again, at("2026-07-21")), again) == [("recurring", "07-21", "08-21", 3000)]
        assert [line[-1] for line in since(altered(again, change.end, "2026-07-16", credits_unused=True), again)] == [
            -500
        ]

    @pytest.mark.parametrize(("resumed", "days"), [("2026-07-05 12:00", "08-05"), ("2026-07-08 12:00", "08-08")])
    def test_a_shifted_end_earlier_in_the_day_than_the_resumption_is_no_free_month(
        self, resumed: str, days: str
    ) -> None:
        """Paused on the last day at 09:00, before the end at 10:17; back at 12:00, days later or that very day."""
        first = begin(SMALL, 1, "2026-06-05 10:17")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-07-05 09:00")))
        back = altered(waits, change.resume, resumed)
        assert since(back, first) == [("recurring", resumed[5:10], days, 3000)]
        assert [line[0:2] for line in since(run(back, at(f"2026-{days} 11:00")), back)] == [("recurring", days)]

    def test_a_shift_from_the_very_start(self) -> None:
        """Paid on 1 June and paused at that moment until 11 June: the month paid for is served to 11 July."""
        first = begin(SMALL, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-01")))
        back = altered(waits, change.resume, "2026-06-11")
        assert since(back, first) == []
        assert since(run(back, at("2026-07-11")), back) == [("recurring", "07-11", "08-11", 3000)]
        kept = altered(waits, lambda one, when: change.resume(one, when, KEEP), "2026-06-11")
        assert [line[-1] for line in since(kept, first)] == [-3000, 2000]

    def test_a_period_that_many_pauses_lengthen_is_paid_once(self) -> None:
        """Paused on day 1 for a day, at once again for 159 days: 29 days of June are served from 9 November on."""
        first = begin(SMALL, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-02")))
        back = altered(waits, change.resume, "2026-06-03")
        waits = replace(back, agreement=change.pause(back.agreement, at("2026-06-03")))
        again = altered(waits, change.resume, "2026-11-09")
        assert since(run(again, at("2026-12-08")), first) == [("recurring", "12-08", "01-08", 3000)]

    def test_a_shift_into_a_shorter_month_moves_the_end_by_all_the_days(self) -> None:
        """28 of 31 days are left on 8 January; back on 9 February they last until 9 March, not until 9 February."""
        first = begin(SMALL, 1, "2026-01-05 10:17")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-01-08 09:00")))
        back = altered(waits, change.resume, "2026-02-09 09:00")
        assert since(back, first) == []
        assert since(run(back, at("2026-04-10")), back) == [
            ("recurring", "03-09", "04-09", 3000),
            ("recurring", "04-09", "05-09", 3000),
        ]
        assert [line[-1] for line in since(altered(back, change.end, "2026-02-23", credits_unused=True), back)] == [
            -1355  # 14 of 31 days
        ]

    def test_shift_in_the_odd_hours_of_another_zone(self) -> None:
        """From Berlin to New York at the boundary of 28 February 10:17 UTC, paused an hour later for ten days."""
        first = begin(SMALL, 1, "2026-01-31 10:17", zone="Europe/Berlin")
        moved = replace(first, agreement=change.move_to_zone(first.agreement, "America/New_York", at("2026-02-10")))
        due = run(moved, at("2026-02-28 10:17"))
        waits = replace(due, agreement=change.pause(due.agreement, at("2026-02-28 11:17")))
        back = altered(waits, change.resume, "2026-03-10 11:17")
        assert since(back, due) == []
        assert since(run(back, at("2026-04-11")), back) == [("recurring", "04-10", "05-10", 3000)]

    def test_keep_gives_the_days_back(self) -> None:
        first, back = self.paused("2026-06-26", KEEP)
        assert since(back, first) == [("credit", "06-11", "06-26", -1500)]
        assert since(run(back, at("2026-07-01")), back) == [("recurring", "07-01", "08-01", 3000)]

    def test_keep_gives_seats_back_that_were_billed_at_once(self) -> None:
        """Two seats, one of them billed at once on the first day: 15 of 30 days of both, 3000."""
        first = seats_now(begin(SMALL, 1, "2026-06-01"), 2, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-11")))
        back = altered(waits, lambda one, when: change.resume(one, when, KEEP), "2026-06-26")
        assert since(back, first) == [("credit", "06-11", "06-26", -3000)]
        assert since(run(back, at("2026-07-01")), back) == [("recurring", "07-01", "08-01", 6000)]

    @pytest.mark.parametrize("moment", ["2026-06-01", "2026-06-11"])
    def test_a_kept_pause_of_no_length_gives_nothing_back_at_an_end(self, moment: str) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at(moment)))
        back = altered(waits, lambda one, when: change.resume(one, when, KEEP), moment)
        assert since(altered(back, change.end, "2026-06-16", credits_unused=False), first) == []

    @pytest.mark.parametrize(("policy", "left"), [(SHIFT, [-2000]), (KEEP, [-1500, -500])])
    def test_another_interval_at_the_moment_of_the_resumption(self, policy: str, left: list[int]) -> None:
        """Ten days are used: 20 of 30 come back, whether they were moved, or 15 paused and 5 left."""
        first = begin(SMALL, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-11")))
        back = change.resume(waits.agreement, at("2026-06-26"), policy)
        yearly = charge_now(waits, change.change_price(back, to(YEARLY), at("2026-06-26")), at("2026-06-26"))
        assert [line[-1] for line in since(yearly, first)] == [*left, 30000]

    def test_keep_is_rounded_once(self) -> None:
        """1000 for 31 days, seven of them paused: 226, not 677 less 452."""
        first = begin(per_seat(1000), 1, "2026-07-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-07-11")))
        back = altered(waits, lambda one, when: change.resume(one, when, KEEP), "2026-07-18")
        assert since(back, first) == [("credit", "07-11", "07-18", -226)]

    def test_keep_over_boundaries(self) -> None:
        """Boundaries passed are not billed; what is left of the running period is."""
        first, back = self.paused("2026-08-16", KEEP)
        assert since(back, first) == [("credit", "06-11", "07-01", -2000), ("recurring", "08-16", "09-01", 1548)]

    def test_usage_around_a_kept_pause_is_one_period(self) -> None:
        agreement = start(
            [(SMALL, 1), (per_call(rating=graduated((1, 10, "100", "0"), (11, None, "50", "0"))), 1)],
            at("2026-06-01"),
            zone="UTC",
        )
        first = bill(agreement, usage=[used(5, "2026-06-05"), used(10, "2026-06-28")])
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-11")))
        back = altered(waits, lambda one, when: change.resume(one, when, KEEP), "2026-06-26")
        assert since(back, first) == [("credit", "06-11", "06-26", -1500)]
        assert [line for line in since(run(back, at("2026-07-01")), back) if line[0] == "usage"] == [
            ("usage", "06-01", "07-01", 1000),
            ("usage", "06-01", "07-01", 250),
        ]

    def test_ended_in_a_pause(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-06-11")))
        assert sums(altered(waits, change.end, "2026-06-21", credits_unused=True), first) == [-2000]
        assert sums(altered(waits, change.end, "2026-06-21", credits_unused=False), first) == []

    def test_seats_paid_before_a_pause_that_shifts_are_given_back_behind_it(self) -> None:
        """Two seats paid, paused at once for months, then dearer from the first day served: all 6000 come back."""
        first = begin(SMALL, 1, "2026-01-01")
        seated = charge_now(
            first, change.change_seats(first.agreement, 2, at("2026-01-01")), at("2026-01-01"), seats_now=True
        )
        waits = replace(seated, agreement=change.pause(seated.agreement, at("2026-01-01")))
        resumed = change.resume(waits.agreement, at("2026-06-09"), SHIFT)
        target = to(per_seat(3000, timing=ARREARS))
        second = charge_now(waits, change.change_price(resumed, target, at("2026-06-09")), at("2026-06-09"))
        assert sums(second, seated) == [-6000]

    def test_calendar_periods_keep(self) -> None:
        first = begin(per_seat(3100), 1, "2026-07-01", alignment="calendar")
        waits = replace(first, agreement=change.pause(first.agreement, at("2026-07-11")))
        assert sums(altered(waits, change.resume, "2026-07-21"), first) == [-1000]
        with pytest.raises(InvalidAgreement):
            change.resume(waits.agreement, at("2026-07-21"), SHIFT)


class TestVouchers:
    def test_a_credit_takes_its_share_of_the_discount(self) -> None:
        """1000 less 50 % once, billed 500, -> 3000 after 15 of 30 days: -250 + 1500."""
        single = half(duration="once", remaining=1)
        first = begin(per_seat(1000), 1, "2026-06-01", customer=account(single))
        second = changed(first, to(SMALL), "2026-06-16")
        assert nets_of(second.proposals[-1]) == [("credit", -250, -250), ("recurring", 0, 1500)]

    def test_a_fixed_discount_is_prorated_with_the_price(self) -> None:
        """20.00 less 5.00 -> 30.00 less 5.00 at half: -7.50 + 12.50."""
        five = Voucher("five", "r", "fixed_discount", amounts=(("EUR", 500),), duration="forever")
        first = begin(per_seat(2000), 1, "2026-06-01", customer=account(five))
        second = changed(first, to(SMALL), "2026-06-16")
        assert nets_of(second.proposals[-1]) == [("credit", -250, -750), ("recurring", 250, 1250)]

    def test_a_change_inside_a_period_uses_no_voucher_up(self) -> None:
        thrice = half(duration="repeating", remaining=3)
        first = begin(per_seat(1000), 1, "2026-06-01", customer=account(thrice))
        second = changed(first, to(SMALL), "2026-06-16")
        assert [voucher.remaining for voucher in second.account.vouchers] == [2]


class TestItems:
    ADD_ON = uuid.UUID(int=900)

    def test_an_add_on_is_charged_for_what_is_left_and_given_back(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        extra = price(Rating(PriceType.FIXED_PRICE, unit_price=Decimal(1000)), product_name="Extra")
        added = altered(first, lambda one, when: change.add_item(one, self.ADD_ON, extra, 2, when), "2026-06-16")
        assert since(added, first) == [("recurring", "06-16", "07-01", 1000)]
        gone = altered(added, lambda one, when: change.remove_item(one, self.ADD_ON, when), "2026-06-22")
        assert since(gone, added) == [("credit", "06-22", "07-01", -600)]
        assert since(run(gone, at("2026-07-01")), gone) == [("recurring", "07-01", "08-01", 3000)]

    def test_an_add_on_that_goes_at_once_is_given_back_whatever_its_policy(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        extra = per_seat(500, proration_up="full", proration_down="full")
        added = altered(first, lambda one, when: change.add_item(one, self.ADD_ON, extra, 2, when), "2026-06-01")
        gone = altered(added, lambda one, when: change.remove_item(one, self.ADD_ON, when), "2026-06-01")
        assert sums(gone, first) == [1000, -1000]

    @pytest.mark.parametrize("moment", ["2026-06-01", "2026-07-01"])
    def test_an_add_on_at_the_very_moment_of_a_bill_is_charged(self, moment: str) -> None:
        first = run(begin(SMALL, 1, "2026-06-01"), at(moment))
        for extra, kind in [(per_seat(500), "recurring"), (once(700), "one_off")]:
            added = altered(first, lambda one, when, new=extra: change.add_item(one, self.ADD_ON, new, 2, when), moment)
            assert [(line[0], line[-1]) for line in since(added, first)] == [(kind, int(extra.rating.unit_price * 2))]
            assert run(added, at(moment)).proposals == added.proposals
            again = charge_now(added, added.agreement, at(moment))
            assert again.proposals == added.proposals
            later = run(added, at(moment) + timedelta(days=31))
            expected = ["recurring", "recurring"] if kind == "recurring" else ["recurring"]
            assert [line[0] for line in since(later, added)] == expected

    def test_the_plans_own_price_cannot_be_removed(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        with pytest.raises(InvalidAgreement):
            change.remove_item(first.agreement, first.agreement.items[0].item_id, at("2026-06-16"))


class TestZone:
    def test_the_next_boundary_stays_and_later_ones_keep_wall_time(self) -> None:
        first = begin(SMALL, 1, "2026-01-31 10:17", zone="Europe/Berlin")
        moved = replace(first, agreement=change.move_to_zone(first.agreement, "America/New_York", at("2026-02-10")))
        later = run(moved, at("2026-05-01"))
        assert [
            (f"{line.charge.period_start:%m-%d %H:%M}", line.charge.amount_minor)
            for paper in later.proposals
            for line in paper.lines
        ] == [("01-31 10:17", 3000), ("02-28 10:17", 3000), ("03-31 15:17", 3000), ("04-30 15:17", 3000)]


class TestExtension:
    def test_a_calendar_stub_at_the_trials_end(self) -> None:
        """35.00, trial to 11 March -> 21/31 = 23.71."""
        agreement = start([(per_seat(3500), 1)], at("2026-02-25"), zone="UTC", alignment="calendar", trial_days=14)
        assert agreement.trial_end_at == at("2026-03-11")
        extended = change.extend_trial(agreement, to(per_seat(3500)), at("2026-03-01"))
        history = charge_now(History(extended, account()), extended, at("2026-03-11"))
        assert lines_of(*history.proposals) == [("recurring", "03-11", "04-01", 2371)]


def test_monthly_amounts_are_exact() -> None:
    assert change.monthly_amount(YEARLY, 1) == 2500
    assert change.monthly_amount(per_seat(1000, interval=Interval("week")), 3) == 13000
