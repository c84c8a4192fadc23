"""A held instance bills nobody and charges nobody; reads and the intake of events go on."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from billing import tasks
from billing.models import BillingRun, PaymentAttempt
from billing.operations import charging, clocks, first_invoices
from billing.operations.runs import TICK, bill_due
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.models import AuditEntry, Instance, TestClock
from core.operations_instance import (
    InstanceHeld,
    NotReconciled,
    ensure_instance,
    hold_instance,
    note_reconciled,
    note_restored,
    resume_instance,
)
from core.queries_api_keys import instance_mode
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import invoice_of, make_due_charge
from tests.sandbox import captures
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db(transaction=True)
FEBRUARY = at("2026-02-01 12:00")
SCOPE = Scope(as_of=FEBRUARY, now=FEBRUARY)


@pytest.fixture
def company() -> Company:
    return make_company()


def subscribe(company: Company, name: str, **values: object) -> Subscription:
    price = company.price()
    plan = company.plans.get("Team") or company.plan("Team", price)
    return company.start(company.customer(name, **values), plan, plan.prices.get(), now=JANUARY)


def test_the_row_is_made_with_the_tables_and_its_mode_is_test() -> None:
    instance = Instance.objects.get()
    assert (instance.mode, instance.held_at) == ("test", None)
    assert instance_mode() == "test"


def test_the_first_mode_stays(settings: Settings) -> None:
    settings.INSTANCE_MODE = "live"
    ensure_instance(now=JANUARY)
    assert Instance.objects.get().mode == "test"
    Instance.objects.all().delete()
    ensure_instance(now=JANUARY)
    assert (Instance.objects.get().mode, Instance.objects.get().created_at) == ("live", JANUARY)


def test_nobody_is_billed_while_it_is_held(company: Company) -> None:
    subscribe(company, "Alice")
    hold_instance(now=FEBRUARY)
    for bill in (lambda: run_billing(SCOPE), lambda: bill_due(SCOPE, trigger=TICK, clock=lambda: FEBRUARY)):
        with pytest.raises(InstanceHeld, match="held since 2026-02-01 12:00 UTC; nothing is billed"):
            bill()
    with pytest.raises(CommandError, match=r"manage\.py resume"):
        call_command("bill", as_of=FEBRUARY.isoformat())
    assert (Invoice.objects.count(), BillingRun.objects.count()) == (1, 0)
    resume_instance(now=FEBRUARY)
    assert run_billing(SCOPE).invoices == 1


@pytest.mark.parametrize(
    "charge",
    [
        lambda attempt: charging.charge_due(FEBRUARY),
        lambda attempt: charging.charge_due_everywhere(FEBRUARY, limit=10),
        lambda attempt: charging.charge_now(attempt.id, FEBRUARY),
        lambda attempt: charging.charge_invoice(invoice_id=invoice_of(attempt).id, now=FEBRUARY),
        lambda attempt: first_invoices.abandon_stale(now=FEBRUARY),
    ],
)
def test_nobody_is_charged_while_it_is_held(company: Company, charge: Callable[[PaymentAttempt], object]) -> None:
    attempt = make_due_charge(company)
    hold_instance(now=FEBRUARY)
    with pytest.raises(InstanceHeld) as refusal:
        charge(attempt)
    assert (refusal.value.kind, refusal.value.code) == ("conflict", "instance_held")
    attempt.refresh_from_db()
    assert (attempt.status, captures(attempt)) == ("scheduled", 0)


def test_only_a_start_that_charges_is_refused_and_leaves_nothing(company: Company) -> None:
    hold_instance(now=JANUARY)
    assert subscribe(company, "Alice").status == "active"
    bob = company.customer("Bob")
    company.card(bob)
    plan = company.plans["Team"]
    with pytest.raises(InstanceHeld):
        company.start(bob, plan, plan.prices.get(), now=JANUARY)
    assert not Subscription.objects.filter(customer=bob).exists()
    assert not PaymentAttempt.objects.exists()


def test_a_test_clock_stands_still_while_it_is_held(company: Company) -> None:
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    hold_instance(now=JANUARY)
    with pytest.raises(InstanceHeld):
        clocks.advance_clock(clock_id=clock.id, to_at=FEBRUARY, now=FEBRUARY)
    clock.refresh_from_db()
    assert (clock.now_at, clock.status) == (JANUARY, "ready")


def test_tick_and_sweep_leave_their_work_and_the_worker_is_seen(company: Company) -> None:
    subscribe(company, "Alice")
    attempt = make_due_charge(company, "Bob")
    hold_instance(now=FEBRUARY)
    for task in (tasks.tick, tasks.sweep):
        task()
    attempt.refresh_from_db()
    assert (attempt.status, captures(attempt)) == ("scheduled", 0)
    assert not BillingRun.objects.exists()
    assert Instance.objects.get().worker_seen_at is not None


def test_events_and_reads_go_on(company: Company, client: Client) -> None:
    metric = company.metric("calls")
    calls = company.price(type="unit", unit_price=Decimal(1), usage=True, metric=metric)
    base = company.price()
    subscription = company.start(
        company.customer("Alice"), company.plan("Team", base), base, now=JANUARY, items=(calls,)
    )
    hold_instance(now=FEBRUARY)
    draft = EventDraft(
        event_id="1", subscription_id=subscription.id, code="calls", value=Decimal(1), timestamp=at("2026-01-05")
    )
    assert [one.outcome for one in record_events([draft], now=at("2026-01-05"))] == ["stored"]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "missing": [], "held_since": "2026-02-01T12:00:00Z"},
    )


def test_resume_waits_for_reconcile_only_after_a_restore() -> None:
    hold_instance(now=JANUARY)
    hold_instance(now=FEBRUARY)
    assert Instance.objects.get().held_at == JANUARY
    resume_instance(now=FEBRUARY)
    note_restored(taken_at=JANUARY, now=FEBRUARY)
    with pytest.raises(NotReconciled, match=r"manage\.py reconcile"):
        resume_instance(now=FEBRUARY)
    with pytest.raises(InstanceHeld, match=r"backup of 2026-01-01 00:00 UTC.*manage.py reconcile.*manage.py resume"):
        run_billing(SCOPE)
    note_reconciled(now=FEBRUARY)
    assert resume_instance(now=FEBRUARY).held_at is None
    # A later hold has nothing to do with that restore.
    hold_instance(now=FEBRUARY)
    assert resume_instance(now=FEBRUARY).held_at is None


def test_the_commands_hold_and_resume(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("hold")
    assert Instance.objects.get().held_at is not None
    call_command("resume")
    call_command("resume")
    assert Instance.objects.get().held_at is None
    note_restored(taken_at=JANUARY, now=FEBRUARY)
    with pytest.raises(CommandError, match=r"manage\.py reconcile"):
        call_command("resume")
    call_command("resume", without_reconcile=True)
    assert Instance.objects.get().held_at is None
    assert list(AuditEntry.objects.order_by("id").values_list("action", "reason")) == [
        ("instance.held", ""),
        ("instance.resumed", ""),
        ("instance.restored", ""),
        ("instance.resumed", "without reconcile"),
    ]
    assert capsys.readouterr().out.count("running") == 3
