"""CRUD `/number-series` (Billing rules, section 8, Numbering)."""

import pytest

from customers.models import Brand
from invoicing.models import Invoice
from tests.api.client import Caller
from tests.api.conftest import Shop


@pytest.fixture
def brand_code(api: Caller) -> str:
    code: str = api.post("/brand", {"code": "acme", "name": "Acme", "address": {"country": "US"}})["code"]
    return code


def invoiced(api: Caller, shop: Shop, brand_code: str = "acme") -> str:
    """Start a subscription of an invoice customer, and return the number of its invoice."""
    customer = shop.customer(brand=brand_code, billing_type="invoice")
    product = shop.product()
    price = shop.price(product)
    plan = shop.plan(product, price)
    api.post(f"/customer/{customer}/subscription/start", {"subscription_plan": plan, "price": price})
    number = Invoice.objects.order_by("-id").values_list("number", flat=True)[0]
    assert number is not None
    return number


def test_a_series_is_made_before_its_first_document(api: Caller, shop: Shop, brand_code: str) -> None:
    wanted = {"brand": brand_code, "kind": "invoice", "format": "A{brand}-{seq:04}", "reset": "never"}
    created = api.post("/number-series", wanted)
    assert {name: created[name] for name in wanted} == wanted
    path = f"/number-series/{created['id']}"
    assert api.get(path) == created
    assert api.put(path, created) == created
    assert [invoiced(api, shop), invoiced(api, shop)] == ["Aacme-0001", "Aacme-0002"]
    assert api.call("POST", "/number-series", wanted).status_code == 409
    assert api.call("DELETE", path).status_code == 409
    assert [row["id"] for row in api.get("/number-series")["data"]] == [created["id"]]


def test_a_series_that_numbered_nothing_is_deleted(api: Caller, brand_code: str) -> None:
    created = api.post("/number-series", {"brand": brand_code, "kind": "credit_note"})
    assert (created["format"], created["reset"]) == ("CN-{year}-{seq:06}", "yearly")
    api.delete(f"/number-series/{created['id']}")
    api.delete(f"/number-series/{created['id']}", 404)


def test_the_count_goes_on_when_the_format_changes(api: Caller, shop: Shop, brand_code: str) -> None:
    """Plain sequential: after 13 comes "14"."""
    created = api.post("/number-series", {"brand": brand_code, "kind": "invoice", "format": "{seq}", "reset": "never"})
    assert [invoiced(api, shop) for _ in range(14)][-2:] == ["13", "14"]
    api.put(f"/number-series/{created['id']}", {"format": "N-{seq:05}"})
    assert invoiced(api, shop) == "N-00015"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"format": "A-{seq}", "reset": "yearly"}, "needs {year}"),
        ({"format": "A-{seq}"}, "needs {year}"),
        ({"format": "A-{year}", "reset": "never"}, "needs {seq}"),
        ({"format": "CN-{year}-{seq}", "reset": "yearly"}, "credit note series uses this prefix"),
        ({"format": "RCP-{year}-{seq:2}", "reset": "yearly"}, "receipt series uses this prefix"),
        ({"format": "A{seq} {x}", "reset": "never"}, "Unknown place"),
    ],
)
def test_what_could_give_a_number_twice_is_refused(
    api: Caller, brand_code: str, wanted: dict[str, str], words: str
) -> None:
    errors = api.errors("POST", "/number-series", {"brand": brand_code, "kind": "invoice", **wanted})
    assert list(errors) == ["format"]
    assert words in errors["format"]


def test_a_prefix_of_the_brands_own_series_counts_not_only_the_default_ones(api: Caller, brand_code: str) -> None:
    both = {"brand": brand_code, "reset": "never"}
    api.post("/number-series", {**both, "kind": "credit_note", "format": "C{seq}"})
    assert "format" in api.errors("POST", "/number-series", {**both, "kind": "invoice", "format": "c{year}{seq}"})
    api.post("/number-series", {**both, "kind": "invoice", "format": "CN-{year}-{seq}"})


@pytest.mark.parametrize(("country", "allowed"), [("DE", False), ("GB", False), ("US", True), ("CH", True)])
def test_random_numbers_are_not_for_sellers_in_the_eu_and_gb(
    api: Caller, shop: Shop, brand_code: str, country: str, allowed: bool
) -> None:
    Brand.objects.filter(code=brand_code).update(country=country)
    wanted = {"brand": brand_code, "kind": "invoice", "format": "R-{random:6}", "reset": "never"}
    if not allowed:
        assert "not allowed" in api.errors("POST", "/number-series", wanted)["format"]
        return
    api.post("/number-series", wanted)
    numbers = [invoiced(api, shop) for _ in range(3)]
    assert len(set(numbers)) == 3
    assert all(len(number) == 8 and number.startswith("R-") for number in numbers)


def test_a_change_that_would_come_to_a_number_given_already_is_refused(
    api: Caller, shop: Shop, brand_code: str
) -> None:
    year = Brand.objects.get(code=brand_code).created_at.year
    created = api.post(
        "/number-series", {"brand": brand_code, "kind": "invoice", "format": "{year}{seq:04}", "reset": "yearly"}
    )
    assert invoiced(api, shop) == f"{year}0001"
    path = f"/number-series/{created['id']}"
    wanted = {"format": f"{year}{{seq:04}}", "reset": "never"}
    assert f"{year}0001 a second time" in api.errors("PUT", path, wanted)["format"]
    api.put(path, {"format": "{year}-{seq:04}"})
    assert invoiced(api, shop) == f"{year}-0002"


def test_brand_and_kind_stay(api: Caller, brand_code: str) -> None:
    created = api.post("/number-series", {"brand": brand_code, "kind": "invoice"})
    errors = api.errors("PUT", f"/number-series/{created['id']}", {"kind": "receipt"})
    assert errors == {"kind": "cannot be changed"}
