"""When a customer is due and what each occasion does (Billing rules, sections 2, 5, 8 and 10)."""

import uuid
from datetime import datetime
from typing import Any

import pytest

from billing.domain.cycle import (
    Plan,
    bill_steps,
    due_moment,
    end_trial,
    next_due,
    period_bounds,
    plan_steps,
    settle,
    step_windows,
)
from core.domain.schedule import Interval
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Proposal
from subscriptions.domain.lifecycle import Action, Status
from subscriptions.domain.pending import ChangeKind
from subscriptions.domain.terms import Agreement, PendingChange, PriceTerms
from tests.bills import at, bill, but, due_days, half, lines_of, once, per_call, per_seat, used
from tests.histories import account, answer, start, world

CARD_ID = uuid.UUID(int=77)


def agreement(price: PriceTerms | None = None, begin: str = "2026-01-31 10:17", **values: Any) -> Agreement:
    """An agreement billed at its start, or in its trial."""
    fresh = start([(price or per_seat(3000), 1)], at(begin), **{"zone": "UTC", **values})
    if fresh.status is Status.TRIAL_ACTIVE:
        return but(fresh, next_due_at=next_due(fresh, fresh.started_at))
    return settle(fresh, fresh.started_at)


def numbered(one: Agreement, number: int) -> Agreement:
    """The same agreement as another subscription."""
    items = tuple(but(item, item_id=uuid.UUID(int=number * 1000 + item.position)) for item in one.items)
    return but(one, subscription_id=uuid.UUID(int=number), items=items)


def due(*agreements: Agreement, zone: str = "UTC", **values: Any) -> Account:
    return but(account(zone=zone), agreements=agreements, **values)


def moments(plan: Plan) -> list[datetime]:
    return [step.moment for step in plan.steps]


def billed(customer: Account, as_of: str) -> tuple[Proposal, ...]:
    plan = plan_steps(customer, at(as_of))
    return bill_steps(customer, plan.steps, at(as_of), answer(step_windows(plan.steps), ()), world())


class TestDueMoment:
    @pytest.mark.parametrize(
        ("due_at", "zone", "expected"),
        [
            ([], "UTC", None),
            ([None, None], "UTC", None),
            (["2026-01-10 10:17"], "UTC", "2026-01-10 10:17"),
            (["2026-01-10 15:00", None, "2026-01-10 10:17"], "UTC", "2026-01-10 15:00"),
            (["2026-01-10 10:17", "2026-01-11 00:00"], "UTC", "2026-01-10 10:17"),
            # One date in UTC, two in Auckland (13 hours ahead): midnight there is 11:00.
            (["2026-01-10 10:59", "2026-01-10 11:00"], "Pacific/Auckland", "2026-01-10 10:59"),
            # Two dates in UTC, one in Auckland.
            (["2026-01-10 11:00", "2026-01-11 10:59"], "Pacific/Auckland", "2026-01-11 10:59"),
            (["2026-01-10 11:00", "2026-01-11 10:59"], "America/Los_Angeles", "2026-01-10 11:00"),
        ],
    )
    def test_the_last_of_the_first_due_local_date(
        self, due_at: list[str | None], zone: str, expected: str | None
    ) -> None:
        found = due_moment([None if moment is None else at(moment) for moment in due_at], zone)
        assert found == (None if expected is None else at(expected))


