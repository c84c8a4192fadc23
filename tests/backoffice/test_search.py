"""What is found by which words."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.admin.invoice import InvoicePageAdmin
from core.staff_pages import base
from invoicing.models import Invoice
from tests.backoffice.world import make_world

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("term", ["ALICE1@example", "alice 1 ltd", "ref-1", "INV-2026-000002"])
def test_an_invoice_is_found_by_its_number_and_its_customer(alice: Client, term: str) -> None:
    make_world(3)
    wanted = Invoice.objects.get(number="INV-2026-000002")
    answer = alice.get(reverse("admin:invoicing_invoice_changelist"), {"q": term})
    found = {invoice.customer_id for invoice in answer.context["cl"].result_list}
    assert found == {wanted.customer_id}


def test_any_row_is_found_by_its_id(alice: Client) -> None:
    make_world(2)
    wanted = Invoice.objects.exclude(status="draft").latest("id")
    answer = alice.get(reverse("admin:invoicing_invoice_changelist"), {"q": f" {wanted.id} "})
    assert list(answer.context["cl"].result_list) == [wanted]


def test_a_search_that_matches_too_many_customers_says_so(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SEARCH_LIMIT", 2)
    make_world(3)
    answer = alice.get(reverse("admin:invoicing_invoice_changelist"), {"q": "example.com"})
    assert b"More than 2 customers match" in answer.content
    assert len({invoice.customer_id for invoice in answer.context["cl"].result_list}) == 2


def test_nothing_found_offers_to_show_all(alice: Client) -> None:
    make_world()
    answer = alice.get(reverse("admin:customers_customer_changelist"), {"q": "nobody"})
    assert b"Nothing matches" in answer.content


def test_a_list_narrowed_to_a_row_says_which(alice: Client) -> None:
    world = make_world(2)
    answer = alice.get(reverse("admin:billing_payment_changelist"), {"customer__exact": world.customer.id})
    assert {payment.customer_id for payment in answer.context["cl"].result_list} == {world.customer.id}
    assert b"Customer:" in answer.content
    assert b"Show all payments" in answer.content


def test_the_search_of_the_whole_back_office_shows_only_what_the_reader_may_view(alice: Client, bob: Client) -> None:
    world = make_world()
    address = reverse("admin:search")
    for client, shown in ((alice, True), (bob, False)):
        answer = client.get(address, {"s": "alice 0", "extended": "1"}).content.decode()
        assert reverse("admin:customers_customer_change", args=[world.customer.id]) in answer
        assert (reverse("admin:invoicing_invoice_change", args=[world.invoice.id]) in answer) is shown


def test_a_list_is_counted_to_its_limit_and_no_further(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_world(3)
    monkeypatch.setattr(InvoicePageAdmin.paginator, "limit", 4)
    answer = alice.get(reverse("admin:invoicing_invoice_changelist"))
    assert answer.context["cl"].paginator.words == "more than 4"
    assert answer.context["cl"].result_count == 4
