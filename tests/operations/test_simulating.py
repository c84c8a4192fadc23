"""A simulation is what then happens on a test clock, line by line."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.utils import DatabaseError

from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from billing.domain.forecast import forecast
from billing.domain.future import Forecast, cash_by_month
from billing.domain.what_if import EndWanted, WhatIf
from billing.models import DunningStep, Payment, Refund
from billing.operations import lifecycle, plan_changes, simulating
from billing.operations.clocks import advance_clock
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from billing.operations.payments import record_transfer
from billing.operations.plan_changes import PlanCommand, Timing, When
from billing.operations.simulating import Failed, Simulation, one_snapshot, simulate_all, simulate_customer
from core.errors import Conflict, Invalid, NotFound
from core.identifiers import new_id
from core.models import TestClock
from customers.models import Customer, PaymentMethod
from invoicing.models import CreditNoteLine, Invoice, InvoiceLine
from subscriptions.domain.change import PriceChange
from subscriptions.models import Price, Subscription
from subscriptions.queries.terms import list_price_terms
from tests.cast import at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db
BEGIN = at("2026-01-31 10:17")
NOW = at("2026-03-10 08:00")
# Invoices are due 30 days after their day.
TERM = timedelta(days=29)


class World:
    """Alice on a test clock of a company in Germany that taxes 19 %."""

    def __init__(self, **brand: Any) -> None:
        self.company = make_company(vat_registered=True, **brand)
        self.company.tax("DE", "19")
        self.clock = TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)
        self.small, self.big = self.company.price(unit_price=3000), self.company.price(unit_price=4599)
        self.yearly = self.company.price(unit_price=30000, interval="year")
        self.team = self.company.plan("Team", self.small, self.big, self.yearly, per_seat=True)
        self.alice = self.company.customer("Alice", test_clock=self.clock)

    def start(self, price: Price | None = None, **values: Any) -> Subscription:
        return self.company.start(self.alice, self.team, price or self.small, now=BEGIN, **values)

    def advance(self, moment: datetime) -> None:
        advance_clock(clock_id=self.clock.id, to_at=moment, now=at("2030-01-01"))

    def simulate(self, months: int = 12, **values: Any) -> Forecast:
        return simulate_customer(self.alice.id, Simulation(NOW, months, **values))

    def later(self, subscription: Subscription, price: Price, moment: str | None = None) -> None:
        timing = Timing(When.SPECIFIC_DATE, at(moment)) if moment else Timing(When.NEXT_CYCLE)
        plan_changes.change_plan(
            subscription_id=subscription.id, command=PlanCommand(price.id, timing=timing), now=self.time()
        )

    def time(self) -> datetime:
        return TestClock.objects.get(id=self.clock.id).now_at


Line = tuple[Any, ...]


def simulated(told: Forecast) -> list[Line]:
    """Return every line with the numbers of its document."""
    found: list[Line] = []
    for one in told.documents:
        made = one.proposal
        sign = -1 if made.is_credit else 1
        document = (
            made.is_credit,
            one.moment,
            made.occasion.issue_date,
            None if made.is_credit else made.due_date,
            sign * made.total_minor,
            sign * made.tax_total_minor,
            None if made.is_credit else made.balance_applied_minor,
        )
        found += [
            (
                *document,
                line.charge.kind,
                line.charge.period_start,
                line.charge.period_end,
                line.charge.quantity if not made.is_credit else None,
                line.tax.net_minor,
                line.tax.tax_minor,
                line.discount_minor if not made.is_credit else None,
            )
            for line in made.lines
        ]
    for given in told.refunds:
        refund = given.refund
        note = (True, given.moment, given.issue_date, None, refund.total_minor, refund.tax_minor, None)
        found += [
            (
                *note,
                line.kind,
                line.rest.period_start,
                line.rest.period_end,
                None,
                -part.net_minor,
                -part.tax_minor,
                None,
            )
            for line, part in refund.lines
        ]
    return sorted(found, key=str)


def happened(since: datetime) -> list[Line]:
    """Return the same of what was issued after a moment."""
    found: list[Line] = []
    for line in InvoiceLine.objects.filter(invoice__created_at__gt=since).select_related("invoice"):
        invoice = line.invoice
        found.append(
            (
                False,
                invoice.finalized_at,
                invoice.issue_date,
                invoice.due_date,
                invoice.total_minor,
                invoice.tax_total_minor,
                invoice.balance_applied_minor,
                line.kind,
                line.period_start,
                line.period_end,
                Decimal(line.quantity),
                line.net_minor,
                line.tax_minor,
                line.discount_minor,
            )
        )
    for given in CreditNoteLine.objects.filter(credit_note__created_at__gt=since).select_related("credit_note"):
        note = given.credit_note
        numbers = (note.total_minor, note.tax_total_minor, None)
        periods = (given.kind, given.period_start, given.period_end, None)
        found.append(
            (True, note.created_at, note.issue_date, None, *numbers, *periods, given.net_minor, given.tax_minor, None)
        )
    return sorted(found, key=str)


def plain(lines: list[Line]) -> list[Line]:
    return [tuple(one.normalize() if isinstance(one, Decimal) else one for one in line) for line in lines]


def card(world: World) -> None:
    world.company.card(world.alice)
    world.alice.refresh_from_db()


def renewals(world: World) -> None:
    world.start(seats=3)


def by_card(world: World) -> None:
    card(world)
    world.start(items=(world.company.price(unit_price=Decimal("999.5"), including_tax=True),))


def changes_waiting(world: World) -> None:
    subscription = world.start(seats=2)
    world.advance(NOW - timedelta(hours=1))
    world.later(subscription, world.big)
    plan_changes.change_seats(
        subscription_id=subscription.id, seats=5, timing=Timing(When.SPECIFIC_DATE, at("2026-05-16")), now=world.time()
    )


def down_in_the_middle(world: World) -> None:
    """A credit that lowers the open invoice, and what is over that goes to the balance."""
    subscription = world.start(world.big, seats=2)
    world.advance(NOW - timedelta(hours=1))
    world.later(subscription, world.small, "2026-04-09 12:00")


def down_by_card(world: World) -> None:
    card(world)
    subscription = world.start(world.yearly)
    world.advance(NOW - timedelta(hours=1))
    world.later(subscription, world.small, "2026-06-16 12:00")


def trial(world: World) -> None:
    plan = world.company.plan("Trial", world.small, has_trial=True, trial_length_days=60)
    world.company.start(world.alice, plan, world.small, now=BEGIN)


def vouchers(world: World) -> None:
    world.company.voucher(world.alice, duration="repeating", duration_count=4, percent=Decimal("12.5"))
    world.start(world.big)


def minimum(world: World) -> None:
    calls = world.company.metric("calls")
    usage = world.company.price(
        type="unit", unit_price=Decimal("1.5"), usage=True, metric=calls, minimum_commitment_minor=2000
    )
    world.start(items=(usage,))


def seats(world: World) -> None:
    subscription = world.start(seats=2)
    world.advance(at("2026-03-05 09:00"))
    plan_changes.change_seats(subscription_id=subscription.id, delta=3, now=world.time())


def paused(world: World) -> None:
    subscription = world.start()
    world.advance(at("2026-02-10"))
    lifecycle.pause_subscription(subscription_id=subscription.id, now=world.time())
    world.advance(at("2026-02-20"))
    lifecycle.resume_subscription(subscription_id=subscription.id, now=world.time())


def an_end(world: World) -> None:
    card(world)
    subscription = world.start(world.big)
    world.advance(NOW - timedelta(hours=1))
    command = CancelCommand(CancelWhen.SPECIFIC_DATE, RefundType.PRORATE, at("2026-06-10 12:00"))
    lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=world.time())


def a_full_refund(world: World) -> None:
    """Of what the last month was charged, up to the middle of a month; seats are added on the way."""
    card(world)
    subscription = world.start(world.big, seats=2)
    world.advance(NOW - timedelta(hours=1))
    plan_changes.change_seats(
        subscription_id=subscription.id, seats=5, timing=Timing(When.SPECIFIC_DATE, at("2026-06-05")), now=world.time()
    )
    command = CancelCommand(CancelWhen.SPECIFIC_DATE, RefundType.FULL, at("2026-06-10 12:00"))
    lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=world.time())


def a_full_refund_of_what_changed(world: World) -> None:
    """On the open invoice of the running month, once a change has lowered it."""
    subscription = world.start(world.big)
    world.advance(NOW - timedelta(hours=1))
    plan_changes.change_plan(subscription_id=subscription.id, command=PlanCommand(world.small.id), now=world.time())
    command = CancelCommand(CancelWhen.END_OF_RUN, RefundType.FULL)
    lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=world.time())


def two_on_one_day(world: World) -> None:
    world.start()
    world.company.start(world.alice, world.team, world.yearly, now=BEGIN + timedelta(hours=4))


HISTORIES = [
    renewals,
    by_card,
    changes_waiting,
    down_in_the_middle,
    down_by_card,
    trial,
    vouchers,
    minimum,
    seats,
    paused,
    an_end,
    a_full_refund,
    a_full_refund_of_what_changed,
    two_on_one_day,
]


def pay_when_due(world: World, until: datetime) -> None:
    """Walk the clock to each due date and pay what is due, as a forecast assumes."""
    while True:
        world.advance(min(_next_due(world.time()), until))
        now = world.time()
        owed = Invoice.objects.filter(status="open", billing_type="invoice")
        assert not owed.filter(created_at__gt=NOW, due_date__lt=now.date()).exists(), "the walk went past a due date"
        for invoice in owed.filter(due_date__lte=now.date()):
            record_transfer(
                invoice_id=invoice.id,
                amount_minor=invoice.amount_due_minor,
                currency="EUR",
                paid_at=now,
                reference=str(invoice.id),
                now=now,
            )
        if now >= until:
            return


def _next_due(now: datetime) -> datetime:
    """Return when the next invoice is due, at the latest when one that is issued from now on could be."""
    day = (
        Invoice.objects.filter(status="open", billing_type="invoice", due_date__gte=now.date())
        .order_by("due_date")
        .values_list("due_date", flat=True)
        .first()
    )
    return now + TERM if day is None else max(at(f"{day} 23:59"), now + timedelta(minutes=1))


@pytest.mark.parametrize("grace", [0, 4])
@pytest.mark.parametrize("history", HISTORIES)
def test_it_is_what_then_happens(history: Callable[[World], None], grace: int) -> None:
    world = World(grace_days=grace)
    history(world)
    if world.time() < NOW:
        world.advance(NOW)
    told = world.simulate(usage=Assumption.NONE)
    until = Simulation(NOW, 12).until("UTC")
    pay_when_due(world, until)
    assert plain(simulated(told)) == plain(happened(NOW))
    assert told.documents or told.refunds
    if Customer.objects.get(id=world.alice.id).billing_type == "card":
        paid = Payment.objects.filter(created_at__gt=NOW).values_list("amount_minor", flat=True)
        expected = [one.amount_minor for one in told.cash if one.amount_minor > 0]
        assert sorted(expected) == sorted(paid)
        paid_out = Refund.objects.filter(created_at__gt=NOW).values_list("amount_minor", flat=True)
        assert sum(-one.amount_minor for one in told.cash if one.amount_minor < 0) == sum(paid_out)


def cards_of(token: str, **values: Any) -> Callable[[World], None]:
    """Charge a card that pays once, then no more."""

    def history(world: World) -> None:
        world.company.card(world.alice, token)
        world.alice.refresh_from_db()
        world.start(**values)

    return history


def two_invoices_a_day(world: World) -> None:
    """The second waits while the first is declined."""
    card(world)
    for price, hours in ((world.small, 0), (world.big, 4)):
        world.company.start(world.alice, world.team, price, now=BEGIN + timedelta(hours=hours))
    world.advance(NOW)
    PaymentMethod.objects.update(provider_reference="card_lack_of_funds_1")


def used_by_card(world: World) -> None:
    """Usage up to the day on which dunning ends it is billed with the end."""
    calls = world.company.metric("calls")
    usage = world.company.price(
        type="unit", unit_price=Decimal(2), usage=True, metric=calls, minimum_commitment_minor=900
    )
    cards_of("tok_declined_after_first", items=(usage,))(world)
    moment = at("2026-03-05 12:00")
    world.advance(moment)
    subscription_id = Subscription.objects.get().id
    event = EventDraft(
        event_id="x", subscription_id=subscription_id, code="calls", value=Decimal(700), timestamp=moment
    )
    record_events([event], now=moment)


def a_year_by_card(world: World) -> None:
    world.company.card(world.alice, "tok_declined_after_first")
    world.alice.refresh_from_db()
    subscription = world.start(world.yearly)
    world.advance(NOW - timedelta(hours=1))
    world.later(subscription, world.big, "2026-06-16 12:00")


DUNNED: list[tuple[Callable[[World], None], dict[str, Any]]] = [
    (cards_of("tok_declined_after_first"), {}),
    (cards_of("tok_declined_after_first"), {"dunning_final_action": "uncollectible"}),
    (cards_of("tok_declined_after_first"), {"dunning_final_action": "keep", "dunning_retry_days": [40]}),
    (a_year_by_card, {"dunning_retry_days": []}),
    (cards_of("tok_declined_after_first"), {"grace_days": 4, "dunning_retry_days": [2, 50]}),
    (two_invoices_a_day, {"invoice_group": "subscription"}),
    (two_invoices_a_day, {"invoice_group": "subscription", "dunning_retry_days": [2, 70]}),
    (used_by_card, {"dunning_retry_days": [3, 20]}),
    (a_year_by_card, {}),
    (renewals, {}),
    (renewals, {"overdue_disable_days": None, "overdue_reminder_days": [0, 20]}),
    (two_on_one_day, {"invoice_group": "subscription", "overdue_disable_days": 70}),
]


def dunned(since: datetime) -> list[tuple[datetime, str]]:
    """Return what dunning then did: retries, reminders and ends, each with its moment."""
    steps = DunningStep.objects.filter(kind__in=["retry", "remind", "finish"], happened_at__gt=since)
    return sorted((one.happened_at, one.details if one.kind == "finish" else str(one.kind)) for one in steps)


@pytest.mark.parametrize(("history", "policy"), DUNNED)
def test_what_is_not_paid_is_dunned_as_it_then_is(history: Callable[[World], None], policy: dict[str, Any]) -> None:
    world = World(**policy)
    history(world)
    if world.time() < NOW:
        world.advance(NOW)
    told = world.simulate(usage=Assumption.NONE, payments=Payments.FAIL)
    world.advance(Simulation(NOW, 12).until("UTC"))
    assert plain(simulated(told)) == plain(happened(NOW))
    assert sorted((one.moment, one.word) for one in told.dunning) == dunned(NOW)
    assert told.dunning
    given_up = Invoice.objects.filter(uncollectible_at__gt=NOW).values_list("written_off_minor", flat=True)
    assert sum(one.written_off_minor for one in told.dunning) == sum(given_up)
    due = Invoice.objects.filter(status="open").values_list("amount_due_minor", flat=True)
    assert told.past_due_minor.get("EUR", 0) == sum(due)
    assert told.cash == ()


def test_what_is_expected_to_be_used_is_expected_up_to_the_end() -> None:
    """100 calls a period: dunning ends it on 20 March, 10 days and 2:17 from now, of 31 -> 32.57."""
    world = World(dunning_retry_days=[3, 20])
    calls = world.company.metric("calls")
    usage = world.company.price(type="unit", unit_price=Decimal(2), usage=True, metric=calls)
    world.company.card(world.alice, "tok_declined_after_first")
    subscription = world.start(items=(usage,))
    moment = at("2026-02-10 12:00")
    world.advance(moment)
    event = EventDraft(
        event_id="x", subscription_id=subscription.id, code="calls", value=Decimal(100), timestamp=moment
    )
    record_events([event], now=moment)
    world.advance(NOW)
    told = world.simulate(payments=Payments.FAIL)
    used = [line for one in told.documents for line in one.proposal.lines if line.charge.kind == "usage"]
    part = Decimal((at("2026-03-20 10:17") - NOW) // timedelta(seconds=1)) / (31 * 86400)
    assert [line.charge.quantity for line in used] == [(100 * part).quantize(Decimal("1e-12"))]


def test_by_default_a_retry_brings_the_money_and_who_has_no_card_is_dunned() -> None:
    world = World()
    cards_of("tok_declined_after_first")(world)
    world.advance(at("2026-03-01 08:00"))
    told = simulate_customer(world.alice.id, Simulation(world.time(), 1))
    assert (told.cash[0].day, told.cash[0].amount_minor) == (at("2026-03-03").date(), 3570)
    PaymentMethod.objects.update(removed_at=world.time(), is_default=False)
    told = simulate_customer(world.alice.id, Simulation(world.time(), 2))
    assert [one.word for one in told.dunning][-1] == "cancel"
    assert told.cash == ()


class TestUsage:
    def world(self) -> tuple[World, Subscription]:
        """Alice uses 100 calls at 2 cents in her first period, 30 in the one that runs."""
        world = World()
        calls = world.company.metric("calls")
        usage = world.company.price(type="unit", unit_price=Decimal(2), usage=True, metric=calls)
        subscription = world.start(items=(usage,))
        for day, value in (("2026-02-10", 100), ("2026-03-05", 30)):
            moment = at(f"{day} 12:00")
            world.advance(moment)
            event = EventDraft(
                event_id=day, subscription_id=subscription.id, code="calls", value=Decimal(value), timestamp=moment
            )
            record_events([event], now=moment)
        world.advance(NOW)
        return world, subscription

    def quantities(self, told: Forecast) -> list[Decimal]:
        return [
            line.charge.quantity for one in told.documents for line in one.proposal.lines if line.charge.kind == "usage"
        ]

    def test_the_last_period_is_repeated_behind_what_is_known(self) -> None:
        """The period runs from 28 February to 31 March; of its 31 days 21 and 2:17 are ahead: 30 + 68.02."""
        world, _ = self.world()
        told = self.quantities(world.simulate(3))
        part = Decimal((at("2026-03-31 10:17") - NOW) // timedelta(seconds=1)) / (31 * 86400)
        assert told[0] == 30 + (100 * part).quantize(Decimal("1e-12"))
        assert told[1:] == [100, 100]

    def test_nothing_is_assumed_on_demand(self) -> None:
        world, _ = self.world()
        assert self.quantities(world.simulate(3, usage=Assumption.NONE)) == [30]

    def test_in_a_first_period_what_is_known_is_all(self) -> None:
        world, _ = self.world()
        bob = world.company.customer("Bob", test_clock=world.clock)
        usage = Price.objects.get(usage=True)
        subscription = world.company.start(bob, world.team, world.small, now=NOW - timedelta(hours=5), items=(usage,))
        moment = NOW - timedelta(hours=1)
        event = EventDraft(
            event_id="x", subscription_id=subscription.id, code="calls", value=Decimal(7), timestamp=moment
        )
        record_events([event], now=NOW)
        assert self.quantities(simulate_customer(bob.id, Simulation(NOW, 3))) == [7, 7, 7]


class TestWhatIf:
    def suppose(self, world: World, subscription: Subscription, change: Any, moment: str) -> Forecast:
        return world.simulate(what_if=WhatIf(change, at(moment), subscription.id))

    @pytest.mark.parametrize(
        ("kind", "moment"),
        [("price", "2026-04-09 12:00"), ("seats", "2026-04-09 12:00"), ("end", "2026-06-10 12:00")],
    )
    def test_it_is_what_the_change_then_does(self, kind: str, moment: str) -> None:
        world = World()
        subscription = world.start(seats=2)
        world.advance(NOW)
        big = list_price_terms([world.big.id])[world.big.id]
        changes = {
            "price": PriceChange(world.team.id, "Team", big),
            "seats": 5,
            "end": EndWanted(at_period_end=False, refund="prorate"),
        }
        told = self.suppose(world, subscription, changes[kind], moment)
        assert plain(simulated(told)) != plain(simulated(world.simulate()))
        timing = Timing(When.SPECIFIC_DATE, at(moment))
        if kind == "price":
            world.later(subscription, world.big, moment)
        elif kind == "seats":
            plan_changes.change_seats(subscription_id=subscription.id, seats=5, timing=timing, now=NOW)
        else:
            command = CancelCommand(CancelWhen.SPECIFIC_DATE, RefundType.PRORATE, at(moment))
            lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=NOW)
        pay_when_due(world, Simulation(NOW, 12).until("UTC"))
        assert plain(simulated(told)) == plain(happened(NOW))

    def test_at_once_it_is_the_difference(self) -> None:
        """3000 -> 4599 on 10 March, in the period 28 February - 31 March: 21 of 31 days."""
        world = World()
        subscription = world.start()
        world.advance(NOW)
        big = list_price_terms([world.big.id])[world.big.id]
        told = self.suppose(world, subscription, PriceChange(world.team.id, "Team", big), NOW.isoformat()[:19])
        first = told.documents[0].proposal
        assert [line.tax.net_minor for line in first.lines] == [-2032, 3115]

    def test_refusals(self) -> None:
        world = World()
        subscription = world.start()
        world.advance(NOW)
        with pytest.raises(Invalid):
            self.suppose(world, subscription, 2_000_000, "2026-05-01")
        lifecycle.cancel_subscription(
            subscription_id=subscription.id,
            command=CancelCommand(CancelWhen.SPECIFIC_DATE, at=at("2026-04-01")),
            now=NOW,
        )
        with pytest.raises(Conflict):
            self.suppose(world, subscription, 2, "2026-05-01")
        with pytest.raises(NotFound):
            simulate_customer(new_id(), Simulation(NOW))


class TestEverybody:
    def test_the_wall_clock_only_in_chunks_of_constant_statements(self) -> None:
        company = make_company()
        price = company.price()
        plan = company.plan("Team", price)
        clock = TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)
        for number in range(5):
            company.start(company.customer(f"C{number}"), plan, price, now=BEGIN)
        company.start(company.customer("Tested", test_clock=clock), plan, price, now=BEGIN)
        found = list(simulate_all(Simulation(NOW, 3), chunk=2))
        assert all(isinstance(one, Forecast) for one in found)
        assert [len(one.documents) for one in found if isinstance(one, Forecast)] == [4] * 5

    def test_who_cannot_be_computed_stops_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        company = make_company()
        price = company.price()
        plan = company.plan("Team", price)
        started = [company.start(company.customer(name), plan, price, now=BEGIN) for name in ("Alice", "Bob")]
        real = forecast

        def spoilt(case: Any, *rest: Any) -> Forecast:
            if case.account.customer_id == started[0].customer_id:
                raise ZeroDivisionError("no")
            return real(case, *rest)

        monkeypatch.setattr(simulating, "forecast", spoilt)
        found = list(simulate_all(Simulation(NOW, 3)))
        assert [type(one) for one in found] == [Forecast, Failed]

    def test_cash_is_summed_by_month(self) -> None:
        """30 days after each renewal: 28 February's is due on 30 March, March's on 30 April."""
        world = World()
        world.start()
        world.advance(NOW)
        told = world.simulate(2)
        assert list(cash_by_month(told.cash)) == [("2026-03", "EUR", 7140 - 3570), ("2026-04", "EUR", 3570)]
        assert told.past_due_minor == {"EUR": 3570}


@pytest.mark.django_db(transaction=True)
def test_in_its_snapshot_the_database_refuses_to_write() -> None:
    with one_snapshot():
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone()[0] == "repeatable read"
        with pytest.raises(DatabaseError, match="read-only"):
            TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)
