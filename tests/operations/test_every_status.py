"""Statuses that no table of moves describes: every one times everything that can be asked for in it.

The tables have their own walks: subscriptions, invoices, attempts, refunds and mass changes beside their domains.
"""

from datetime import datetime

import pytest
from django.db import transaction

from billing.models import BillingRun, Payment
from billing.operations import clocks, plan_changes, runs
from billing.operations.charging import charge_due
from billing.operations.plan_changes import Timing, When
from billing.operations.refunding import refund_payment
from billing.operations.refunds import RefundWanted
from billing.run.claiming import Scope
from billing.run.engine import Tally
from core.errors import BillingError, Conflict, Invalid, NotFound
from core.models import TestClock
from invoicing.models import Invoice, VoucherUse
from invoicing.operations.voucher_uses import return_vouchers
from subscriptions.models import PendingChange, VoucherRedemption
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import make_due_charge

pytestmark = pytest.mark.django_db
NOW = at("2026-06-01")


@pytest.fixture
def company() -> Company:
    return make_company()


class TestPayment:
    @pytest.mark.parametrize("status", Payment.Status.values)
    def test_what_can_be_refunded(self, company: Company, status: str) -> None:
        """Only what came in and is not given back: 10.00 of 11.90, of a part 5.90, of nothing left nothing."""
        attempt = make_due_charge(company)
        charge_due(JANUARY)
        payment = Payment.objects.get(attempts=attempt)
        given_back = {"partially_refunded": 600, "fully_refunded": 1190}.get(status, 0)
        completed = None if status == "pending" else payment.completed_at
        Payment.objects.update(status=status, completed_at=completed, refunded_minor=given_back)
        wanted = {"completed": 1000, "partially_refunded": 590}.get(status)
        if wanted is None:
            with pytest.raises(BillingError):
                refund_payment(RefundWanted(payment.id, 1, "EUR"), now=NOW)
            payment.refresh_from_db()
            assert (payment.status, payment.refunded_minor) == (status, given_back)
            return
        refund_payment(RefundWanted(payment.id, wanted, "EUR"), now=NOW)
        payment.refresh_from_db()
        expected = "fully_refunded" if given_back else "partially_refunded"
        assert (payment.status, payment.refunded_minor) == (expected, given_back + wanted)


class TestWhereAClockGoes:
    @pytest.mark.parametrize(
        ("status", "target", "asked", "refusal"),
        [
            ("ready", None, "2026-02-01", None),
            ("ready", None, "2026-01-01", Invalid),
            ("ready", None, "2025-12-01", Invalid),
            ("advancing", "2026-02-01", "2026-02-01", None),
            ("advancing", "2026-02-01", "2026-03-01", Conflict),
            ("advancing", "2026-02-01", "2025-12-01", Invalid),
            ("failed", "2026-02-01", "2026-02-01", None),
            ("failed", "2026-02-01", "2026-03-01", None),
            ("failed", "2026-02-01", "2025-12-01", Invalid),
        ],
    )
    def test_every_status_times_every_target(
        self, company: Company, status: str, target: str | None, asked: str, refusal: type[Exception] | None
    ) -> None:
        clock = TestClock.objects.create(
            now_at=at("2026-01-01"), created_at=JANUARY, status=status, target_at=target and at(target)
        )
        if refusal is not None:
            with pytest.raises(refusal):
                clocks.advance_clock(clock_id=clock.id, to_at=at(asked), now=NOW)
            clock.refresh_from_db()
            assert (clock.status, clock.now_at) == (status, at("2026-01-01"))
            return
        moved = clocks.advance_clock(clock_id=clock.id, to_at=at(asked), now=NOW)
        assert (moved.status, moved.now_at, moved.target_at) == ("ready", at(asked), None)


class TestPendingChange:
    @pytest.fixture
    def waiting(self, company: Company) -> PendingChange:
        small, big = company.price(unit_price=3000), company.price(unit_price=4500)
        self.prices = small, big
        alice = company.start(company.customer("Alice"), company.plan("Team", small, big), small, now=NOW)
        self.ask(alice.id, "2026-06-02")
        return PendingChange.objects.get()

    def ask(self, subscription_id: object, moment: str) -> None:
        command = plan_changes.PlanCommand(self.prices[1].id, timing=Timing(When.NEXT_CYCLE))
        plan_changes.change_plan(subscription_id=subscription_id, command=command, now=at(moment))  # type: ignore[arg-type]

    @pytest.mark.parametrize("outcome", ["", *PendingChange.Outcome.values])
    def test_only_what_waits_is_revoked_or_replaced(self, waiting: PendingChange, outcome: str) -> None:
        settled: datetime | None = at("2026-06-03") if outcome else None
        PendingChange.objects.update(outcome=outcome, settled_at=settled)
        if outcome:
            with pytest.raises(NotFound):
                plan_changes.revoke_pending(
                    subscription_id=waiting.subscription_id, change_id=waiting.id, now=at("2026-06-04")
                )
        self.ask(waiting.subscription_id, "2026-06-05")
        waiting.refresh_from_db()
        assert waiting.outcome == (outcome or "replaced")
        newer = PendingChange.objects.exclude(id=waiting.id).get()
        plan_changes.revoke_pending(subscription_id=waiting.subscription_id, now=at("2026-06-06"))
        newer.refresh_from_db()
        assert newer.outcome == "revoked"


class TestVoucherRedemption:
    @pytest.mark.parametrize(
        ("duration", "count", "after", "returned"),
        [
            ("once", None, (0, True), (1, False)),
            ("repeating", 3, (2, False), (3, False)),
            ("forever", None, (None, False), (None, False)),
        ],
    )
    def test_an_invoice_uses_one_up_and_gives_it_back_once(
        self,
        company: Company,
        duration: str,
        count: int | None,
        after: tuple[int | None, bool],
        returned: tuple[int | None, bool],
    ) -> None:
        price, alice = company.price(), company.customer("Alice")
        redemption = company.voucher(alice, duration=duration, duration_count=count)
        company.start(alice, company.plan("Team", price), price, now=NOW)

        def stands() -> tuple[int | None, bool]:
            found = VoucherRedemption.objects.get(id=redemption.id)
            return found.remaining, found.ended_at is not None

        assert stands() == after
        assert VoucherUse.objects.count() == (duration != "forever")
        invoice = Invoice.objects.get()
        for _ in range(2):
            with transaction.atomic():
                return_vouchers(invoice.id, now=NOW)
            assert stands() == returned


class TestBillingRun:
    def test_it_finishes(self, company: Company) -> None:
        record = runs.bill_due(Scope(as_of=NOW, now=NOW), trigger=runs.COMMAND, clock=lambda: NOW)
        record.run.refresh_from_db()
        assert (record.run.status, record.run.finished_at) == (BillingRun.Status.FINISHED, NOW)

    def test_or_is_stopped(self, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> Tally:
            raise KeyboardInterrupt

        monkeypatch.setattr(runs, "run_billing", fail)
        with pytest.raises(KeyboardInterrupt):
            runs.bill_due(Scope(as_of=NOW, now=NOW), trigger=runs.COMMAND, clock=lambda: NOW)
        run = BillingRun.objects.get()
        assert (run.status, run.finished_at) == (BillingRun.Status.STOPPED, NOW)
