"""One company and its customers on a test clock, for stories of a year: what was done, then every paper."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.operations import lifecycle, plan_changes
from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from billing.operations.plan_changes import PlanCommand, Timing, When
from core.domain.schedule import local_date
from core.models import TestClock
from customers.models import Customer
from invoicing.models import CreditNote, Invoice
from subscriptions.models import Price, Subscription
from tests.cast import UNDUNNED, Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

Line = tuple[str, str, str, int]
Paper = tuple[str, int, list[Line]]


@dataclass
class Year:
    """A company whose customers' clock starts at a moment; 19 % tax in Germany unless said otherwise."""

    start: str
    zone: str = "UTC"
    brand: dict[str, Any] = field(default_factory=dict)
    tax: tuple[str, str] = ("DE", "19")

    def __post_init__(self) -> None:
        self.company: Company = make_company(**{"time_zone": self.zone, **UNDUNNED, **self.brand})
        self.company.tax(*self.tax)
        self.clock = TestClock.objects.create(now_at=at(self.start), created_at=at(self.start))
        self.now = self.start

    def customer(self, name: str, **values: Any) -> Customer:
        """Add a customer who lives by the clock."""
        return self.company.customer(name, test_clock=self.clock, **values)

    def begin(self, name: str, plan: Any, price: Price, **values: Any) -> Subscription:
        """Let a new customer start a subscription now."""
        return self.company.start(self.customer(name), plan, price, now=at(self.now), **values)

    def to(self, moment: str) -> None:
        """Turn the clock: everything due on the way runs at its own moment."""
        advance_clock(clock_id=self.clock.id, to_at=at(moment), now=at(moment))
        self.now = moment

    def change(self, subscription: Subscription, price: Price, when: When = When.INSTANTLY, **values: Any) -> None:
        """Change plan or price, now or with the next cycle."""
        command = PlanCommand(price.id, timing=Timing(when), **values)
        plan_changes.change_plan(subscription_id=subscription.id, command=command, now=at(self.now))

    def seats(self, subscription: Subscription, delta: int, *, at_once: bool = False) -> None:
        """Add or remove seats."""
        plan_changes.change_seats(subscription_id=subscription.id, delta=delta, invoice_now=at_once, now=at(self.now))

    def cancel(self, subscription: Subscription, when: CancelWhen, refund: RefundType = RefundType.NONE) -> None:
        """End a subscription."""
        lifecycle.cancel_subscription(
            subscription_id=subscription.id, command=CancelCommand(when, refund), now=at(self.now)
        )

    def use(self, subscription: Subscription, day: str, value: int) -> str:
        """Report calls of a day as of the clock's time, and return what became of them."""
        draft = EventDraft(
            event_id=f"{day} {value}",
            subscription_id=subscription.id,
            code="calls",
            value=Decimal(value),
            timestamp=at(day),
        )
        (outcome,) = record_events([draft], now=at(self.now))
        return str(outcome.outcome)

    def day(self, moment: datetime) -> str:
        """Write a moment's local day."""
        return f"{local_date(moment, self.zone):%m-%d}"

    def papers(self, name: str = "Alice") -> list[Paper]:
        """Return a customer's papers, oldest first: day of issue, total (of a credit note below 0), lines with nets."""
        invoices = Invoice.objects.filter(customer__name=name).exclude(status=Invoice.Status.DRAFT)
        found: list[tuple[Any, Paper]] = [
            (paper.id, (f"{paper.issue_date:%m-%d}", paper.total_minor, self._lines(paper))) for paper in invoices
        ]
        found += [
            (paper.id, (f"{paper.issue_date:%m-%d}", -paper.total_minor, self._lines(paper)))
            for paper in CreditNote.objects.filter(customer__name=name)
        ]
        return [paper for _, paper in sorted(found, key=lambda one: one[0])]

    def _lines(self, paper: Any) -> list[Line]:
        return [
            (line.kind, self.day(line.period_start), self.day(line.period_end), line.net_minor)
            for line in paper.lines.order_by("position")
        ]

    def prove(self) -> None:
        """Prove the books as of now."""
        assert check_books(now=at(self.now)) == ()
