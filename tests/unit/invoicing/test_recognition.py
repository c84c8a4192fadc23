"""When revenue charged in advance is earned (Billing rules, section 9)."""

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from invoicing.domain.charge import Charge
from invoicing.domain.recognition import Schedule, deferred_part, next_month, schedule_of
from subscriptions.domain.terms import PriceTerms
from tests.bills import at, bill, once, per_call, per_seat, used
from tests.histories import start

JUNE = at("2026-06-01"), at("2026-07-01")


def day(text: str) -> date:
    return date.fromisoformat(text)


def charge_of(price: PriceTerms) -> Charge:
    """Return the first charge of a price in advance: January 2026."""
    return bill(start([(price, 1)], at("2026-01-01"), zone="UTC")).proposals[0].lines[0].charge


def given_back(amount_minor: int, start: str, end: str) -> Charge:
    """Return a charge that gives back time of a period billed in advance."""
    return replace(
        charge_of(per_seat(3000)),
        kind="credit",
        period_start=at(start),
        period_end=at(end),
        amount_minor=amount_minor,
    )


class TestEarned:
    @pytest.mark.parametrize(
        ("until", "earned"),
        [
            ("2026-05-31", 0),
            ("2026-06-01", 0),
            ("2026-06-02", 100),
            ("2026-06-16", 1500),
            ("2026-06-30", 2900),
            ("2026-07-01", 3000),
            ("2027-01-01", 3000),
        ],
    )
    def test_3000_for_june(self, until: str, earned: int) -> None:
        assert Schedule(3000, day("2026-06-01"), day("2026-07-01")).earned(day(until)) == earned

    def test_a_year_of_30000_from_31_january(self) -> None:
        """365 days: 1, 28, 31, 30 ... of them; 82, 2384, 4932."""
        year = Schedule(30000, day("2026-01-31"), day("2027-01-31"))
        assert [year.earned(day(f"2026-{month:02}-01")) for month in (2, 3, 4)] == [82, 2384, 4932]
        assert year.earned(day("2027-02-01")) == 30000

    def test_halves_are_rounded_away_from_zero_both_ways(self) -> None:
        assert Schedule(15, day("2026-06-01"), day("2026-07-01")).earned(day("2026-06-02")) == 1
        assert Schedule(-15, day("2026-06-01"), day("2026-07-01")).earned(day("2026-06-02")) == -1

    def test_a_stretch_within_a_day_is_earned_when_the_day_is_over(self) -> None:
        hours = Schedule(700, day("2026-06-01"), day("2026-06-01"))
        assert [hours.earned(day(f"2026-06-0{number}")) for number in (1, 2)] == [0, 700]

    def test_where_service_ended_the_rest_is_earned_at_once(self) -> None:
        cut = Schedule(3000, day("2026-06-01"), day("2026-07-01"), cut_date=day("2026-06-11"))
        assert cut.earned(day("2026-06-11")) == 1000
        assert cut.earned(day("2026-06-12")) == 3000

    def test_what_ended_before_it_began_waits_for_its_first_day(self) -> None:
        cut = Schedule(3000, day("2026-06-01"), day("2026-07-01"), cut_date=day("2026-05-11"))
        assert [cut.earned(day(text)) for text in ("2026-06-01", "2026-06-02")] == [0, 3000]


class TestScheduleOf:
    def test_days_are_the_customers(self) -> None:
        """15:30 UTC on 31 May is 1 June in Tokyo."""
        period = datetime(2026, 5, 31, 15, 30, tzinfo=UTC), datetime(2026, 6, 30, 15, 30, tzinfo=UTC)
        made = schedule_of(3000, period, zone="Asia/Tokyo", issue_date=day("2026-05-31"))
        assert (made.start_date, made.end_date, made.days) == (day("2026-06-01"), day("2026-07-01"), 30)

    def test_a_charge_billed_late_is_earned_over_its_whole_period(self) -> None:
        assert schedule_of(3000, JUNE, zone="UTC", issue_date=day("2026-06-20")).earned(day("2026-06-21")) == 2000

    def test_what_is_given_back_lies_ahead_of_its_paper(self) -> None:
        made = schedule_of(-1500, JUNE, zone="UTC", issue_date=day("2026-06-16"))
        assert [made.earned(day(text)) for text in ("2026-06-16", "2026-06-26", "2026-07-01")] == [0, -1000, -1500]

    def test_the_end_of_a_subscription_cuts_only_what_it_shortens(self) -> None:
        def cut_at(text: str) -> date | None:
            return schedule_of(3000, JUNE, zone="UTC", issue_date=day("2026-06-01"), ended_at=at(text)).cut_date

        assert cut_at("2026-06-16 10:00") == day("2026-06-16")
        assert cut_at("2026-07-01") is None


class TestDeferredPart:
    def test_what_is_charged_ahead_is_deferred_whole_however_late(self) -> None:
        assert deferred_part(charge_of(per_seat(3000)), 3000, zone="UTC", issue_date=day("2026-03-05")) == 3000

    @pytest.mark.parametrize("price", [once(3000), per_seat(3000, timing="arrears"), per_call(3000)])
    def test_what_was_served_is_revenue_at_once(self, price: PriceTerms) -> None:
        agreement = start([(price, 1)], at("2026-01-01"), zone="UTC")
        (paper,) = bill(agreement, "2026-02-01", usage=[used(1, "2026-01-10")]).proposals
        assert deferred_part(paper.lines[0].charge, 3000, zone="UTC", issue_date=day("2026-02-01")) == 0

    @pytest.mark.parametrize(
        ("issued", "deferred"), [("2026-06-01", -3000), ("2026-06-16", -1500), ("2026-06-21", -1000), ("2026-07-05", 0)]
    )
    def test_what_is_given_back_takes_from_deferred_then_from_revenue(self, issued: str, deferred: int) -> None:
        charge = given_back(-3000, "2026-06-01", "2026-07-01")
        assert deferred_part(charge, -3000, zone="UTC", issue_date=day(issued)) == deferred

    def test_unused_time_lies_ahead_whole(self) -> None:
        charge = given_back(-1500, "2026-06-16", "2026-07-01")
        assert deferred_part(charge, -1500, zone="UTC", issue_date=day("2026-06-16")) == -1500


def test_months_follow_each_other() -> None:
    assert [next_month(day(text)) for text in ("2026-01-01", "2026-02-01", "2026-12-01")] == [
        day("2026-02-01"),
        day("2026-03-01"),
        day("2027-01-01"),
    ]
