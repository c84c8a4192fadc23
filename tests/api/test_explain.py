"""GET `/invoice/{id}/explain`."""

import uuid

from invoicing.models import Invoice
from tests.api.client import Caller
from tests.api.conftest import Shop


def test_an_invoice_is_explained(api: Caller, shop: Shop) -> None:
    product = shop.product()
    price = shop.price(product)
    customer = shop.customer(billing_type="invoice", locale="en")
    body = {"subscription_plan": shop.plan(product, price), "price": price}
    api.post(f"/customer/{customer}/subscription/start", body)
    invoice = Invoice.objects.get()
    answer = api.get(f"/invoice/{invoice.id}/explain")
    assert (answer["id"], answer["number"], answer["currency"]) == (str(invoice.id), invoice.number, "EUR")
    assert answer["language"] == "en"
    (line,) = answer["lines"]
    assert line["total"] == 1000
    assert "1 × €10.00 = €10.00." in line["sentences"]
    assert answer["summary"][0] == "€10.00 without tax and €0.00 tax are €10.00."


def test_an_unknown_invoice(api: Caller) -> None:
    assert api.call("GET", f"/invoice/{uuid.uuid4()}/explain").status_code == 404
