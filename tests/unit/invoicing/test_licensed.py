"""Recurring charges and changes of seats (Billing rules, sections 3 and 5, Seats)."""

from decimal import Decimal
from typing import Any

import pytest

from core.domain.schedule import Interval
from invoicing.domain.discounts import Voucher
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS, PriceTerms
from tests.bills import at, bill, graduated, half, lines_of, nets_of, once, per_call, per_seat, used
from tests.histories import History, account, price, start

YEAR = Interval("year")


def seats(
    unit: PriceTerms,
    number: int,
    begin: str,
    *moments: str,
    changes: tuple[tuple[str, int], ...] = (),
    zone: str = "UTC",
    alignment: str = "anniversary",
    **values: Any,
) -> History:
    """One item of seats that change, billed at each moment."""
    agreement = start([(unit, number)], at(begin), zone=zone, alignment=alignment)
    return bill(agreement, *moments, seats=changes, **values)


def amounts(history: History, kind: str = "") -> list[int]:
    return [line[-1] for line in lines_of(*history.proposals) if not kind or line[0] == kind]


class TestRecurring:
    def test_in_advance_each_period_is_charged_when_it_begins(self) -> None:
        history = seats(per_seat(3000), 1, "2026-01-31", "2026-02-27", "2026-02-28")
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "02-28", 3000),
            ("recurring", "02-28", "03-31", 3000),
        ]

    def test_in_arrears_each_period_is_charged_when_it_is_over(self) -> None:
        history = seats(per_seat(3000, timing=ARREARS), 1, "2026-01-31", "2026-02-27", "2026-02-28", "2026-03-31")
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "02-28", 3000),
            ("recurring", "02-28", "03-31", 3000),
        ]

    def test_a_stub_of_17_days(self) -> None:
        history = seats(per_seat(3100), 2, "2026-01-15", "2026-02-01", alignment="calendar")
        assert amounts(history) == [3400, 6200]

    def test_a_stub_in_arrears(self) -> None:
        history = seats(per_seat(3100, timing=ARREARS), 1, "2026-01-15", "2026-02-01", alignment="calendar")
        assert lines_of(*history.proposals) == [("recurring", "01-15", "02-01", 1700)]

    def test_each_tier_of_a_stub_is_rounded_once(self) -> None:
        """25 seats for 17 of 31 days: 16000, 11500 and 5000 a month."""
        tiers = graduated((1, 10, "1500", "1000"), (11, 20, "1000", "1500"), (21, None, "500", "2500"))
        history = seats(price(tiers), 25, "2026-01-15", alignment="calendar")
        assert amounts(history) == [8774, 6306, 2742]

    def test_a_backdated_start_has_a_line_for_each_period(self) -> None:
        history = seats(per_seat(3000), 1, "2026-01-31", opened="2026-04-15")
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "02-28", 3000),
            ("recurring", "02-28", "03-31", 3000),
            ("recurring", "03-31", "04-30", 3000),
        ]
        assert len(history.proposals) == 1

    def test_a_backdated_start_in_arrears_leaves_the_running_period_out(self) -> None:
        history = seats(per_seat(3000, timing=ARREARS), 1, "2026-01-31", opened="2026-04-15")
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "02-28", 3000),
            ("recurring", "02-28", "03-31", 3000),
        ]

    @pytest.mark.parametrize(
        ("currency", "unit", "expected"), [("JPY", "1500.5", 1501), ("KWD", "12345.678", 12346), ("EUR", "0.5", 1)]
    )
    def test_an_amount_is_rounded_once_in_the_currencys_own_unit(self, currency: str, unit: str, expected: int) -> None:
        history = seats(per_seat(unit, currency=currency), 1, "2026-01-01")
        assert amounts(history) == [expected]
        assert history.proposals[0].currency == currency


