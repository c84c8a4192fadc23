"""What usage costs, and what late events move (Billing rules, section 4)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.schedule import Interval
from invoicing.domain.discounts import Voucher
from invoicing.domain.metered import rerated_from, usage_windows
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import PriceTerms
from tests.bills import at, bill, graduated, half, lines_of, nets_of, per_call, per_seat, used
from tests.histories import History, Usage, account, start
from usage.domain.aggregation import UsageFigure
from usage.domain.rating import price_usage

YEAR = Interval("year")
FREE_THEN_FEE = graduated((1, 10, "0", "1000"), (11, None, "0", "1500"))
PERCENTAGE = Rating(PriceType.PERCENTAGE, rate=Decimal("2.9"), fixed=Decimal(30))


def calls(price: PriceTerms, *moments: str, usage: list[Usage], begin: str = "2026-01-01", **values: object) -> History:
    """One item of usage, billed at each moment."""
    return bill(start([(price, 1)], at(begin), zone="UTC"), *moments, usage=usage, **values)  # type: ignore[arg-type]


def quantities(history: History) -> list[tuple[str, Decimal]]:
    return [
        (f"{line.charge.period_start:%m-%d} r{line.charge.revision}", line.charge.quantity)
        for proposal in history.proposals
        for line in proposal.lines
    ]


class TestPriceUsage:
    @staticmethod
    def figure(quantity: str, charged_sum: str = "0", charged_count: int = 0) -> UsageFigure:
        return UsageFigure(Decimal(quantity), 1, Decimal(charged_sum), charged_count, None, None)

    def test_a_quantity_is_priced_by_itself(self) -> None:
        (part,) = price_usage(per_call("0.03"), self.figure("17"), None)
        assert (part.quantity, part.amount_minor) == (17, 1)

    def test_a_percentage_is_of_the_charged_events_whatever_the_metric_counts(self) -> None:
        price = per_call(rating=PERCENTAGE, aggregation="count")
        (part,) = price_usage(price, self.figure("12", "10000", 10), None)
        assert (part.quantity, part.amount_minor) == (10000, 590)

    @pytest.mark.parametrize(
        ("rating", "before", "total", "amount"),
        [
            # Flat 1000 to 10, then 1 each: 15 billed, 10 new -> 10.
            (graduated((1, 10, "0", "1000"), (11, None, "1", "0")), "15", "25", 10),
            # 1-10 at 100, 11+ at 50: 5 billed, total 15 -> 750.
            (graduated((1, 10, "100", "0"), (11, None, "50", "0")), "5", "15", 750),
            (Rating(PriceType.UNIT, unit_price=Decimal("0.4")), "1", "2", 1),
            (Rating(PriceType.UNIT, unit_price=Decimal(10)), "0", "0", None),
            (Rating(PriceType.UNIT, unit_price=Decimal(10)), "15", "15", None),
            (Rating(PriceType.UNIT, unit_price=Decimal(10)), "15", "5", -100),
            (Rating(PriceType.PACKAGE, unit_price=Decimal(250), units=10), "4", "9", 0),  # the package was paid before
        ],
    )
    def test_a_count_that_carries_over_costs_what_the_total_adds(
        self, rating: Rating, before: str, total: str, amount: int | None
    ) -> None:
        price = per_call(rating=rating, continuous=True)
        parts = price_usage(price, self.figure(total), self.figure(before))
        assert [(part.quantity, part.amount_minor) for part in parts] == (
            [] if amount is None else [(Decimal(total) - Decimal(before), amount)]
        )


class TestWindows:
    def test_the_window_is_the_billed_period_and_nothing_else(self) -> None:
        history = calls(
            per_call(15), "2026-02-01", "2026-03-01", usage=[used(2, "2026-01-31 23:59"), used(3, "2026-02-01")]
        )
        assert lines_of(*history.proposals) == [("usage", "01-01", "02-01", 30), ("usage", "02-01", "03-01", 45)]

    @pytest.mark.parametrize(
        ("aggregation", "continuous", "asked"),
        [
            ("sum", False, [("", True)]),
            ("sum", True, [("before", False), ("", False)]),
            ("count", True, [("before", False), ("", False)]),
            ("unique_count", True, [("before", False), ("", False)]),
            ("latest", True, [("", False)]),
            ("max", True, [("", False)]),
            ("weighted_sum", True, [("", True)]),
            ("weighted_sum", False, [("", True)]),
        ],
    )
    def test_what_carries_over_is_asked_from_the_first_event_on(
        self, aggregation: str, continuous: bool, asked: list[tuple[str, bool]]
    ) -> None:
        agreement = start([(per_call(1, aggregation, continuous=continuous), 1)], at("2026-01-01"), zone="UTC")
        windows = list(usage_windows(agreement, at("2026-02-01")))
        assert [(window.key[1], window.start is not None) for window in windows] == asked  # type: ignore[index]
        assert [window.end for window in windows if window.key[1] == ""] == [at("2026-02-01")]  # type: ignore[index]

    def test_only_periods_that_are_over_are_asked_about(self) -> None:
        agreement = start([(per_call(), 1)], at("2026-01-01"), zone="UTC")
        assert list(usage_windows(agreement, at("2026-01-31 23:59"))) == []
        assert len(list(usage_windows(agreement, at("2026-02-01")))) == 1

    def test_periods_are_asked_about_again_while_their_late_window_may_be_open(self) -> None:
        history = calls(per_call(), "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", usage=[])
        windows = list(usage_windows(history.agreement, at("2026-06-01")))
        # Billed to 1 May: 35 days of lateness and one in flight reach back to 26 March, so March, April and May.
        assert [window.start for window in windows] == [at("2026-03-01"), at("2026-04-01"), at("2026-05-01")]
        assert rerated_from(history.agreement, at("2026-05-01")) == at("2026-05-01") - timedelta(days=36)

    def test_usage_in_a_trial_is_free(self) -> None:
        agreement = start([(per_call(), 1)], at("2026-01-01"), zone="UTC", bill_from_at=at("2026-02-01"))
        history = bill(agreement, "2026-03-01", usage=[used(7, "2026-01-20"), used(5, "2026-02-20")])
        assert lines_of(*history.proposals) == [("usage", "02-01", "03-01", 50)]


class TestRegularCharges:
    def test_a_line_per_tier_and_a_free_tier_leaves_its_trace(self) -> None:
        price = per_call(rating=graduated((1, 1000, "0", "0"), (1001, None, "0.03", "0")))
        history = calls(price, "2026-02-01", usage=[used(151_000, "2026-01-10")])
        assert lines_of(*history.proposals) == [("usage", "01-01", "02-01", 0), ("usage", "01-01", "02-01", 4500)]

    def test_usage_that_costs_nothing_is_a_zero_paper_and_no_usage_none(self) -> None:
        price = per_call(rating=graduated((1, 1000, "0", "0"), (1001, None, "0.03", "0")))
        history = calls(price, "2026-02-01", "2026-03-01", usage=[used(500, "2026-01-10")])
        (paper,) = history.proposals
        assert (paper.total_minor, paper.occasion.moment) == (0, at("2026-02-01"))

    def test_a_negative_sum_counts_as_nothing(self) -> None:
        history = calls(per_call(), "2026-02-01", usage=[used(3, "2026-01-10"), used(-5, "2026-01-11")])
        assert history.proposals == ()

    def test_usage_of_a_yearly_plan_ends_with_the_month_of_its_anchor(self) -> None:
        agreement = start([(per_seat(30000, interval=YEAR), 1), (per_call(), 1)], at("2026-01-31"), zone="UTC")
        history = bill(
            agreement, "2026-02-28", "2026-03-31", "2026-04-30", usage=[used(3, "2026-02-05"), used(5, "2026-03-30")]
        )
        assert lines_of(*history.proposals) == [
            ("recurring", "01-31", "01-31", 30000),
            ("usage", "01-31", "02-28", 30),
            ("usage", "02-28", "03-31", 50),
        ]

    def test_a_calendar_stub_bills_its_own_usage_with_whole_tiers(self) -> None:
        agreement = start(
            [(per_call(rating=FREE_THEN_FEE), 1)], at("2026-01-15 10:00"), zone="UTC", alignment="calendar"
        )
        history = bill(agreement, "2026-02-01", usage=[used(11, "2026-01-16")])
        assert lines_of(*history.proposals) == [("usage", "01-15", "02-01", 1000), ("usage", "01-15", "02-01", 1500)]


class TestLateEvents:
    def test_the_difference_of_the_period_on_the_next_invoice(self) -> None:
        """Flat 1000 to 10, 1500 above: 8 billed, 4 late -> +1500."""
        price = per_call(rating=FREE_THEN_FEE)
        late = [used(8, "2026-01-05"), used(4, "2026-01-20", stored="2026-02-03")]
        history = calls(price, "2026-02-01", "2026-03-01", "2026-04-01", usage=late)
        assert lines_of(*history.proposals) == [("usage", "01-01", "02-01", 1000), ("usage", "01-01", "02-01", 1500)]
        assert quantities(history) == [("01-01 r0", Decimal(8)), ("01-01 r1", Decimal(4))]

    def test_a_second_one_takes_the_next_revision(self) -> None:
        late = [used(5, "2026-01-05"), used(1, "2026-01-20", stored="2026-02-03")]
        late.append(used(2, "2026-01-21", stored="2026-03-03"))
        history = calls(per_call(), "2026-02-01", "2026-03-01", "2026-04-01", usage=late)
        assert quantities(history) == [("01-01 r0", Decimal(5)), ("01-01 r1", Decimal(1)), ("01-01 r2", Decimal(2))]
        assert [line[-1] for line in lines_of(*history.proposals)] == [50, 10, 20]

    def test_a_period_without_usage_can_get_some(self) -> None:
        history = calls(per_call(), "2026-02-01", "2026-03-01", usage=[used(4, "2026-01-20", stored="2026-02-03")])
        assert quantities(history) == [("01-01 r1", Decimal(4))]

    def test_a_negative_one_gives_back(self) -> None:
        late = [used(10, "2026-01-05"), used(-4, "2026-01-20", stored="2026-02-03")]
        history = calls(per_call(), "2026-02-01", "2026-03-01", usage=late)
        assert [(paper.sub_total_minor, paper.is_credit) for paper in history.proposals] == [(100, False), (-40, True)]
        (line,) = history.proposals[1].lines
        assert line.charge.quantity == -4

    def test_the_percentage_of_a_period_is_rated_whole_again(self) -> None:
        """1 % + 500, 3 free, then one before them all: another event is charged, and the most is 800."""
        rating = Rating(PriceType.PERCENTAGE, rate=Decimal(1), fixed=Decimal(500), free_events=3, maximum=800)
        usage = [used(1000, f"2026-01-{day:02}") for day in (10, 11, 12, 13)]
        usage.append(used(9000, "2026-01-05", stored="2026-02-03"))
        history = calls(per_call(rating=rating), "2026-02-01", "2026-03-01", usage=usage)
        assert [line[-1] for line in lines_of(*history.proposals)] == [510, 290]
        assert quantities(history) == [("01-01 r0", Decimal(1000)), ("01-01 r1", Decimal(1000))]

    def test_the_least_of_a_percentage_is_charged_once(self) -> None:
        rating = Rating(PriceType.PERCENTAGE, rate=Decimal(1), minimum=700)
        usage = [used(1000, "2026-01-10"), used(100_000, "2026-01-11", stored="2026-02-03")]
        history = calls(per_call(rating=rating), "2026-02-01", "2026-03-01", usage=usage)
        assert [line[-1] for line in lines_of(*history.proposals)] == [700, 310]

    def test_what_carries_over_moves_by_what_came_late(self) -> None:
        """15 in January, 10 in February, then 2 more of February: 2 units, not the total."""
        usage = [used(15, "2026-01-05"), used(10, "2026-02-05"), used(2, "2026-02-06", stored="2026-03-02")]
        history = calls(per_call(continuous=True), "2026-02-01", "2026-03-01", "2026-04-01", usage=usage)
        assert quantities(history) == [
            ("01-01 r0", Decimal(15)),
            ("02-01 r0", Decimal(10)),
            ("02-01 r1", Decimal(2)),
        ]
        assert [line[-1] for line in lines_of(*history.proposals)] == [150, 100, 20]

    def test_a_count_that_fell_can_still_move(self) -> None:
        usage = [used(15, "2026-01-05"), used(-10, "2026-02-05"), used(2, "2026-02-06", stored="2026-03-02")]
        history = calls(
            per_call(continuous=True),
            "2026-02-01",
            "2026-03-01",
            "2026-04-01",
            usage=usage,
            customer=account(half()),
        )
        assert nets_of(*history.proposals) == [("usage", 75, 75), ("usage", 0, -100), ("usage", 0, 20)]

    def test_what_moves_an_earlier_period_moves_those_after_it(self) -> None:
        """1-10 at 100, 11+ at 50. January 5, February 5; then 10 more of January: February's five fall into tier 2."""
        rating = graduated((1, 10, "100", "0"), (11, None, "50", "0"))
        usage = [used(5, "2026-01-05"), used(5, "2026-02-05"), used(10, "2026-01-06", stored="2026-03-02")]
        history = calls(per_call(rating=rating, continuous=True), "2026-02-01", "2026-03-01", "2026-04-01", usage=usage)
        assert lines_of(*history.proposals) == [
            ("usage", "01-01", "02-01", 500),
            ("usage", "02-01", "03-01", 500),
            ("usage", "01-01", "02-01", 750),
            ("usage", "02-01", "03-01", -250),
        ]


