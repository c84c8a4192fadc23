"""What changes of plan, price and seats come to (Billing rules, section 5)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.schedule import Interval
from invoicing.domain.discounts import Voucher
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS, KEEP, PriceTerms
from tests.bills import at, graduated, half, lines_of, nets_of, per_seat
from tests.changes import BIG, OTHER_PLAN, SMALL, YEAR, YEARLY, altered, begin, changed, seats_now, since, sums, to
from tests.histories import account, charge_now, price, run


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


def test_monthly_amounts_are_exact() -> None:
    assert change.monthly_amount(YEARLY, 1) == 2500
    assert change.monthly_amount(per_seat(1000, interval=Interval("week")), 3) == 13000
