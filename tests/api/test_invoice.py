"""POST `/invoice`, GET, PUT, DELETE `/invoice/{id}`, POST `/invoice/{id}/finalize`."""

from typing import Any

import pytest

from invoicing.models import Invoice, RequestedLine
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.contract.shapes import check_shape

ITEM = {"description": "Training", "amount": 5000, "currency": "EUR"}


@pytest.fixture
def alice(shop: Shop) -> str:
    return shop.customer(billing_type="invoice")


def plan_line(shop: Shop, amount: int, seats: int = 1) -> dict[str, Any]:
    product = shop.product()
    price = shop.price(product, amount=amount)
    plan = shop.plan(product, price, per_seat=True)
    return {"plan": plan, "price": price, "seat_number": seats}


def test_plans_and_an_item_make_one_invoice(api: Caller, shop: Shop, alice: str) -> None:
    """1000 + 2000 + one-off 5000 -> 8000; 3000 x 30 seats -> 90000."""
    body = {"customer": alice, "subscriptions": [plan_line(shop, 1000), plan_line(shop, 2000)], "items": [ITEM]}
    invoice = api.post("/invoice", body)
    check_shape("invoice", invoice)
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (8000, 8000, "open")
    assert [line["total"] for line in invoice["lines"]] == [1000, 2000, 5000]
    assert invoice["number"].startswith("INV-")
    assert api.get(f"/invoice/{invoice['id']}") == invoice
    seats = api.post("/invoice", {"customer": alice, "subscriptions": [plan_line(shop, 3000, 30)]})
    assert seats["total"] == 90000


def test_a_plan_is_named_by_its_code_too(api: Caller, shop: Shop, alice: str) -> None:
    line = plan_line(shop, 1000)
    code = api.get(f"/plan/{line['plan']}")["code_name"]
    body = {"customer": alice, "subscriptions": [{"plan": code, "price": {"id": line["price"]}, "seat_numbrers": 2}]}
    assert api.post("/invoice", body)["total"] == 2000


def test_a_request_sent_twice_makes_one_invoice(api: Caller, alice: str) -> None:
    body = {"customer": alice, "items": [ITEM]}
    first = api.post("/invoice", body, **idempotent("once"))
    assert api.post("/invoice", body, **idempotent("once")) == first
    assert Invoice.objects.count() == 1


def test_a_draft_is_read_changed_finalised(api: Caller, alice: str) -> None:
    draft = api.post("/invoice", {"customer": alice, "items": [ITEM], "draft": True})
    path = f"/invoice/{draft['id']}"
    assert (draft["status"], draft["total"], "number" in draft, "due_date" in draft) == ("draft", 5000, False, False)
    assert api.put(path, {}) == draft
    assert api.put(path, draft) == draft
    changed = api.put(path, {"items": [{**ITEM, "amount": 700}, {**ITEM, "description": "Travel", "amount": 50}]})
    assert (changed["id"], changed["total"], changed["created_at"]) == (draft["id"], 750, draft["created_at"])
    invoice = api.post(f"{path}/finalize", status=200)
    assert (invoice["id"], invoice["status"], invoice["total"]) == (draft["id"], "open", 750)
    for method, tail, body in (("POST", "/finalize", {}), ("PUT", "", {"items": [ITEM]}), ("DELETE", "", {})):
        answer = api.call(method, path + tail, body)
        assert (answer.status_code, answer.json()["error"]) == (409, "invoice_status")


def test_a_draft_is_deleted(api: Caller, alice: str) -> None:
    draft = api.post("/invoice", {"customer": alice, "items": [ITEM], "draft": True})
    api.delete(f"/invoice/{draft['id']}")
    api.delete(f"/invoice/{draft['id']}", 404)
    assert not RequestedLine.objects.exists()


def test_all_that_is_wrong_is_said_at_once(api: Caller, shop: Shop, alice: str) -> None:
    wrong = {
        "customer": alice,
        "subscriptions": [{"plan": "nobody", "price": "x"}],
        "items": [{"description": "", "amount": 0, "currency": "EURO"}, {**ITEM, "tax_type": "nothing"}],
        "colour": "red",
    }
    assert set(api.errors("POST", "/invoice", wrong)) == {
        "subscriptions.0.plan",
        "subscriptions.0.price",
        "items.0.description",
        "items.0.amount",
        "items.0.currency",
        "items.1.tax_type",
        "colour",
    }
    assert api.errors("POST", "/invoice", {}) == {"customer": "is required"}
    assert list(api.errors("POST", "/invoice", {"customer": alice})) == ["items"]
    nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert list(api.errors("POST", "/invoice", {"customer": nobody, "items": [ITEM]})) == ["customer"]
    two = [ITEM, {**ITEM, "currency": "USD"}]
    assert list(api.errors("POST", "/invoice", {"customer": alice, "items": two})) == ["items.1.currency"]


def test_a_key_that_reads_makes_no_invoice(api: Caller, alice: str) -> None:
    reader = Caller("read")
    assert reader.call("POST", "/invoice", {"customer": alice, "items": [ITEM]}).status_code == 403
