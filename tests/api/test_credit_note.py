"""Credit notes, voids, debts given up and transfers as the API takes and shows them."""

import uuid

import pytest

from billing.models import Payment
from core.models import AuditEntry
from invoicing.models import CreditNote, Invoice
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.api.till import Till
from tests.contract.shapes import check_page, check_shape


@pytest.fixture
def till(api: Caller, shop: Shop) -> Till:
    """Return somebody who sells."""
    return Till(api, shop)


def test_a_credit_note_lowers_the_open_invoice(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")
    body = {"invoice": sale.invoice, "amount": 300, "reason": "An outage"}
    response = api.call("POST", "/credit-note", body)
    assert response.status_code == 201
    note = response.json()
    assert response["Location"] == f"/api/v1/credit-note/{note['id']}"
    assert (note["origin"], note["total"], note["to_invoices"], note["to_balance"]) == ("manual", 300, 300, 0)
    assert (note["reason"], note["customer"]["id"]) == ("An outage", sale.customer)
    assert note["lines"][0] | {"description": ""} == {
        "description": "",
        "invoice": sale.invoice,
        "currency": "EUR",
        "total": 300,
        "sub_total": 300,
        "tax_total": 0,
        "tax_rate": note["lines"][0]["tax_rate"],
    }
    assert api.get(f"/credit-note/{note['id']}") == note
    assert api.get(f"/invoice/{sale.invoice}")["amount_due"] == 700
    assert AuditEntry.objects.filter(action="credit_note.created").count() == 1
    paper = api.call("GET", f"/credit-note/{note['id']}/download")
    assert paper.content.startswith(b"%PDF-")


def test_lines_are_chosen_by_their_place(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")
    note = api.post("/credit-note", {"invoice": sale.invoice, "lines": [{"line": 1, "amount": 1000}]})
    assert (note["total"], api.get(f"/invoice/{sale.invoice}")["status"]) == (1000, "paid")


def test_a_wrong_credit_note_is_refused(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")

    def faults(**body: object) -> set[str]:
        return set(api.errors("POST", "/credit-note", {"invoice": sale.invoice, **body}))

    assert faults() == {"amount"}
    assert faults(amount=1001) == {"amount"}
    assert faults(amount=1, lines=[{"line": 1, "amount": 1}]) == {"amount"}
    assert faults(lines=[{"line": 1, "amount": 1}, {"line": 1, "amount": 2}]) == {"lines"}
    assert faults(lines=[{"line": 1, "amount": 1}, {"line": 2, "amount": 2}]) == {"lines.1.line"}
    assert faults(lines=[]) == {"lines"}
    assert api.call("POST", "/credit-note", {"invoice": str(uuid.uuid4()), "amount": 1}).status_code == 404
    api.post(f"/invoice/{sale.invoice}/void", status=200)
    refused = api.post("/credit-note", {"invoice": sale.invoice, "amount": 1}, status=409)
    assert refused["error"] == "invoice_not_creditable"
    for path in (f"/credit-note/{uuid.uuid4()}", f"/credit-note/{uuid.uuid4()}/download"):
        assert api.call("GET", path).status_code == 404


def test_a_credit_note_sent_twice_with_one_key_is_issued_once(api: Caller, till: Till) -> None:
    body = {"invoice": till.sell("alice", billing_type="invoice").invoice, "amount": 300}
    for _ in range(2):
        assert api.call("POST", "/credit-note", body, **idempotent("k1")).status_code == 201
    assert CreditNote.objects.count() == 1


def test_credit_notes_are_listed_and_narrowed(api: Caller, till: Till, django_assert_num_queries) -> None:
    alice, bob = till.sell("alice", billing_type="invoice"), till.sell("bob", billing_type="invoice")
    notes = [api.post("/credit-note", {"invoice": sale.invoice, "amount": 1})["id"] for sale in (alice, bob)]

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/credit-note{query}")["data"]]

    assert ids("") == notes[::-1]
    assert ids(f"?customer={alice.customer}") == ids(f"?invoice={alice.invoice}") == [notes[0]]
    assert ids("?origin=void") == []
    assert ids("?number=000002") == [notes[1]]
    with django_assert_num_queries(3):
        api.get("/credit-note")


def test_an_invoice_is_voided_once(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")
    invoice = api.post(f"/invoice/{sale.invoice}/void", {"rebill": True, "reason": "Wrong address"}, status=200)
    check_shape("invoice", invoice)
    assert (invoice["status"], invoice["amount_due"]) == ("void", 0)
    assert CreditNote.objects.get().rebills
    assert api.post(f"/invoice/{sale.invoice}/void", status=409)["error"] == "invoice_status"
    paid = till.sell("bob")
    assert api.post(f"/invoice/{paid.invoice}/void", status=409)["error"] == "invoice_has_payments"
    assert api.call("POST", f"/invoice/{uuid.uuid4()}/void").status_code == 404


def test_a_debt_is_given_up_and_paid_after_all(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")
    invoice = api.post(f"/invoice/{sale.invoice}/uncollectible", {"reason": "Insolvent"}, status=200)
    assert (invoice["status"], invoice["amount_due"]) == ("uncollectible", 0)
    assert api.post(f"/invoice/{sale.invoice}/uncollectible", status=409)["error"] == "invoice_status"
    api.post(f"/invoice/{sale.invoice}/payment", {"amount": 1000})
    assert api.get(f"/invoice/{sale.invoice}")["status"] == "paid"


def test_transfers_are_recorded_and_listed(api: Caller, till: Till, django_assert_num_queries) -> None:
    sale = till.sell("alice", billing_type="invoice")
    path = f"/invoice/{sale.invoice}/payment"
    Invoice.objects.filter(id=sale.invoice).update(created_at="2026-01-01T00:00:00Z")
    first = api.call("POST", path, {"amount": 400, "paid_at": "2026-01-31", "reference": "BANK-1"})
    assert first.status_code == 201
    check_shape("payment", first.json())
    assert first["Location"] == f"/api/v1/payment/{first.json()['id']}"
    assert first.json()["external_reference"] == "BANK-1"
    assert api.get(f"/invoice/{sale.invoice}")["amount_due"] == 600
    body = {"amount": 700, "currency": "EUR"}
    second = api.post(path, body)
    assert second["external_reference"] is None
    invoice = api.get(f"/invoice/{sale.invoice}")
    assert (invoice["status"], invoice["amount_due"]) == ("paid", 0)
    assert api.get(f"/customer/{sale.customer}/balance")["data"][0]["amount"] == 100
    page = api.get(path)
    check_page("payment", page)
    assert [row["amount"] for row in page["data"]] == [700, 400]
    with django_assert_num_queries(3):
        api.get(path)
    assert api.post(path, {"amount": 1, "reference": "BANK-1"}, status=409)["error"] == "duplicate_transfer"
    wrong = {"amount": 1, "currency": "USD", "paid_at": "2198-01-01"}
    assert set(api.errors("POST", path, wrong)) == {"currency", "paid_at"}
    for method in ("GET", "POST"):
        unknown = f"/invoice/{uuid.uuid4()}/payment"
        assert api.call(method, unknown, {"amount": 1} if method == "POST" else None).status_code == 404


def test_a_transfer_sent_twice_with_one_key_is_recorded_once(api: Caller, till: Till) -> None:
    path = f"/invoice/{till.sell('alice', billing_type='invoice').invoice}/payment"
    for _ in range(2):
        assert api.call("POST", path, {"amount": 400}, **idempotent("k1")).status_code == 201
    assert Payment.objects.count() == 1


def test_it_is_voided_by_one_that_turns_it_round(api: Caller, shop: Shop) -> None:
    """3000 were billed; 300 are given back, and asked for again."""
    running = Running(api, shop)
    invoice = api.get(f"/customer/{running.alice}/invoices")["data"][0]
    note = api.post("/credit-note", {"invoice": invoice["id"], "amount": 300})
    assert api.get(f"/invoice/{invoice['id']}")["amount_due"] == 2700
    assert api.errors("POST", f"/credit-note/{note['id']}/void", {"why": "x"}) == {
        "why": "is not a field of this request"
    }
    voided = api.post(f"/credit-note/{note['id']}/void", {"reason": "A slip"}, 200)
    reversal = api.get(f"/credit-note/{voided['voided_by']}")
    assert (voided["id"], "voids" in voided) == (note["id"], False)
    assert (reversal["voids"], reversal["origin"], reversal["reason"]) == (note["id"], "reversal", "A slip")
    assert (reversal["total"], reversal["to_invoices"], reversal["lines"][0]["total"]) == (-300, -300, -300)
    assert api.get(f"/invoice/{invoice['id']}")["amount_due"] == 3000
    assert api.call("POST", f"/credit-note/{note['id']}/void").json()["error"] == "credit_note_voided"
    assert api.call("GET", f"/credit-note/{reversal['id']}/download").status_code == 200
    assert api.call("POST", f"/credit-note/{uuid.uuid4()}/void").status_code == 404