class TestDiscountOfLateEvents:
    def test_they_take_the_share_of_the_period_and_no_voucher(self) -> None:
        """Half was given once: the late events of that month are halved, the next month is not."""
        usage = [used(10, "2026-01-05"), used(4, "2026-01-20", stored="2026-02-03"), used(10, "2026-02-05")]
        once_half = half(duration="once", remaining=1)
        history = calls(per_call(), "2026-02-01", "2026-03-01", usage=usage, customer=account(once_half))
        assert nets_of(*history.proposals) == [("usage", 50, 50), ("usage", 20, 20), ("usage", 0, 100)]

    def test_what_comes_and_goes_leaves_no_cent_behind(self) -> None:
        """A third off 100: -50 and +50 come one after the other, and the discount is what it was."""
        third = Voucher("third", "r", "percentage", percent=Decimal("33.3333"), duration="forever")
        usage = [used(10, "2026-01-05"), used(-5, "2026-01-20", stored="2026-02-03")]
        usage.append(used(5, "2026-01-21", stored="2026-03-03"))
        history = calls(per_call(), "2026-02-01", "2026-03-01", "2026-04-01", usage=usage, customer=account(third))
        assert nets_of(*history.proposals) == [("usage", 33, 67), ("usage", -16, -34), ("usage", 16, 34)]

    def test_all_taken_back_and_come_again_is_discounted_again(self) -> None:
        usage = [used(10, "2026-01-05"), used(-10, "2026-01-20", stored="2026-02-03")]
        usage.append(used(10, "2026-01-21", stored="2026-03-03"))
        history = calls(per_call(), "2026-02-01", "2026-03-01", "2026-04-01", usage=usage, customer=account(half()))
        assert nets_of(*history.proposals) == [("usage", 50, 50), ("usage", -50, -50), ("usage", 50, 50)]
