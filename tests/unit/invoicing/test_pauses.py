"""What a pause comes to (Billing rules, section 5)."""

from dataclasses import replace

import pytest

from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.terms import ARREARS, KEEP, SHIFT, PriceTerms
from tests.bills import at, bill, graduated, per_call, per_seat, used
from tests.changes import BIG, SMALL, YEARLY, altered, begin, changed, seats_now, since, sums, to
from tests.histories import History, charge_now, run, start


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
