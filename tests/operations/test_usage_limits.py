"""Usage limits: weighed in the transaction that stores the events, once a period (Billing rules, section 4)."""

from decimal import Decimal
from typing import Any

import pytest

from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.operations import SYSTEM
from customers.models import Customer
from customers.operations import disable_customer, enable_customer
from invoicing.models import InvoiceLine
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from usage.domain.event import DUPLICATE, REJECTED, STORED, EventDraft, EventOutcome, Reason
from usage.models import UsageLimit
from usage.operations import record_event, record_events
from usage.operations.limits import create_limit, delete_limit

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def alice(company: Company) -> Subscription:
    """Alice pays 10 a call and 30.00 a month, from 1 January 2026."""
    fee = company.price()
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    plan = company.plan("Team", fee)
    return company.start(company.customer("Alice"), plan, fee, now=at("2026-01-01"), items=(calls,))


def limit(subscription: Subscription, amount: int = 1000, action: str = "warning") -> UsageLimit:
    return create_limit(
        customer_id=subscription.customer_id, amount_minor=amount, action=action, actor=SYSTEM, now=at("2026-01-02")
    )


def use(subscription: Subscription, value: int, moment: str, event_id: str = "", **fields: Any) -> EventOutcome:
    wanted: dict[str, Any] = {"code": "calls", "value": Decimal(value), "timestamp": at(moment), **fields}
    draft = EventDraft(event_id=event_id or f"{moment} {value}", subscription_id=subscription.id, **wanted)
    (outcome,) = record_events([draft], now=at(moment))
    return outcome


def facts() -> list[tuple[str, int]]:
    told = OutboxEvent.objects.filter(type__startswith="usage.").order_by("id")
    return [(fact.type, fact.payload["cost"]) for fact in told]


def test_passing_is_told_once_and_coming_to_the_amount_does_not_pass(alice: Subscription) -> None:
    limit(alice)
    assert use(alice, 100, "2026-01-10") == STORED
    assert facts() == []
    use(alice, 1, "2026-01-11")
    use(alice, 500, "2026-01-12")
    assert facts() == [("usage.warning", 1010)]
    fact = OutboxEvent.objects.get(type="usage.warning")
    assert (fact.object_kind, fact.object_id) == ("customer", alice.customer_id)
    assert fact.payload == {
        "limit": str(UsageLimit.objects.get().id),
        "name": "Warning at 1000",
        "amount": 1000,
        "cost": 1010,
        "currency": "EUR",
        "period_end": "2026-02-01T00:00:00+00:00",
    }
    assert Customer.objects.get().status == "active"


def test_each_period_begins_anew(alice: Subscription) -> None:
    limit(alice)
    use(alice, 101, "2026-01-10")
    use(alice, 100, "2026-02-01")
    assert facts() == [("usage.warning", 1010)]
    use(alice, 1, "2026-02-02")
    assert facts() == [("usage.warning", 1010), ("usage.warning", 1010)]


def test_a_retry_and_a_refused_event_pass_nothing(alice: Subscription) -> None:
    """What is there already was weighed when it came; the limit is set after it."""
    use(alice, 101, "2026-01-10", "one")
    limit(alice)
    assert use(alice, 101, "2026-01-10", "one") == DUPLICATE
    assert use(alice, 7, "2026-01-10", "one") == REJECTED[Reason.EVENT_ID_CONFLICT]
    assert facts() == []
    use(alice, 0, "2026-01-11")
    assert facts() == [("usage.warning", 1010)]


def test_each_limit_speaks_for_itself_and_a_lifted_one_is_silent(alice: Subscription) -> None:
    low, _high = limit(alice, 100), limit(alice, 300)
    lifted = limit(alice, 50)
    delete_limit(customer_id=alice.customer_id, limit_id=lifted.id, actor=SYSTEM, now=at("2026-01-03"))
    use(alice, 20, "2026-01-10")
    assert facts() == [("usage.warning", 200)]
    use(alice, 20, "2026-01-11")
    assert facts() == [("usage.warning", 200), ("usage.warning", 400)]
    low.refresh_from_db()
    assert (low.passed_at, low.silent_until_at) == (at("2026-01-10"), at("2026-02-01"))
    assert AuditEntry.objects.filter(action="usage_limit.deleted").count() == 1


