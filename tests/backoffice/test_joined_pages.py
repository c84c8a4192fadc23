"""The pages that join rooms: what they say, what they cost, and whom they say it to."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.queries import usage_events
from billing.models import ParkedCustomer
from core.clock import wall_now
from core.models import TestClock
from customers.models import Customer
from invoicing.models import Invoice
from tests.backoffice.papers import NOW
from tests.backoffice.world import World, make_world
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """Store one customer with everything around it."""
    return make_world()


def text_of(client: Client, address: str) -> str:
    """Return a page's text with its spaces joined."""
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def invoice_page(world: World) -> str:
    return reverse("admin:invoicing_invoice_change", args=[world.invoice.id])


def customer_page(world: World) -> str:
    return reverse("admin:customers_customer_change", args=[world.customer.id])


class TestTheInvoicePage:
    """It answers: why was I charged this?"""

    def test_it_has_lines_with_proof_tax_payments_and_books(self, alice: Client, world: World) -> None:
        page = text_of(alice, invoice_page(world))
        for words in (
            "Invoice INV-2026-000001",
            "Team, two seats",
            "€119.00",
            "Calculation, in minor units",
            "2 x 5000 = 10000",
            "15 of 30",
            "VAT DE 19 % = €19.00",
            "RCP-2026-000001",
            "Lack of funds",
            "Insufficient funds.",
            "CN-2026-000001",
            "Receivable",
            "Tax payable",
            "Brand GmbH",
            reverse("admin:invoice-pdf", args=[world.invoice.id]),
            customer_page(world),
        ):
            assert words in page, words

    def test_a_draft_says_that_it_is_not_in_the_books(self, alice: Client, world: World) -> None:
        page = text_of(alice, reverse("admin:invoicing_invoice_change", args=[world.draft.id]))
        assert "Draft invoice" in page
        assert "A draft is not in the books." in page
        assert "This invoice has no lines." in page

    def test_it_takes_as_many_statements_for_thirty_lines_as_for_one(self, alice: Client, world: World) -> None:
        alice.get(invoice_page(world))
        with CaptureQueriesContext(connection) as one:
            alice.get(invoice_page(world))
        line = world.invoice.lines.get()
        for position in range(2, 32):
            line.pk, line.position, line.revision = uuid4(), position, position
            line.save(force_insert=True)
        with CaptureQueriesContext(connection) as thirty:
            alice.get(invoice_page(world))
        assert len(thirty) == len(one)

    def test_its_pdf_is_sent(self, alice: Client, world: World) -> None:
        answer = alice.get(reverse("admin:invoice-pdf", args=[world.invoice.id]))
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'inline; filename="INV-2026-000001.pdf"'
        assert answer.content.startswith(b"%PDF")

    def test_there_is_no_pdf_of_nothing(self, alice: Client, world: World) -> None:
        assert alice.get(reverse("admin:invoice-pdf", args=[uuid4()])).status_code == 404

    def test_a_page_that_is_not_there_leads_home(self, alice: Client) -> None:
        answer = alice.get(reverse("admin:invoicing_invoice_change", args=[uuid4()]))
        assert answer.status_code == 302


class TestTheCustomerPage:
    """Everything about one customer."""

    def test_it_has_what_was_agreed_owed_and_paid(self, alice: Client, world: World) -> None:
        page = text_of(alice, customer_page(world))
        for words in (
            "Alice 0 Ltd",
            "10969 Berlin",
            "DE136695976",
            "€2.50",
            "Visa •••• 4242",
            "Team 0",
            "2 × Product 0",
            "SPRING0",
            "INV-2026-000001",
            "Insufficient funds.",
            "The price has no tax type.",
        ):
            assert words in page, words

    def test_it_takes_as_many_statements_for_many_rows_as_for_few(self, alice: Client, world: World) -> None:
        alice.get(customer_page(world))
        with CaptureQueriesContext(connection) as few:
            alice.get(customer_page(world))
        other = make_world(8, since=1)
        for model in (Invoice, type(world.payment), type(world.subscription)):
            model.objects.exclude(customer=world.customer).filter(**self._movable(model)).update(
                customer=world.customer
            )
        assert other.customer != world.customer
        with CaptureQueriesContext(connection) as many:
            page = alice.get(customer_page(world))
        assert len(page.context["sections"]["subscriptions"]) == 9
        assert len(many) == len(few)

    @staticmethod
    def _movable(model: type) -> dict[str, str]:
        """Return which rows may change hands: a finalised invoice may not."""
        return {"status": "draft"} if model is Invoice else {}

    def test_who_may_view_customers_only_sees_nothing_of_their_money(self, bob: Client, world: World) -> None:
        page = text_of(bob, customer_page(world))
        assert "Alice 0 Ltd" in page
        for words in ("INV-2026", "€2.50", "4242", "SPRING0", "Team 0", "tax type"):
            assert words not in page, words
        assert bob.get(invoice_page(world)).status_code == 403