class TestPlanSteps:
    def test_nothing_is_due_before_its_moment(self) -> None:
        plan = plan_steps(due(agreement()), at("2026-02-28 10:16"))
        assert (plan.steps, plan.next_due_at) == ((), at("2026-02-28 10:17"))

    def test_missed_moments_come_in_order_each_once(self) -> None:
        plan = plan_steps(due(agreement()), at("2026-05-01"))
        assert moments(plan) == [at("2026-02-28 10:17"), at("2026-03-31 10:17"), at("2026-04-30 10:17")]
        assert plan.next_due_at == at("2026-05-31 10:17")
        assert [step.settled[0].billed_to_at for step in plan.steps] == moments(plan)

    def test_boundaries_of_one_local_date_are_one_occasion(self) -> None:
        morning, evening = agreement(begin="2026-01-10 10:17"), numbered(agreement(begin="2026-01-10 22:00"), 9)
        together = plan_steps(due(morning, evening), at("2026-02-10 22:00"))
        assert moments(together) == [at("2026-02-10 22:00")]
        assert [one.billed_to_at for one in together.steps[0].settled] == [at("2026-02-10 22:00")] * 2
        # In Berlin 23:00 of the same day; in Tokyo the next.
        assert len(plan_steps(due(morning, evening, zone="Europe/Berlin"), at("2026-02-10 22:00")).steps) == 1
        assert len(plan_steps(due(morning, evening, zone="Asia/Tokyo"), at("2026-02-10 22:00")).steps) == 2

    def test_nobody_is_billed_before_the_last_moment_of_the_date(self) -> None:
        morning, evening = agreement(begin="2026-01-10 10:17"), numbered(agreement(begin="2026-01-10 22:00"), 9)
        plan = plan_steps(due(morning, evening), at("2026-02-10 21:59"))
        assert (plan.steps, plan.next_due_at) == ((), at("2026-02-10 22:00"))

    def test_a_subscription_that_is_not_due_stays_out(self) -> None:
        monthly, yearly = agreement(), numbered(agreement(per_seat(interval=Interval("year"))), 9)
        (step,) = plan_steps(due(monthly, yearly), at("2026-02-28 10:17")).steps
        assert [one.subscription_id for one in step.due] == [monthly.subscription_id]

    def test_a_trial_end_and_a_boundary_of_one_date_are_one_occasion(self) -> None:
        """The trial ends at 10:17 and its first period begins there, though the paper waits for 15:00."""
        trial = agreement(begin="2026-01-24 10:17", trial_days=14)
        paying = numbered(agreement(begin="2026-01-07 15:00"), 9)
        (step,) = plan_steps(due(trial, paying), at("2026-02-07 15:00")).steps
        (transition,) = step.transitions
        assert (transition.action, transition.at) == (Action.CONVERT_TRIAL, at("2026-02-07 10:17"))
        assert lines_of(*billed(due(trial, paying), "2026-02-07 15:00")) == [
            ("recurring", "02-07", "03-07", 3000),
            ("recurring", "02-07", "03-07", 3000),
        ]
        assert step.settled[0].next_due_at == at("2026-03-07 10:17")

    def test_what_is_charged_once_is_due_once(self) -> None:
        one = agreement(once(5000))
        assert one.next_due_at is None
        assert plan_steps(due(one), at("2030-01-01")) == Plan((), None)

    def test_a_scheduled_cancel_ends_it_at_its_date(self) -> None:
        leaving = but(agreement(), status=Status.PENDING_CANCEL, cancel_at=at("2026-03-10"))
        leaving = but(leaving, next_due_at=next_due(leaving, leaving.started_at))
        plan = plan_steps(due(leaving), at("2026-12-31"))
        assert moments(plan) == [at("2026-02-28 10:17"), at("2026-03-10")]
        (last,) = plan.steps[-1].settled
        assert (last.status, last.next_due_at, last.current.phase) == (Status.CANCELLED, None, "ended")
        assert [(one.action, one.at) for one in plan.steps[-1].transitions] == [(Action.CANCEL, at("2026-03-10"))]

    def test_an_ended_subscription_is_visited_once_more_for_what_came_late(self) -> None:
        """It ends on 10 March; events come until 14 April, and what was in flight is stored a day later."""
        leaving = but(agreement(per_call()), status=Status.PENDING_CANCEL, cancel_at=at("2026-03-10"))
        leaving = but(leaving, next_due_at=next_due(leaving, leaving.started_at))
        plan = plan_steps(due(leaving), at("2026-12-31"))
        assert moments(plan) == [at("2026-02-28 10:17"), at("2026-03-10"), at("2026-04-15")]
        assert plan.next_due_at is None
        assert plan.steps[1].settled[0].next_due_at == at("2026-04-15")
        assert [step.transitions == () for step in plan.steps] == [True, False, True]

    def test_a_trial_that_was_cancelled_used_nothing_that_is_billed(self) -> None:
        trial = agreement(per_call(), trial_days=14)
        leaving = but(trial, status=Status.PENDING_CANCEL, cancel_at=at("2026-02-03"), next_due_at=at("2026-02-03"))
        assert moments(plan_steps(due(leaving), at("2026-12-31"))) == [at("2026-02-03")]