class TestSeats:
    def test_three_come_on_different_days(self) -> None:
        """1000, 31 days, one more after 1, 2 and 6 days -> 968, 935, 807 (sum 2710)."""
        changes = (("2026-01-02", 1), ("2026-01-03", 1), ("2026-01-07", 1))
        history = seats(per_seat(1000), 1, "2026-01-01", "2026-02-01", changes=changes)
        assert amounts(history, "seats") == [968, 935, 807]
        assert amounts(history)[-1] == 4000

    def test_who_comes_and_goes_pays_the_days(self) -> None:
        changes = (("2026-06-11", 2), ("2026-06-21", -2))
        history = seats(per_seat(3000), 3, "2026-06-01", "2026-07-01", changes=changes)
        assert lines_of(*history.proposals) == [
            ("recurring", "06-01", "07-01", 9000),
            ("seats", "06-11", "07-01", 4000),
            ("seats", "06-21", "07-01", -2000),
            ("recurring", "07-01", "08-01", 9000),
        ]

    def test_two_changes_of_one_moment_are_one_line(self) -> None:
        history = seats(per_seat(3000), 3, "2026-06-01", "2026-07-01", changes=(("2026-06-16", 2), ("2026-06-16", -1)))
        assert amounts(history, "seats") == [1500]

    def test_a_change_that_costs_nothing_has_no_line(self) -> None:
        """A package of three seats: the second and third cost nothing more, the fourth opens a package."""
        packages = price(Rating(PriceType.PACKAGE, unit_price=Decimal(3000), units=3))
        changes = (("2026-06-11", 1), ("2026-06-16", 2))
        history = seats(packages, 1, "2026-06-01", "2026-07-01", changes=changes)
        assert lines_of(*history.proposals)[1:-1] == [("seats", "06-16", "07-01", 1500)]

    def test_volume_tiers_take_the_price_after_less_the_price_before(self) -> None:
        """1-10 at 1000 and 1000, 11 and more at 200: the eleventh seat makes 11000 into 2200."""
        volume = price(
            Rating(
                PriceType.TIERED_VOLUME,
                tiers=graduated((1, 10, "1000", "1000"), (11, None, "200", "0")).tiers,
            )
        )
        history = seats(volume, 10, "2026-06-01", "2026-07-01", changes=(("2026-06-16", 1),))
        assert amounts(history) == [11000, -4400, 2200]

    def test_a_change_at_the_very_beginning_is_a_whole_period(self) -> None:
        """The start was billed with one seat; two more came the same instant."""
        history = seats(per_seat(1000), 1, "2026-06-01", "2026-07-01", changes=(("2026-06-01", 2),))
        assert amounts(history) == [1000, 2000, 3000]

    def test_a_change_at_a_boundary_belongs_to_the_next_period(self) -> None:
        history = seats(per_seat(1000), 1, "2026-06-01", "2026-07-01", "2026-08-01", changes=(("2026-07-01", 1),))
        assert lines_of(*history.proposals) == [
            ("recurring", "06-01", "07-01", 1000),
            ("recurring", "07-01", "08-01", 2000),
            ("recurring", "08-01", "09-01", 2000),
        ]

    def test_a_change_on_the_last_local_day_costs_nothing(self) -> None:
        """The period ends on 1 July 10:17; at 09:00 that day is no longer served."""
        history = seats(per_seat(1000), 1, "2026-06-01 10:17", "2026-07-01 10:17", changes=(("2026-07-01 09:00", 1),))
        assert amounts(history) == [1000, 2000]

    @pytest.mark.parametrize(
        ("policy", "amount"), [("day", 15000), ("second", 14575), ("thirty_360", 15000), ("none", 15000)]
    )
    def test_the_price_says_how_days_are_counted(self, policy: str, amount: int) -> None:
        """16 June 10:12: 15 of 30 days are left, or 14.575 by the second."""
        unit = per_seat(30000, proration_up=policy)
        history = seats(unit, 1, "2026-06-01", "2026-07-01", changes=(("2026-06-16 10:12", 1),))
        assert amounts(history, "seats") == [amount]

    def test_seats_of_a_stub(self) -> None:
        """15 January to 1 February, one more on the 22nd: 10 of 31 days."""
        history = seats(
            per_seat(3100), 1, "2026-01-15", "2026-02-01", changes=(("2026-01-22", 1),), alignment="calendar"
        )
        assert amounts(history) == [1700, 1000, 6200]

    def test_the_day_is_the_customers(self) -> None:
        """15 June 23:30 UTC is 16 June in Berlin: 15 of 30 days."""
        history = seats(
            per_seat(3000),
            1,
            "2026-05-31 22:00",
            "2026-06-30 22:00",
            changes=(("2026-06-15 23:30", 1),),
            zone="Europe/Berlin",
        )
        assert amounts(history, "seats") == [1500]

    def test_running_late_bills_the_same_lines(self) -> None:
        changes = (("2026-01-10", 2), ("2026-02-10", -1), ("2026-02-20", 3))
        on_time = seats(per_seat(1000), 1, "2026-01-01", "2026-02-01", "2026-03-01", changes=changes)
        late = seats(per_seat(1000), 1, "2026-01-01", "2026-03-01", changes=changes)
        assert lines_of(*late.proposals) == lines_of(*on_time.proposals)


