"""What an add-on that comes or goes inside a period comes to (Billing rules, section 5)."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.pricing import PriceType, Rating
from tests.bills import at, bill, once, per_seat
from tests.changes import (
    BIG,
    SMALL,
    altered,
    begin,
    changed,
    since,
    sums,
    to,
)
from tests.histories import charge_now, price, run, start


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

    def test_an_add_on_is_not_paid_twice_when_the_plans_policy_restarts_the_period(self) -> None:
        """An add-on of 1000 beside 3000; on 16 June 4500 by `full`, which gives nothing back of the 3000.

        Nobody changed the add-on: 15 of 30 days of it come back, and it is charged with the period that begins.
        """
        first = bill(start([(SMALL, 1), (per_seat(1000), 1)], at("2026-06-01"), zone="UTC"))
        second = changed(first, to(BIG, "full"), "2026-06-16")
        assert sorted(line[-1] for line in since(second, first)) == [-500, 1000, 4500]
        undone = changed(second, to(SMALL), "2026-06-16")
        assert sum(sums(undone, first)) == 0
        assert sum(sums(run(undone, at("2026-07-01")), undone)) == 4000

    def test_the_plans_own_price_cannot_be_removed(self) -> None:
        first = begin(SMALL, 1, "2026-06-01")
        with pytest.raises(InvalidAgreement):
            change.remove_item(first.agreement, first.agreement.items[0].item_id, at("2026-06-16"))