class TestWhatWaits:
    def test_a_change_of_interval_keeps_the_zone_the_customer_moved_to(self) -> None:
        """From UTC to Berlin in February; a quarterly price from 10 February restarts: its end is 11:17 in Berlin.

        The running period counts in UTC to its end, 10 May 10:17; the next one in Berlin, to 10 August 10:17 there.
        """
        waits = PendingChange(
            uuid.UUID(int=9),
            ChangeKind.PLAN,
            at("2026-02-10 10:17"),
            plan_id=uuid.UUID(int=4),
            plan_name="Team",
            price=per_seat(9000, interval=Interval("month", 3)),
        )
        one = but(agreement(), pending=(waits,))
        one = but(one, next_due_at=next_due(one, one.started_at))
        plan = plan_steps(due(one, zone="Europe/Berlin"), at("2026-08-31"))
        assert moments(plan) == [at("2026-02-10 10:17"), at("2026-05-10 10:17"), at("2026-08-10 08:17")]
        assert plan.steps[-1].settled[0].current.zone == "Europe/Berlin"


class TestTrials:
    def test_it_converts_and_is_anchored_at_its_end(self) -> None:
        converted, transition = end_trial(due(), agreement(trial_days=14), at("2026-02-14 10:17"))
        assert (converted.status, transition.to_status) == (Status.ACTIVE, Status.ACTIVE)
        assert converted.current.anchor_wall == datetime(2026, 2, 14, 10, 17)
        assert converted.current.version == 2
        assert (transition.action, converted.current.reason) == ("convert_trial", "convert_trial")

    def test_a_calendar_trial_converts_to_its_billing_day(self) -> None:
        trial = agreement(begin="2026-01-20", trial_days=14, alignment="calendar", billing_day=15)
        converted, _ = end_trial(due(), trial, at("2026-02-03"))
        assert converted.current.anchor_wall == datetime(2026, 1, 15)

    def test_a_calendar_trial_to_the_eleventh_charges_the_rest_of_the_month(self) -> None:
        """35.00, trial to 11 March -> 21/31 = 23.71."""
        trial = agreement(per_seat(3500), begin="2026-02-25", trial_days=14, alignment="calendar")
        proposals = billed(due(trial), "2026-04-01")
        assert lines_of(*proposals) == [("recurring", "03-11", "04-01", 2371), ("recurring", "04-01", "05-01", 3500)]

    @pytest.mark.parametrize(
        ("customer", "status"),
        [
            ({"billing_type": "invoice"}, Status.ACTIVE),
            ({"billing_type": CARD}, Status.TRIAL_ENDED),
            ({"billing_type": CARD, "payment_method_id": CARD_ID}, Status.ACTIVE),
        ],
    )
    def test_without_a_card_a_card_customer_ends(self, customer: dict[str, Any], status: Status) -> None:
        trial = agreement(trial_days=14)
        ended, _ = end_trial(but(account(), **customer), trial, at("2026-02-14 10:17"))
        assert ended.status is status

    def test_a_card_of_its_own_is_enough(self) -> None:
        trial = but(agreement(trial_days=14), payment_method_id=CARD_ID)
        assert end_trial(due(billing_type=CARD), trial, at("2026-02-14 10:17"))[0].status is Status.ACTIVE

    @pytest.mark.parametrize(
        ("price", "status"),
        [
            (per_seat(0), Status.ACTIVE),
            (per_seat("0.0001"), Status.TRIAL_ENDED),
            (per_call(0), Status.ACTIVE),
            (per_call(0, minimum_commitment_minor=1000), Status.TRIAL_ENDED),
        ],
    )
    def test_what_costs_nothing_needs_no_card(self, price: PriceTerms, status: Status) -> None:
        trial = agreement(price, trial_days=14)
        assert end_trial(due(billing_type=CARD), trial, at("2026-02-14 10:17"))[0].status is status

    def test_a_standalone_trial_ends_without_a_paper(self) -> None:
        trial = agreement(trial_days=14, trial_standalone=True)
        assert billed(due(trial), "2026-06-01") == ()
        (step,) = plan_steps(due(trial), at("2026-06-01")).steps
        assert (step.settled[0].status, step.settled[0].next_due_at, step.due) == (Status.TRIAL_ENDED, None, ())


