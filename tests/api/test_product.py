"""GET, POST `/product`; GET, PUT `/product/{id}`."""

import uuid

from subscriptions.models import Product
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape


def test_a_product_needs_a_name(api: Caller) -> None:
    created = api.post("/product", {"name": "Cloud"})
    check_shape("product", created)
    assert created == {"id": created["id"], "name": "Cloud", "external_reference": None, "physical": False}
    assert api.get(f"/product/{created['id']}") == created
    assert api.errors("POST", "/product", {}) == {"name": "is required"}
    assert api.errors("POST", "/product", {"name": "  "}) == {"name": "must not be empty"}


def test_a_tax_type_is_named_by_id_name_or_object(api: Caller) -> None:
    tax_type = api.post("/tax/type", {"name": "digital", "digital": True})
    check_shape("tax_type", tax_type)
    for reference in (
        tax_type["id"],
        "digital",
        tax_type,
        {"name": "digital"},
        {"id": tax_type["id"], "name": "other"},
    ):
        created = api.post("/product", {"name": "Cloud", "tax_type": reference})
        check_shape("product", created)
        assert created["tax_type"] == tax_type
    for reference in ("none", str(uuid.uuid4()), {}, {"id": 5}, 5, ["digital"]):
        assert "tax_type" in api.errors("POST", "/product", {"name": "Cloud", "tax_type": reference})


def test_a_put_keeps_what_is_left_out_and_null_clears(api: Caller) -> None:
    api.post("/tax/type", {"name": "digital"})
    body = {"name": "Cloud", "external_reference": "prod_1", "tax_type": "digital", "tax_rate": "7.5", "physical": True}
    created = api.post("/product", body)
    path = f"/product/{created['id']}"
    assert created["tax_rate"] == 7.5
    assert api.put(path, {"name": "Sky"}, 202) == {**created, "name": "Sky"}
    assert api.put(path, created, 202) == created
    cleared = api.put(path, {"external_reference": None, "tax_type": None, "tax_rate": None, "name": None}, 202)
    assert cleared == {"id": created["id"], "name": "Cloud", "external_reference": None, "physical": True}


def test_products_are_listed_and_found_by_name(api: Caller, django_assert_num_queries) -> None:
    api.post("/tax/type", {"name": "digital"})
    names = ["Cloud", "Cloud storage", "Support"]
    for name in names:
        api.post("/product", {"name": name, "tax_type": "digital"})
    with django_assert_num_queries(2):
        page = api.get("/product")
    check_page("product", page)
    assert [row["name"] for row in page["data"]] == names[::-1]
    assert [row["name"] for row in api.get("/product?name=CLOUD")["data"]] == names[1::-1]
    assert api.get("/product?name=loud%20s")["data"][0]["name"] == "Cloud storage"


def test_an_unknown_product_is_not_found(api: Caller, shop: Shop) -> None:
    shop.product()
    for method, body in (("GET", None), ("PUT", {"name": "x"})):
        assert api.call(method, f"/product/{uuid.uuid4()}", body or {}).status_code == 404
    assert Product.objects.get().name == "Cloud"