class TestTheSubscriptionPage:
    """What was agreed, and how it came to be so."""

    def test_it_has_its_items_and_its_history(self, alice: Client, world: World) -> None:
        page = text_of(alice, reverse("admin:subscriptions_subscription_change", args=[world.subscription.id]))
        for words in (
            "Team 0",
            "Alice 0 Ltd",
            "Product 0",
            "€50.00",
            "Terms 1: paid",
            "Item 0: started",
            "Usage events",
            "Pending changes",
            "Change planned",
            "7 seats, with the next cycle",
        ):
            assert words in page, words

    def test_its_history_is_newest_first_also_within_a_moment(self, alice: Client, world: World) -> None:
        answer = alice.get(reverse("admin:subscriptions_subscription_change", args=[world.subscription.id]))
        history = answer.context["entry"].history
        assert [happening.what for happening in history if happening.kind in {"terms", "item", "status"}] == [
            "Start",
            "Item 0: started",
            "Terms 1: paid",
        ]


class TestTheHomePage:
    """Figures that are true, or none."""

    def test_it_counts_what_is_open_and_what_was_done_lately(self, alice: Client, world: World) -> None:
        page = alice.get(reverse("admin:index"))
        figures = page.context["figures"]
        assert figures["open_invoices"] == []
        (row,) = figures["recent"]
        assert row.currency == "EUR"
        assert (row.invoices["count"], row.invoices["sum_minor"]) == (1, 11900)
        assert (row.payments["count"], row.payments["sum_minor"]) == (1, 11900)
        assert (row.failed["count"], row.failed["sum_minor"]) == (1, 11900)
        assert [parked.customer for parked in figures["parked"]] == [world.customer]
        assert [attempt.invoice for attempt in figures["failed_attempts"]] == [world.invoice]
        assert len(figures["runs"]) == 1

    def test_an_open_invoice_past_its_day_is_overdue(self, alice: Client, world: World) -> None:
        yesterday = wall_now().date() - timedelta(days=1)
        Invoice.objects.bulk_create(
            Invoice(
                customer=world.customer,
                brand=world.customer.brand,
                origin="cycle",
                status="open",
                currency="JPY",
                series=world.invoice.series,
                number_year=2026,
                sequence=100 + offset,
                number=f"INV-2026-{100 + offset}",
                due_moment_at=NOW,
                issue_date=yesterday,
                due_date=yesterday + timedelta(days=offset),
                sub_total_minor=500,
                tax_total_minor=0,
                total_minor=500,
                amount_due_minor=500,
                billing_type="invoice",
                seller={},
                buyer={},
                locale="en",
                time_zone="UTC",
                created_at=NOW,
                finalized_at=NOW,
            )
            for offset in (0, 1)
        )
        Customer.objects.update(test_clock=None)
        (row,) = alice.get(reverse("admin:index")).context["figures"]["open_invoices"]
        assert row == {
            "currency": "JPY",
            "count": 2,
            "due_minor": 1000,
            "overdue_count": 1,
            "overdue_minor": 500,
        }

    def test_a_customer_on_a_test_clock_is_late_by_that_clock(self, alice: Client, world: World) -> None:
        Invoice.objects.filter(pk=world.draft.pk).update(
            status="open",
            number="INV-2026-000100",
            sequence=100,
            series=world.invoice.series,
            number_year=2026,
            issue_date=NOW.date(),
            due_date=NOW.date(),
            finalized_at=NOW,
        )
        for days, late in ((0, 0), (1, 1)):
            TestClock.objects.update(now_at=NOW + timedelta(days=days))
            (row,) = alice.get(reverse("admin:index")).context["figures"]["open_invoices"]
            assert (row["count"], row["overdue_count"]) == (1, late)

    def test_it_says_what_to_do_when_there_is_nothing(self, alice: Client) -> None:
        page = text_of(alice, reverse("admin:index"))
        for words in ("Nobody is billed yet", "manage.py load_example", "No run yet", "Nobody is parked"):
            assert words in page, words

    def test_it_takes_as_many_statements_for_many_customers_as_for_one(self, alice: Client, world: World) -> None:
        alice.get(reverse("admin:index"))
        with CaptureQueriesContext(connection) as one:
            alice.get(reverse("admin:index"))
        make_world(6, since=1)
        with CaptureQueriesContext(connection) as many:
            alice.get(reverse("admin:index"))
        assert ParkedCustomer.objects.count() == 7
        assert len(many) == len(one)

    def test_it_tells_the_mode(self, alice: Client) -> None:
        assert ">Test<" in text_of(alice, reverse("admin:index")).replace("> ", ">").replace(" <", "<")