class TestNextDue:
    def test_who_is_not_billed_has_nothing_ahead(self) -> None:
        for status in Status:
            found = next_due(but(agreement(), status=status, trial_end_at=at("2027-01-01")), at("2026-01-31 10:17"))
            is_visited = status in {
                "active",
                "trial_active",
                "pending_cancel",
                "overdue_payment_open",
                "overdue_payment_disabled",
            }
            assert (found is not None) == is_visited, status

    def test_what_is_disabled_is_visited_and_charged_nothing(self) -> None:
        disabled = due(but(agreement(), status=Status.OVERDUE_PAYMENT_DISABLED))
        (step, *_) = plan_steps(disabled, at("2026-02-28 12:00")).steps
        assert (step.due, step.settled[0].next_due_at) == ((), at("2026-03-31 10:17"))

    def test_a_stub_that_begins_later_is_due_when_it_begins(self) -> None:
        free = agreement(begin="2026-01-01", bill_from_at=at("2026-01-15"))
        assert free.next_due_at == at("2026-01-15")
        assert due_days(*billed(due(free), "2026-02-01")) == ["01-15", "02-01"]

    def test_usage_of_a_yearly_plan_is_due_each_month(self) -> None:
        fresh = start([(per_seat(interval=Interval("year")), 1), (per_call(), 1)], at("2026-01-31"), zone="UTC")
        assert settle(fresh, at("2026-01-31")).next_due_at == at("2026-02-28")


class TestPeriodBounds:
    def test_the_running_period(self) -> None:
        assert period_bounds(agreement(), at("2026-03-01")) == (at("2026-02-28 10:17"), at("2026-03-31 10:17"))

    def test_the_trial(self) -> None:
        trial = agreement(trial_days=14)
        assert period_bounds(trial, at("2026-02-01")) == (trial.started_at, at("2026-02-14 10:17"))

    def test_what_is_free_until_it_is_billed(self) -> None:
        free = agreement(begin="2026-01-01", bill_from_at=at("2026-01-15"))
        assert period_bounds(free, at("2026-01-01")) == (at("2026-01-01"), at("2026-01-15"))
        assert period_bounds(free, at("2026-01-15")) == (at("2026-01-15"), at("2026-02-01"))

    def test_what_does_not_recur_has_no_end(self) -> None:
        assert period_bounds(agreement(once(5000)), at("2026-05-01")) == (at("2026-01-31 10:17"), None)

    def test_what_has_ended_stands_at_its_end(self) -> None:
        leaving = but(agreement(), status=Status.PENDING_CANCEL, cancel_at=at("2026-02-28 10:17"))
        (step,) = plan_steps(due(leaving), at("2026-02-28 10:17")).steps
        assert period_bounds(step.settled[0], at("2026-02-28 10:17")) == (at("2026-02-28 10:17"), None)


class TestBillSteps:
    def test_papers_of_missed_dates_are_issued_today_in_the_brands_zone(self) -> None:
        customer = due(agreement(), zone="Asia/Tokyo")
        proposals = billed(customer, "2026-04-01 15:00")
        assert due_days(*proposals) == ["02-28", "03-31"]
        assert {proposal.occasion.issue_date.isoformat() for proposal in proposals} == {"2026-04-02"}

    def test_a_disabled_customer_is_charged_nothing_and_its_moments_pass(self) -> None:
        customer = due(agreement(), disabled=True)
        assert billed(customer, "2026-04-01") == ()
        assert plan_steps(customer, at("2026-04-01")).next_due_at == at("2026-04-30 10:17")

    def test_a_voucher_is_spent_by_the_oldest_missed_month(self) -> None:
        history = bill(
            start([(per_seat(3000), 1)], at("2026-01-31"), zone="UTC"),
            "2026-04-30",
            customer=account(half(duration="repeating", remaining=3)),
        )
        assert [proposal.sub_total_minor for proposal in history.proposals] == [1500, 1500, 1500, 3000]

    def test_late_usage_meets_the_first_missed_month_and_no_other(self) -> None:
        history = bill(
            start([(per_call(), 1)], at("2026-01-01"), zone="UTC"),
            "2026-02-01",
            "2026-04-15",
            usage=[used(5, "2026-01-05"), used(7, "2026-01-06", stored="2026-02-02"), used(9, "2026-02-07")],
        )
        assert lines_of(*history.proposals) == [
            ("usage", "01-01", "02-01", 50),
            ("usage", "01-01", "02-01", 70),
            ("usage", "02-01", "03-01", 90),
        ]
        assert due_days(*history.proposals) == ["02-01", "03-01"]
