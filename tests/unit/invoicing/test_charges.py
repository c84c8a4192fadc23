"""One-off charges and minimum commitments (Billing rules, sections 3 and 5), and what a charge is taxed by."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.domain.schedule import Interval
from invoicing.domain.charge import TaxPoint
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import PriceTerms
from tests.bills import at, bill, due_days, half, lines_of, nets_of, once, per_call, per_seat, used
from tests.histories import History, account, price, start

YEAR = Interval("year")


def billed(*prices: PriceTerms, begin: str, moments: tuple[str, ...], **values: Any) -> History:
    """One of each price, billed at each moment."""
    terms = {name: values.pop(name) for name in ("alignment", "bill_from_at", "trial_days") if name in values}
    return bill(start([(one, 1) for one in prices], at(begin), zone="UTC", **terms), *moments, **values)


class TestOneOff:
    def test_it_is_charged_once_with_the_start(self) -> None:
        history = billed(per_seat(3000), once(5000), begin="2026-01-31", moments=("2026-02-28", "2026-03-31"))
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "02-28", 3000),
            ("one_off", "01-31", "01-31", 5000),
            ("recurring", "02-28", "03-31", 3000),
            ("recurring", "03-31", "04-30", 3000),
        ]

    def test_it_is_multiplied_by_its_quantity(self) -> None:
        history = bill(start([(once(5000), 3)], at("2026-01-01"), zone="UTC"))
        assert lines_of(*history.proposals) == [("one_off", "01-01", "01-01", 15000)]

    def test_it_waits_for_the_end_of_the_trial(self) -> None:
        agreement = start(
            [(per_seat(3000), 1), (once(5000), 1)], at("2026-01-01"), zone="UTC", bill_from_at=at("2026-01-15")
        )
        assert agreement.calendar[0].phase == "trial"
        history = bill(agreement, "2026-01-15", "2026-02-01")
        assert lines_of(*history.proposals) == [
            ("recurring", "01-15", "02-01", 1645),  # 3000 x 17/31
            ("one_off", "01-15", "01-15", 5000),
            ("recurring", "02-01", "03-01", 3000),
        ]

    def test_alone_it_is_charged_when_its_free_time_is_over(self) -> None:
        history = billed(
            once(5000), begin="2026-01-01", moments=("2026-01-15", "2027-01-15"), bill_from_at=at("2026-01-15")
        )
        assert due_days(*history.proposals) == ["01-15"]

    def test_a_backdated_start_charges_it_once(self) -> None:
        history = billed(once(5000), begin="2026-01-01", moments=("2026-06-01",), opened="2026-05-01")
        assert lines_of(*history.proposals) == [("one_off", "01-01", "01-01", 5000)]


class TestMinimumCommitment:
    @staticmethod
    def commitment(minimum: int, **values: Any) -> PriceTerms:
        return per_call(10, minimum_commitment_minor=minimum, **values)

    @pytest.mark.parametrize(
        ("units", "expected"),
        [
            (0, [("minimum", 10000)]),
            (100, [("usage", 1000), ("minimum", 9000)]),
            (999, [("usage", 9990), ("minimum", 10)]),
            (1000, [("usage", 10000)]),
            (1001, [("usage", 10010)]),
        ],
    )
    def test_the_period_is_made_up_to_it(self, units: int, expected: list[tuple[str, int]]) -> None:
        usage = [used(units, "2026-01-05")] if units else []
        history = billed(self.commitment(10000), begin="2026-01-01", moments=("2026-02-01",), usage=usage)
        assert [(line[0], line[-1]) for line in lines_of(*history.proposals)] == expected

    def test_a_stub_has_its_days_share(self) -> None:
        """February 2023 from the 4th: minimum 1000000, fee 100000 -> 803571."""
        fee = price(Rating(PriceType.FIXED_PRICE, unit_price=Decimal(100000)), minimum_commitment_minor=1000000)
        history = billed(fee, begin="2023-02-04", moments=("2023-03-01",), alignment="calendar")
        assert lines_of(*history.proposals) == [
            ("recurring", "02-04", "03-01", 89286),
            ("recurring", "03-01", "04-01", 100000),
            ("minimum", "02-04", "03-01", 803571),
        ]

    def test_it_is_no_voucher_s_business(self) -> None:
        """The shortfall counts lines before discounts and takes none itself."""
        history = billed(
            self.commitment(10000),
            begin="2026-01-01",
            moments=("2026-02-01",),
            usage=[used(100, "2026-01-05")],
            customer=account(half()),
        )
        assert nets_of(*history.proposals) == [("usage", 500, 500), ("minimum", 0, 9000)]

    def test_seats_that_came_within_the_period_count_towards_it(self) -> None:
        seats = per_seat(1000, minimum_commitment_minor=2500)
        history = bill(start([(seats, 1)], at("2026-06-01"), zone="UTC"), "2026-07-01", seats=[("2026-06-16", 1)])
        assert lines_of(*history.proposals) == [
            ("recurring", "06-01", "07-01", 1000),
            ("seats", "06-16", "07-01", 500),
            ("recurring", "07-01", "08-01", 2000),
            ("minimum", "06-01", "07-01", 1000),
        ]

    def test_a_yearly_commitment_beside_monthly_usage_waits_for_its_year(self) -> None:
        fee = per_seat(30000, interval=YEAR, minimum_commitment_minor=50000)
        agreement = start([(fee, 1), (per_call(), 1)], at("2026-01-31"), zone="UTC")
        history = bill(
            agreement, *(f"2026-{month:02}-{day}" for month, day in ((2, 28), (6, 30), (12, 31))), "2027-01-31"
        )
        assert [line for line in lines_of(*history.proposals) if line[0] == "minimum"] == [
            ("minimum", "01-31", "01-31", 20000)
        ]

    def test_late_usage_lowers_what_was_made_up(self) -> None:
        """10000 was charged for January already: what was used late must not come on top."""
        usage = [used(100, "2026-01-05"), used(50, "2026-01-20", stored="2026-02-03")]
        history = billed(
            self.commitment(10000), begin="2026-01-01", moments=("2026-02-01", "2026-03-01", "2026-04-01"), usage=usage
        )
        january = [line for line in lines_of(*history.proposals) if line[1] == "01-01"]
        assert january == [
            ("usage", "01-01", "02-01", 1000),
            ("minimum", "01-01", "02-01", 9000),
            ("usage", "01-01", "02-01", 500),
            ("minimum", "01-01", "02-01", -500),
        ]

    @pytest.mark.parametrize(("late", "expected"), [(950, [9500, -9000]), (2000, [20000, -9000]), (-40, [-400, 400])])
    def test_it_never_gives_back_more_than_was_made_up(self, late: int, expected: list[int]) -> None:
        usage = [used(100, "2026-01-05"), used(late, "2026-01-20", stored="2026-02-03")]
        history = billed(self.commitment(10000), begin="2026-01-01", moments=("2026-02-01", "2026-03-01"), usage=usage)
        assert [line[-1] for line in lines_of(history.proposals[1]) if line[1] == "01-01"] == expected

    def test_usage_that_was_enough_and_is_taken_back_is_made_up_late(self) -> None:
        usage = [used(1200, "2026-01-05"), used(-500, "2026-01-20", stored="2026-02-03")]
        history = billed(self.commitment(10000), begin="2026-01-01", moments=("2026-02-01", "2026-03-01"), usage=usage)
        late = [line.charge for line in history.proposals[1].lines if line.charge.period_start == at("2026-01-01")]
        assert [(charge.kind, charge.amount_minor, charge.revision) for charge in late] == [
            ("usage", -5000, 1),
            ("minimum", 3000, 1),
        ]

    def test_the_usage_of_each_month_of_a_year_is_made_up_by_itself(self) -> None:
        agreement = start([(per_seat(0, interval=YEAR), 1), (self.commitment(10000), 1)], at("2026-01-31"), zone="UTC")
        history = bill(agreement, "2026-02-28", "2026-03-31", usage=[used(100, "2026-03-05")])
        assert lines_of(*history.proposals)[-3:] == [
            ("minimum", "01-31", "02-28", 10000),
            ("usage", "02-28", "03-31", 1000),
            ("minimum", "02-28", "03-31", 9000),
        ]


class TestTaxPoint:
    POINT = {"zone": "Europe/Berlin", "issue_date": date(2026, 8, 1)}

    @pytest.mark.parametrize(
        ("in_advance", "in_arrears", "arrears", "expected"),
        [
            ("period_start", "period_end", False, "2026-06-15"),
            ("period_start", "period_end", True, "2026-07-14"),  # the last day served
            ("period_end", "period_end", False, "2026-07-14"),
            ("issue", "issue", False, "2026-08-01"),
            ("issue", "period_end", True, "2026-07-14"),
        ],
    )
    def test_it_chooses_among_the_dates_of_the_brand(
        self, in_advance: str, in_arrears: str, arrears: bool, expected: str
    ) -> None:
        """A period from 15 June to 15 July, Berlin midnight."""
        point = TaxPoint(in_advance, in_arrears, **self.POINT)  # type: ignore[arg-type]
        found = point.date_of(at("2026-06-14 22:00"), at("2026-07-14 22:00"), arrears=arrears)
        assert found == date.fromisoformat(expected)

    @pytest.mark.parametrize(("in_arrears", "expected"), [("issue", "2026-07-15"), ("period_end", "2026-07-14")])
    def test_what_comes_late_keeps_the_date_of_its_period(self, in_arrears: str, expected: str) -> None:
        """Invoiced on 15 July, moved by an event that is billed in August."""
        point = TaxPoint("issue", in_arrears, **self.POINT)  # type: ignore[arg-type]
        found = point.date_of(at("2026-06-14 22:00"), at("2026-07-14 22:00"), arrears=True, late=True)
        assert found == date.fromisoformat(expected)