class TestUsageEvents:
    """The newest events of one subscription."""

    def page(self, client: Client, **parameters: Any) -> Any:
        answer = client.get(reverse("admin:usage-events"), parameters)
        assert answer.status_code == 200
        return answer.context

    def test_without_a_subscription_it_asks_for_one(self, alice: Client) -> None:
        assert "Whose events?" in text_of(alice, reverse("admin:usage-events"))

    @pytest.mark.parametrize("asked", ["nonsense", "0195c000-0000-7000-8000-000000000001"])
    def test_an_unknown_subscription_is_said_to_be_unknown(self, alice: Client, asked: str) -> None:
        assert "No such subscription" in text_of(alice, f"{reverse('admin:usage-events')}?subscription={asked}")

    def test_a_subscription_without_events_says_how_to_send_some(self, alice: Client, world: World) -> None:
        UsageEvent.objects.all().delete()
        address = f"{reverse('admin:usage-events')}?subscription={world.subscription.id}"
        assert "POST /api/v1/events" in text_of(alice, address)

    def test_every_event_is_shown_once_newest_first_page_by_page(
        self, alice: Client, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usage_events, "PAGE_SIZE", 4)
        other = make_world(since=1)
        for number in range(10):
            for metric in (world.metric, other.metric):
                UsageEvent.objects.create(
                    subscription_id=world.subscription.id,
                    event_id=f"{metric.code}-{number}",
                    metric_id=metric.id,
                    value=number,
                    timestamp=NOW - timedelta(minutes=number // 3),  # several at one moment
                    received_at=NOW,
                )
        address: str = f"{reverse('admin:usage-events')}?subscription={world.subscription.id}"
        seen: list[UsageEvent] = []
        while address:
            context = alice.get(address).context
            seen += [event.row for event in context["page"].events]
            address = context["next_url"]
        keys = [(event.timestamp, event.event_id) for event in seen]
        assert keys == sorted(set(keys), reverse=True)
        assert len(keys) == UsageEvent.objects.filter(subscription_id=world.subscription.id).count()

    def test_it_can_be_narrowed_to_a_metric(self, alice: Client, world: World) -> None:
        other = make_world(since=1)
        UsageEvent.objects.create(
            subscription_id=world.subscription.id,
            event_id="of another metric",
            metric_id=other.metric.id,
            value=1,
            timestamp=NOW,
            received_at=NOW,
        )
        context = self.page(alice, subscription=world.subscription.id, metric=other.metric.id)
        assert [event.row.event_id for event in context["page"].events] == ["of another metric"]

    @pytest.mark.parametrize("before", ["yesterday", "2026-03-09T08:05:00", ""])
    def test_an_address_tampered_with_shows_the_first_page(self, alice: Client, world: World, before: str) -> None:
        context = self.page(alice, subscription=world.subscription.id, before=before, event="x\0")
        assert len(context["page"].events) == 1
