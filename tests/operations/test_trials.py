"""A trial that is cancelled, extended or ends."""

from typing import Any

import pytest

from billing.operations import lifecycle, plan_changes
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelCommand, CancelWhen
from billing.operations.plan_changes import PlanCommand
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from tests.changing_cast import World, run, totals

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def world(company: Company) -> World:
    return World(company)


class TestTrials:
    def trial(self, company: Company, **values: Any) -> tuple[Company, Subscription, Any]:
        price = company.price(unit_price=3000)
        plan = company.plan("Trial", price, has_trial=True, trial_length_days=14, **values)
        return company, company.start(company.customer("Bob"), plan, price, now=at("2026-06-01")), price

    def test_cancelled_in_trial_has_no_invoice(self, company: Company) -> None:
        _, subscription, _ = self.trial(company)
        lifecycle.cancel_subscription(
            subscription_id=subscription.id, command=CancelCommand(CancelWhen.END_OF_RUN), now=at("2026-06-05")
        )
        run("2026-06-15")
        run("2026-09-01")
        assert (totals(), Subscription.objects.get().status) == ([], "cancelled")

    def test_a_cancel_in_trial_undone_goes_on_as_a_trial(self, company: Company) -> None:
        _, subscription, _ = self.trial(company)
        command = CancelCommand(CancelWhen.END_OF_RUN)
        lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=at("2026-06-05"))
        lifecycle.undo_cancel(subscription_id=subscription.id, now=at("2026-06-06"))
        assert Subscription.objects.get().status == "trial_active"
        run("2026-06-15")
        assert (totals(), Subscription.objects.get().status) == ([3000], "active")

    def test_extended_before_its_end(self, company: Company) -> None:
        _, subscription, price = self.trial(company, is_trial_standalone=True)
        lifecycle.extend_trial(subscription_id=subscription.id, price_id=price.id, now=at("2026-06-05"))
        assert (totals(), Subscription.objects.get().status) == ([], "active")
        run("2026-06-15")
        assert totals() == [3000]
        assert Subscription.objects.get().next_due_at == at("2026-07-15")

    def test_extended_after_its_end(self, company: Company) -> None:
        _, subscription, price = self.trial(company, is_trial_standalone=True)
        run("2026-06-15")
        assert Subscription.objects.get().status == "trial_ended"
        lifecycle.extend_trial(subscription_id=subscription.id, price_id=price.id, now=at("2026-06-20"))
        assert (totals(), Subscription.objects.get().next_due_at) == ([3000], at("2026-07-20"))
        assert check_books(now=at("2026-06-20")) == ()

    def test_the_plan_changes_in_the_trial(self, company: Company) -> None:
        _, subscription, _ = self.trial(company)
        big = company.price(unit_price=9000, interval="year")
        plan = company.plan("Big", big)
        plan_changes.change_plan(
            subscription_id=subscription.id, command=PlanCommand(big.id, plan.id), now=at("2026-06-05")
        )
        run("2026-06-15")
        assert (totals(), Subscription.objects.get().next_due_at) == ([9000], at("2027-06-15"))
