"""Sixty customers of every kind, made before the run is due: what the tests of crashes and of company bill."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from billing.operations.balance import CREDIT, Adjustment, adjust_balance
from billing.operations.cards import add_card, set_default_card
from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Agenda, Brand, Customer
from subscriptions.models import Metric, Plan, Price, Subscription
from tests.cast import JANUARY, UNDUNNED, Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

SIZE = 60
AS_OF = at("2026-03-05 12:00")
"""When the run comes: late. Some wait since 10 February, some since 1 March, some missed two months."""
STARTS = (at("2026-01-01"), at("2026-01-10 10:17"), at("2026-02-01"))
TIERS = [
    {"first_unit": 1, "last_unit": 10, "unit_price": "15.5", "flat_fee": "1000"},
    {"first_unit": 11, "last_unit": None, "unit_price": "7.25", "flat_fee": "1500"},
]
CARDS = ("tok_visa", "tok_declined", "tok_timeout", "tok_pending", "tok_declined_after_first", "tok_timeout_lost")


class Sixty:
    """The company on its way: a catalogue, then customers of each kind in turn."""

    def __init__(self) -> None:
        self.company = make_company(**UNDUNNED)
        self.company.tax("DE", "19")
        self.company.tax("FR", "20")
        self.other_brand = Company(
            Brand.objects.create(
                code="other", name="Other SARL", country="FR", tax_number="FR40303265045", grace_days=10,
                created_at=JANUARY, updated_at=JANUARY, **UNDUNNED,
            ),
            self.company.product,
        )  # fmt: skip
        self.metric: Metric = self.company.metric("calls")
        self.flat = self._plan("Flat", self.company.price())
        self.dollars = self._plan("Dollars", self.company.price(currency="USD", unit_price=Decimal(4999)))
        self.seats = self._plan("Seats", self.company.price(type="unit", unit_price=Decimal(1000)), per_seat=True)
        self.free = self._plan("Free", self.company.price(unit_price=Decimal(0)))
        self.trial = self._plan("Trial", self.company.price(), has_trial=True, trial_length_days=20)
        usage = {"usage": True, "metric": self.metric}
        self.calls = self.company.price(type="unit", unit_price=Decimal("0.3"), **usage)
        self.tiered = self.company.price(type="tiered_graduated", tiers=TIERS, **usage)
        self.kinds: tuple[Callable[[str, int], None], ...] = (
            self.by_invoice, self.by_card, self.in_dollars, self.with_seats, self.with_fewer_seats, self.with_usage,
            self.with_voucher, self.with_balance, self.on_trial, self.cancelling, self.twice, self.for_nothing,
        )  # fmt: skip

    def fill(self) -> None:
        """Add the customers, each kind five times."""
        for number in range(SIZE):
            kind = self.kinds[number % len(self.kinds)]
            kind(f"{kind.__name__} {number // len(self.kinds)}", number // len(self.kinds))
        self._bill_early_and_use_late()

    def by_invoice(self, name: str, turn: int) -> None:
        """A flat plan, by two brands, whose numbers are counted apart; one lets its invoices wait for late usage."""
        brand = self.other_brand if turn % 2 else self.company
        self._start(brand.customer(name, country="FR" if turn % 2 else "DE"), self.flat, turn)

    def by_card(self, name: str, turn: int) -> None:
        """A flat plan, paid at the start by a card that pays, then charged to one that may not."""
        customer = self._customer(name)
        self.company.card(customer)
        self._start(customer, self.flat, turn)
        card = add_card(customer_id=customer.id, token=CARDS[(turn + 1) % len(CARDS)], now=JANUARY)
        set_default_card(payment_method_id=card.id, now=JANUARY)

    def in_dollars(self, name: str, turn: int) -> None:
        """Another currency, every other one by card."""
        customer = self._customer(name, country="US")
        if turn % 2:
            self.company.card(customer, "tok_mastercard")
        self._start(customer, self.dollars, turn)

    def with_seats(self, name: str, turn: int) -> None:
        """Seats added in the running period."""
        subscription = self._start(self._customer(name), self.seats, turn, seats=1 + turn)
        add_seats(subscription_id=subscription.id, seats=2, now=at("2026-02-02"))
        remove_seats(subscription_id=subscription.id, seats=1, now=at("2026-02-03 09:00"))

    def with_fewer_seats(self, name: str, turn: int) -> None:
        """So many seats taken away that a credit note comes of it, against the open invoice or onto the balance."""
        customer = self._customer(name)
        if turn % 2:
            self.company.card(customer)
        subscription = self._start(customer, self.seats, turn, seats=40)
        remove_seats(subscription_id=subscription.id, seats=39, now=STARTS[turn % len(STARTS)])

    def with_usage(self, name: str, turn: int) -> None:
        """Tiered usage beside a flat price; some events of a period that is billed already come late."""
        customer = self._customer(name)
        if turn == 1:
            self.company.card(customer, "tok_timeout")
        items = (self.tiered,) if turn % 2 else (self.tiered, self.calls)
        subscription = self._start(customer, self.flat, turn, items=items)
        for day in ("2026-02-01", "2026-02-09", "2026-02-12", "2026-02-20", "2026-03-04"):
            self._use(subscription, day, 7 + turn)

    def with_voucher(self, name: str, turn: int) -> None:
        """A voucher for one, some or all invoices, every other one paid by card."""
        customer = self._customer(name)
        duration = {0: {"duration": "once"}, 1: {"duration": "forever"}}.get(
            turn, {"duration": "repeating", "duration_count": turn}
        )
        self.company.voucher(customer, percent=Decimal("33.3"), **duration)
        if turn % 2:
            self.company.card(customer)
        self._start(customer, self.flat, turn)

    def with_balance(self, name: str, turn: int) -> None:
        """Money on the balance: for a part, for all, for more than the bill."""
        customer = self._customer(name)
        if turn % 2:
            self.company.card(customer)
        self._start(customer, self.flat, turn)
        adjustment = Adjustment(CREDIT, 1785 * (turn + 1), "EUR")
        adjust_balance(customer_id=customer.id, adjustment=adjustment, now=at("2026-02-01"))

    def on_trial(self, name: str, turn: int) -> None:
        """A trial that ends before the run: converted, or ended for want of a card."""
        customer = self._customer(name)
        if turn % 3 == 1:
            self.company.card(customer)
        if turn % 3 == 2:
            Customer.objects.filter(id=customer.id).update(billing_type="card")
        self._start(customer, self.trial, turn)

    def cancelling(self, name: str, turn: int) -> None:
        """A subscription that ends at its next boundary, with usage still to bill."""
        subscription = self._start(self._customer(name), self.flat, turn, items=(self.calls,))
        self._use(subscription, "2026-02-03", 1000)
        subscription.refresh_from_db()
        Subscription.objects.filter(id=subscription.id).update(
            status="pending_cancel", cancel_at=subscription.next_due_at
        )

    def twice(self, name: str, turn: int) -> None:
        """Two subscriptions that share an invoice, one of them on calendar months."""
        customer = self._customer(name)
        self._start(customer, self.flat, turn)
        self._start(customer, self.seats, turn, seats=3, alignment="calendar")

    def for_nothing(self, name: str, turn: int) -> None:
        """An idle free plan: its moments pass without an invoice."""
        self._start(self._customer(name), self.free, turn)

    def _bill_early_and_use_late(self) -> None:
        """Bill one customer's first month in time; an event of that month comes afterwards, to be billed by itself.

        Another's waits as a draft since then.
        """
        customer, waiting = Customer.objects.get(name="with_usage 0"), Customer.objects.get(name="by_invoice 3")
        february = at("2026-02-01 12:00")
        run_billing(Scope(as_of=february, now=february, customer_ids=(customer.id, waiting.id)))
        self._use(Subscription.objects.get(customer=customer), "2026-01-20", 4)

    def _customer(self, name: str, **values: str) -> Customer:
        return self.company.customer(name, **values)

    def _plan(self, name: str, price: Price, **values: Any) -> Plan:
        return self.company.plan(name, price, **values)

    def _start(self, customer: Customer, plan: Plan, turn: int, **values: Any) -> Subscription:
        price = plan.prices.get()
        return self.company.start(customer, plan, price, now=STARTS[turn % len(STARTS)], **values)

    def _use(self, subscription: Subscription, day: str, value: int) -> None:
        draft = EventDraft(
            event_id=f"{day}-{value}",
            subscription_id=subscription.id,
            code="calls",
            value=Decimal(value),
            properties=None,
            timestamp=at(day),
        )
        (outcome,) = record_events([draft], now=AS_OF)
        assert outcome.outcome == "stored", outcome


def fill() -> None:
    """Make the company and its customers in an empty database."""
    Sixty().fill()
    assert Agenda.objects.filter(due_at__lte=AS_OF).count() == SIZE
