"""Alice on a plan that is changed, and what she is billed."""

from datetime import datetime
from typing import Any

from billing.operations import lifecycle, plan_changes
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from billing.operations.plan_changes import PlanCommand, Timing, When
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Agenda
from invoicing.models import CreditNote, Invoice
from ledger.models import CustomerBalance
from subscriptions.models import Subscription
from tests.cast import Company, at

INSTANT = Timing()
NEXT = Timing(When.NEXT_CYCLE)


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def totals() -> list[int]:
    return list(Invoice.objects.order_by("sequence").values_list("total_minor", flat=True))


def credits() -> list[int]:
    return list(CreditNote.objects.order_by("sequence").values_list("total_minor", flat=True))


def balance() -> int:
    return sum(CustomerBalance.objects.values_list("balance_minor", flat=True))


class World:
    """Alice, on a small plan, with a big one beside it; no tax."""

    def __init__(self, company: Company, *, card: bool = False, **price: Any) -> None:
        self.company = company
        self.small, self.big = company.price(unit_price=3000, **price), company.price(unit_price=4500, **price)
        self.yearly = company.price(unit_price=30000, interval="year")
        self.team = company.plan("Team", self.small, self.big, self.yearly, per_seat=True)
        self.other_price = company.price(unit_price=6000)
        self.solo = company.plan("Solo", self.other_price)
        self.alice = company.customer("Alice")
        if card:
            self.card = company.card(self.alice)
        self.subscription = company.start(self.alice, self.team, self.small, now=at("2026-06-01"))

    def to(self, price: Any, moment: str, timing: Timing = INSTANT, **values: Any) -> Any:
        command = PlanCommand(price.id, timing=timing, **values)
        return plan_changes.change_plan(subscription_id=self.subscription.id, command=command, now=at(moment))

    def cancel(self, when: CancelWhen, refund: RefundType, moment: str, date: datetime | None = None) -> Any:
        command = CancelCommand(when, refund, date)
        return lifecycle.cancel_subscription(subscription_id=self.subscription.id, command=command, now=at(moment))

    def fresh(self) -> Subscription:
        return Subscription.objects.get(id=self.subscription.id)

    def due(self) -> datetime | None:
        assert self.fresh().next_due_at == Agenda.objects.get(customer=self.alice).due_at
        return self.fresh().next_due_at