class TestSeatsBesideUsage:
    """A yearly plan with monthly usage: what is billed to lies inside the year of the seats."""

    @staticmethod
    def year(*moments: str, changes: tuple[tuple[str, int], ...]) -> History:
        agreement = start([(per_seat(36500, interval=YEAR), 1), (per_call(), 1)], at("2026-01-31"), zone="UTC")
        return bill(agreement, *moments, seats=changes, usage=[used(1, "2026-02-05")])

    @pytest.mark.parametrize("day", ["2026-02-27 23:59", "2026-02-28", "2026-03-01", "2026-12-31", "2027-01-30"])
    def test_a_change_near_a_boundary_of_usage_is_billed_once_with_the_year(self, day: str) -> None:
        moments = [
            f"2026-{month:02}-{last}" for month, last in enumerate((28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 2)
        ]
        history = self.year(*moments, "2027-01-31", "2027-02-28", changes=((day, 1),))
        days_left = (at("2027-01-31").date() - at(day).date()).days
        assert [line for line in lines_of(*history.proposals) if line[0] != "usage"] == [
            ("recurring", "01-31", "01-31", 36500),
            ("seats", f"{at(day):%m-%d}", "01-31", 100 * days_left),
            ("recurring", "01-31", "01-31", 73000),
        ]

    def test_it_is_the_same_when_the_whole_year_is_billed_at_once(self) -> None:
        history = self.year("2027-01-31", changes=(("2026-02-28", 1), ("2026-08-31", -1)))
        assert amounts(history, "seats") == [33700, -15300]


class TestDiscountOfSeats:
    def test_a_seat_that_comes_takes_the_vouchers_of_its_invoice(self) -> None:
        history = seats(
            per_seat(3000), 1, "2026-06-01", "2026-07-01", changes=(("2026-06-16", 1),), customer=account(half())
        )
        assert nets_of(*history.proposals) == [
            ("recurring", 1500, 1500),
            ("seats", 750, 750),
            ("recurring", 3000, 3000),
        ]

    def test_a_seat_that_goes_takes_its_share_of_the_discount_along(self) -> None:
        """Half was given once: the seat that goes gives back half, the next month is whole."""
        once_half = half(duration="once", remaining=1)
        history = seats(
            per_seat(3000), 2, "2026-06-01", "2026-07-01", changes=(("2026-06-16", -1),), customer=account(once_half)
        )
        assert nets_of(*history.proposals) == [("recurring", 3000, 3000), ("seats", -750, -750), ("recurring", 0, 3000)]

    def test_in_arrears_too(self) -> None:
        """There the seat goes on the very invoice that charges it."""
        unit = per_seat(3000, timing=ARREARS)
        history = seats(unit, 2, "2026-06-01", "2026-07-01", changes=(("2026-06-16", -1),), customer=account(half()))
        assert nets_of(*history.proposals) == [("recurring", 3000, 3000), ("seats", -750, -750)]

    def test_in_arrears_a_fixed_discount_shrinks_with_the_seats(self) -> None:
        five = Voucher("five", "r", "fixed_discount", amounts=(("EUR", 1000),), duration="forever")
        unit = per_seat(3000, timing=ARREARS)
        history = seats(unit, 2, "2026-06-01", "2026-07-01", changes=(("2026-06-16", -1),), customer=account(five))
        assert nets_of(*history.proposals) == [("recurring", 1000, 5000), ("seats", -250, -1250)]

    def test_in_arrears_only_its_own_item_counts(self) -> None:
        """A voucher over the invoice: the set-up fee's part of the discount is no seat's."""
        agreement = start([(per_seat(3000, timing=ARREARS), 2), (once(4000), 1)], at("2026-06-01"), zone="UTC")
        history = bill(agreement, "2026-07-01", seats=[("2026-06-16", -1)], customer=account(half()))
        assert nets_of(*history.proposals) == [
            ("one_off", 2000, 2000),
            ("recurring", 3000, 3000),
            ("seats", -750, -750),
        ]

    def test_all_of_it_given_away_leaves_nothing_to_give_back(self) -> None:
        free = Voucher("all", "r", "percentage", percent=Decimal(100), duration="forever")
        history = seats(
            per_seat(3000), 2, "2026-06-01", "2026-07-01", changes=(("2026-06-16", -1),), customer=account(free)
        )
        assert [paper.total_minor for paper in history.proposals] == [0, 0]