def test_all_subscriptions_of_a_customer_count_and_nobody_elses(company: Company, alice: Subscription) -> None:
    calls = Subscription.objects.get().items.order_by("position")[1].terms.get().price
    fee, plan = company.price(), company.plans["Team"]
    plan.prices.add(fee)
    second = company.start(Customer.objects.get(name="Alice"), plan, fee, now=at("2026-01-05"), items=(calls,))
    bob = company.start(company.customer("Bob"), plan, fee, now=at("2026-01-01"), items=(calls,))
    limit(alice)
    use(bob, 500, "2026-01-10")
    use(alice, 60, "2026-01-10")
    assert facts() == []
    use(second, 41, "2026-01-11")
    assert facts() == [("usage.warning", 1010)]
    # Silent until the first of the two periods ends.
    assert UsageLimit.objects.get().silent_until_at == at("2026-02-01")


def test_currencies_are_never_added(company: Company, alice: Subscription) -> None:
    metric = Subscription.objects.get().items.order_by("position")[1].terms.get().price.metric
    fee = company.price(currency="USD")
    calls = company.price(type="unit", usage=True, metric=metric, unit_price=Decimal(10), currency="USD")
    company.plans["Team"].prices.add(fee)
    dollars = company.start(Customer.objects.get(), company.plans["Team"], fee, now=at("2026-01-01"), items=(calls,))
    limit(alice)
    use(alice, 90, "2026-01-10")
    use(dollars, 90, "2026-01-10")
    assert facts() == []
    use(dollars, 11, "2026-01-11")
    assert OutboxEvent.objects.get(type="usage.warning").payload["currency"] == "USD"


def test_a_trial_costs_nothing(company: Company) -> None:
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    plan = company.plan("Try", calls, has_trial=True, trial_length_days=14)
    trial = company.start(company.customer("Alice"), plan, calls, now=at("2026-01-01"))
    assert trial.status == "trial_active"
    limit(trial, 1, "disable")
    use(trial, 1000, "2026-01-10")
    assert facts() == []


def test_disabling_takes_the_entitlements_and_what_was_used_is_billed(alice: Subscription) -> None:
    """It is no gift: the month is billed as ever, also what came in after the limit was passed."""
    limit(alice, 1000, "disable")
    use(alice, 150, "2026-01-10")
    customer = Customer.objects.get()
    assert (customer.status, customer.disabled_by, customer.disabled_at) == (
        "disabled",
        "usage_limit",
        at("2026-01-10"),
    )
    assert use(alice, 5, "2026-01-11") == STORED
    told = OutboxEvent.objects.exclude(type__startswith="invoice").order_by("id").values_list("type", flat=True)
    assert [one for one in told if one.split(".")[0] in {"usage", "customer"}] == [
        "usage.limit_reached",
        "customer.disabled",
    ]
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    lines = InvoiceLine.objects.order_by("period_start", "kind").values_list("kind", "amount_minor")
    assert list(lines) == [("recurring", 3000), ("usage", 1550), ("recurring", 3000)]
    assert check_books(now=at("2026-02-01")) == ()


def test_a_person_enables_it_and_the_limit_is_silent_for_the_period(alice: Subscription) -> None:
    limit(alice, 1000, "disable")
    use(alice, 150, "2026-01-10")
    assert enable_customer(alice.customer_id, actor=SYSTEM, now=at("2026-01-12"))
    use(alice, 150, "2026-01-13")
    assert (Customer.objects.get().status, Customer.objects.get().disabled_by) == ("active", "")
    use(alice, 150, "2026-02-13")
    assert Customer.objects.get().status == "disabled"
    assert [type_ for type_, _ in facts()] == ["usage.limit_reached"] * 2


def test_who_is_disabled_by_a_person_as_well_is_charged_nothing(alice: Subscription) -> None:
    limit(alice, 1000, "disable")
    use(alice, 150, "2026-01-10")
    assert not disable_customer(alice.customer_id, actor=SYSTEM, now=at("2026-01-11"))
    assert Customer.objects.get().disabled_by == ""
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    assert InvoiceLine.objects.count() == 1


def test_a_single_event_is_weighed_as_well(alice: Subscription) -> None:
    limit(alice)
    one = EventDraft(
        event_id="1", subscription_id=alice.id, code="calls", value=Decimal(101), timestamp=at("2026-01-10")
    )
    assert record_event(one, now=at("2026-01-10")) == STORED
    assert facts() == [("usage.warning", 1010)]


def test_what_cannot_be(alice: Subscription) -> None:
    with pytest.raises(Invalid):
        limit(alice, 0)
    made = limit(alice)
    charlie = alice.id
    with pytest.raises(NotFound):
        delete_limit(customer_id=charlie, limit_id=made.id, actor=SYSTEM, now=at("2026-01-03"))
    with pytest.raises(NotFound):
        create_limit(customer_id=charlie, amount_minor=1, action="warning", actor=SYSTEM, now=at("2026-01-03"))
