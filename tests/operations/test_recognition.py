"""Months recognised: once each, proved by their rows, whatever came late (Billing rules, section 9)."""

from datetime import date
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.operations_instance import InstanceHeld, hold_instance
from invoicing.models import CreditNote, InvoiceLine, RevenueRecognition, ScheduleRow
from invoicing.operations import recognition
from invoicing.operations.recognition import recognise_revenue
from invoicing.queries.recognition import sum_deferred
from ledger.models import Entry, Posting
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from tests.forked import at_once, killed_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def recognise(moment: str) -> list[tuple[str, int, int]]:
    """Return what was recognised: month, recognised, still deferred."""
    made = recognise_revenue(now=at(moment))
    return [(f"{one.month:%Y-%m}", one.recognised_minor, one.deferred_minor) for one in made]


def account(name: str) -> int:
    return -(Posting.objects.filter(account=name).aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def deferred_at(day: str) -> int:
    return sum(sum_deferred(date.fromisoformat(day)).values())


class TestMonths:
    def test_a_month_from_the_15th(self, company: Company) -> None:
        """3100 from 15 January: 17 of 31 days in January, the rest and 17/28 of the next period in February."""
        price = company.price(unit_price=3100)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-15"))
        assert account("deferred_revenue") == 3100
        assert recognise("2026-02-01 12:00") == [("2026-01", 1700, 1400)]
        assert (account("deferred_revenue"), account("revenue")) == (1400, 1700)
        run("2026-02-15")
        # 14 February days of the first period; 14 of 28 of the second.
        assert recognise("2026-03-01 12:00") == [("2026-02", 1400 + 1550, 1550)]
        assert (account("deferred_revenue"), account("revenue")) == (1550, 1700 + 2950)

    def test_a_quarter_is_three_months(self, company: Company) -> None:
        """10000 from 31 January to 30 April: 89 days, 1, 28, 31 and 29 of them."""
        price = company.price(unit_price=10000, interval_count=3)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-31"))
        recognised = [amount for _, amount, _ in recognise("2026-05-01 12:00")]
        assert recognised == [112, 3258 - 112, 6742 - 3258, 10000 - 6742]

    def test_what_is_in_arrears_was_never_deferred(self, company: Company) -> None:
        price = company.price(billing_timing="arrears")
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        run("2026-02-01")
        assert account("revenue") == 3000
        assert [amount for _, amount, _ in recognise("2026-03-01 12:00")] == [0]
        assert not Entry.objects.filter(kind="recognition").exists()

    def test_brands_and_currencies_are_apart(self, company: Company) -> None:
        euro, dollar = company.price(), company.price(currency="USD", unit_price=6200)
        plan = company.plan("Team", euro, dollar)
        company.start(company.customer("Alice"), plan, euro, now=at("2026-01-01"))
        company.start(company.customer("Bob"), plan, dollar, now=at("2026-01-16"))
        recognise("2026-02-01 12:00")
        rows = RevenueRecognition.objects.order_by("currency").values_list("currency", "recognised_minor")
        assert list(rows) == [("EUR", 3000), ("USD", 3200)]

    def test_a_month_is_over_on_its_brands_calendar(self) -> None:
        company = make_company(time_zone="America/Los_Angeles")
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01 12:00"))
        assert recognise("2026-02-01 07:59") == []
        assert recognise("2026-02-01 08:00") == [("2026-01", 3000, 0)]
        assert Entry.objects.get(kind="recognition").accounting_date == date(2026, 1, 31)

    def test_any_day_is_computed(self, company: Company) -> None:
        price = company.price(unit_price=3100)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        days = ("2025-12-31", "2026-01-01", "2026-01-10", "2026-01-31")
        assert [deferred_at(day) for day in days] == [0, 3000, 2100, 0]
        recognise("2026-02-01 12:00")
        assert [deferred_at(day) for day in days] == [0, 3000, 2100, 0]


class TestWhatEndsOrComesLate:
    def test_a_cancelled_period_without_refund_is_earned_at_once(self, company: Company) -> None:
        price = company.price(unit_price=36500, interval="year")
        subscription = company.start(
            company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01")
        )
        recognise("2026-02-01 12:00")
        _end(subscription, "2026-02-10")
        assert recognise("2026-03-01 12:00") == [("2026-02", 36500 - 3100, 0)]
        assert account("deferred_revenue") == 0

    def test_a_document_dated_into_a_recognised_month_is_caught_up_with_the_next(self, company: Company) -> None:
        price = company.price()
        plan = company.plan("Team", price)
        company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"))
        assert recognise("2026-02-01 12:00") == [("2026-01", 3000, 0)]
        company.start(company.customer("Bob"), plan, price, now=at("2026-01-01"))
        run("2026-02-01")
        assert recognise("2026-02-02") == []
        assert recognise("2026-03-01 12:00") == [("2026-02", 3000 + 2 * 3000, 0)]

    def test_what_is_dated_ahead_waits(self, company: Company) -> None:
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        company.start(company.customer("Bob"), company.plan("Club", price), price, now=at("2026-03-05"))
        assert recognise("2026-02-01 12:00") == [("2026-01", 3000, 0)]


class TestOnce:
    def test_a_second_call_posts_nothing(self, company: Company) -> None:
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        assert len(recognise("2026-02-01 12:00")) == 1
        assert recognise("2026-02-01 12:00") == recognise("2026-02-28") == []
        assert Entry.objects.filter(kind="recognition").count() == 1

    def test_the_database_refuses_a_month_twice_and_any_change(self, company: Company) -> None:
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        recognise("2026-02-01 12:00")
        values: dict[str, Any] = dict(RevenueRecognition.objects.values().get())
        values.pop("id")
        with pytest.raises(IntegrityError, match="a_month_is_recognised_once"), transaction.atomic():
            RevenueRecognition.objects.create(**values)
        for statement in (
            "UPDATE invoicing_revenuerecognition SET recognised_minor = 0",
            "DELETE FROM invoicing_revenuerecognition",
            "UPDATE invoicing_schedulerow SET recognised_minor = 1",
            "DELETE FROM invoicing_schedulerow",
        ):
            with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
                cursor.execute(statement)

    @pytest.mark.parametrize(
        ("point", "stands"),
        [
            ("recognition.rows_written", 0),
            ("recognition.recorded", 0),
            ("recognition.posted", 0),
            ("recognition.committed", 1),
        ],
    )
    def test_killed_anywhere_it_goes_on(self, company: Company, point: str, stands: int) -> None:
        price = company.price(unit_price=3100)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-15"))
        run("2026-02-15")
        killed_at(point, lambda: recognise_revenue(now=at("2026-03-01 12:00")))
        assert RevenueRecognition.objects.count() == Entry.objects.filter(kind="recognition").count() == stands
        assert bool(ScheduleRow.objects.exists()) is bool(stands)
        recognise_revenue(now=at("2026-03-01 12:00"))
        assert list(RevenueRecognition.objects.order_by("month").values_list("recognised_minor", flat=True)) == [
            1700,
            2950,
        ]
        assert account("revenue") == 4650

    @pytest.mark.parametrize("claims", [True, False], ids=["as it is", "with the row's constraint alone"])
    def test_two_at_once_post_what_one_posts(
        self, company: Company, monkeypatch: pytest.MonkeyPatch, claims: bool
    ) -> None:
        if not claims:
            monkeypatch.setattr(recognition, "_claim", lambda books: True)
        price = company.price(unit_price=3100)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-15"))
        run("2026-02-15")
        work = partial(_count_recognised, "2026-03-01 12:00")
        assert sum(map(int, at_once(work, work, work))) <= 2
        recognise_revenue(now=at("2026-03-01 12:00"))
        assert list(RevenueRecognition.objects.order_by("month").values_list("recognised_minor", flat=True)) == [
            1700,
            2950,
        ]
        assert Entry.objects.filter(kind="recognition").count() == 2
        assert account("revenue") == 4650

    def test_a_held_instance_recognises_nothing(self, company: Company) -> None:
        hold_instance(now=at("2026-02-01"))
        with pytest.raises(InstanceHeld):
            recognise_revenue(now=at("2026-02-01 12:00"))


class TestCommand:
    def test_it_tells_what_was_done_and_what_is_deferred(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        price = company.price(unit_price=3100)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-15"))
        monkeypatch.setattr("invoicing.management.commands.recognise_revenue.wall_now", lambda: at("2026-02-01 12:00"))
        said = StringIO()
        call_command("recognise_revenue", stdout=said)
        assert said.getvalue().splitlines() == [
            "2026-01  default  recognised €17.00, still deferred €14.00",
            "1 months recognised",
        ]
        said = StringIO()
        call_command("recognise_revenue", deferred_at="2026-01-20", stdout=said)
        assert said.getvalue() == "2026-01-20  default  deferred €25.00\n"
        with pytest.raises(CommandError, match="no day"):
            call_command("recognise_revenue", deferred_at="soon")


def _count_recognised(moment: str) -> int:
    return len(recognise_revenue(now=at(moment)))


def _end(subscription: Subscription, moment: str) -> None:
    """End a subscription without giving anything back."""
    Subscription.objects.filter(id=subscription.id).update(
        status="cancelled", cancelled_at=at(moment), ended_at=at(moment), next_due_at=None
    )


def test_the_books_hold_after_all_of_it(company: Company) -> None:
    price = company.price()
    company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-15"))
    run("2026-02-15")
    recognise("2026-03-01 12:00")
    assert check_books(now=at("2026-03-01 12:00")) == ()
    assert InvoiceLine.objects.count() == 2
    assert not CreditNote.objects.exists()
