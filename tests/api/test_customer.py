"""GET, POST `/customer`; GET, PUT `/customer/{id}`."""

import datetime
import uuid
from typing import Any

import pytest

from core.models import AuditEntry, OutboxEvent, TestClock
from customers.models import Agenda, Customer
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape

FULL: dict[str, Any] = {
    "email": "iain.cambridge@example.org",
    "tax_number": "GB459324",
    "standard_tax_rate": "15",
    "digital_tax_rate": 19.5,
    "billing_type": "invoice",
    "type": "business",
    "reference": "user/42 é",
    "external_reference": "cus_1",
    "address": {
        "company_name": "Example Ltd",
        "street_line_one": "1 High Street",
        "street_line_two": "Flat 2",
        "city": "London",
        "region": "Greater London",
        "country": "GB",
        "postcode": "EC1A 1BB",
    },
    "locale": "en_GB",
    "brand": "default",
    "invoice_format": "pdf",
    "marketing_opt_in": True,
    "metadata": {"a": [1, {"b": None}], "🙂": "ok", "n": 1.5},
    "name": "Iain",
    "time_zone": "Europe/London",
    "tax_exempt": True,
    "buyer_reference": "04011000-12345-34",
}


def test_the_smallest_customer_needs_an_email_and_gets_the_defaults(api: Caller) -> None:
    created = api.post("/customer", {"email": "alice@example.org"})
    check_shape("customer", created)
    assert created["billing_type"] == "card"
    assert created["type"] == "individual"
    assert created["locale"] == "en"
    assert created["brand"] == "default"
    assert created["invoice_format"] == "pdf"
    assert created["tax_number"] is None
    assert created["address"] == {"country": ""}
    assert "reference" not in created
    assert "test_clock" not in created
    assert uuid.UUID(created["id"]).version == 7


def test_a_customer_is_read_back_as_it_was_written(api: Caller) -> None:
    api.post("/customer", {"email": "first@example.org"})
    created = api.post("/customer", FULL)
    check_shape("customer", created)
    assert {name: created[name] for name in FULL} == {**FULL, "standard_tax_rate": 15}
    assert api.get(f"/customer/{created['id']}") == created
    assert api.get(f"/customer/{created['id'].upper()}") == created


def test_creation_says_where_the_customer_is_and_leaves_its_traces(api: Caller) -> None:
    response = api.call("POST", "/customer", {"email": "alice@example.org"})
    customer = Customer.objects.get()
    assert response["Location"] == f"/api/v1/customer/{customer.id}"
    assert Agenda.objects.get().customer_id == customer.id
    assert OutboxEvent.objects.get().type == "customer.created"
    entry = AuditEntry.objects.get(object_kind="customer")
    assert (entry.action, entry.actor_kind, entry.request_id) == (
        "customer.created",
        "api_key",
        response["X-Request-Id"],
    )


def test_a_known_email_is_accepted(api: Caller) -> None:
    first = api.post("/customer", {"email": "alice@example.org"})
    second = api.post("/customer", {"email": "alice@example.org"})
    assert first["id"] != second["id"]


def test_a_customer_can_be_sent_back_as_it_was_read(api: Caller) -> None:
    created = api.post("/customer", {**FULL, "brand": None})
    assert api.post("/customer", created)["id"] != created["id"]
    assert api.put(f"/customer/{created['id']}", created, 202) == created
    assert OutboxEvent.objects.filter(type="customer.updated").count() == 0


def test_a_put_keeps_what_is_left_out(api: Caller) -> None:
    created = api.post("/customer", {"email": "first@example.org"})
    created = api.post("/customer", FULL)
    changed = api.put(f"/customer/{created['id']}", {"name": "Iain C."}, 202)
    assert changed == {**created, "name": "Iain C."}
    assert api.put(f"/customer/{created['id']}", {}, 202) == changed
    event = OutboxEvent.objects.get(type="customer.updated")
    assert event.payload == {"previous": {"name": "Iain"}}
    entry = AuditEntry.objects.get(action="customer.updated")
    assert (entry.before, entry.after) == ({"name": "Iain"}, {"name": "Iain C."})


def test_null_clears_what_may_be_null_and_is_passed_over_elsewhere(api: Caller) -> None:
    created = api.post("/customer", {"email": "first@example.org"})
    created = api.post("/customer", FULL)
    nulls = dict.fromkeys(FULL)
    changed = api.put(f"/customer/{created['id']}", nulls, 202)
    check_shape("customer", changed)
    assert changed["tax_number"] is None
    assert changed["standard_tax_rate"] is None
    assert (changed["billing_type"], changed["type"], changed["locale"]) == ("card", "individual", "en")
    assert changed["marketing_opt_in"] is False
    for name in ("email", "reference", "external_reference", "address", "metadata", "name", "time_zone"):
        assert changed[name] == created[name]


def test_empty_texts_and_objects_clear_the_rest(api: Caller) -> None:
    created = api.post("/customer", {"email": "first@example.org"})
    created = api.post("/customer", FULL)
    empty = {"reference": "", "external_reference": "", "name": "", "address": {}, "metadata": {}, "time_zone": ""}
    changed = api.put(f"/customer/{created['id']}", empty, 202)
    assert changed["address"] == {"country": ""}
    assert changed["metadata"] == {}
    assert not {"reference", "external_reference", "name", "time_zone"} & set(changed)


def test_a_part_of_the_address_changes_alone(api: Caller) -> None:
    api.post("/customer", {"email": "first@example.org"})
    created = api.post("/customer", FULL)
    changed = api.put(f"/customer/{created['id']}", {"address": {"city": "Leeds"}}, 202)
    assert changed["address"] == {**FULL["address"], "city": "Leeds"}


def test_null_in_a_post_is_not_sent(api: Caller) -> None:
    created = api.post("/customer", {**dict.fromkeys(FULL), "email": "alice@example.org"})
    assert created["billing_type"] == "card"
    assert api.errors("POST", "/customer", {"email": None}) == {"email": "is required"}


def test_the_form_of_a_tax_number_is_judged_and_never_refuses(api: Caller) -> None:
    for number, country, check in (
        ("GB459324", "GB", "malformed"),
        ("DE136695976", "DE", "format"),
        ("DE136695976", "FR", "malformed"),
        ("DE136695976", "", "malformed"),
        ("", "DE", ""),
    ):
        body = {"email": "a@example.org", "tax_number": number, "address": {"country": country}}
        customer_id = api.post("/customer", body)["id"]
        assert Customer.objects.get(id=customer_id).tax_number_check == check
    api.put(f"/customer/{customer_id}", {"tax_number": "DE136695976"}, 202)
    assert Customer.objects.get(id=customer_id).tax_number_check == "format"


def test_a_test_clock_is_chosen_once(api: Caller, shop: Shop) -> None:
    now_at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    clock = TestClock.objects.create(now_at=now_at, created_at=now_at)
    created = api.post("/customer", {"email": "a@example.org", "test_clock": str(clock.id)})
    assert created["test_clock"] == str(clock.id)
    assert created["created_at"] == "2026-01-01T00:00:00+00:00"
    assert Agenda.objects.get(customer_id=created["id"]).test_clock_id == clock.id
    assert "test_clock" in api.errors("POST", "/customer", {"email": "a@example.org", "test_clock": str(uuid.uuid4())})
    free = shop.customer("bob")
    assert "test_clock" in api.errors("PUT", f"/customer/{free}", {"test_clock": str(clock.id)})
    api.put(f"/customer/{created['id']}", {"test_clock": str(clock.id)}, 202)


def test_every_breach_is_said_at_once(api: Caller) -> None:
    faults = api.errors(
        "POST",
        "/customer",
        {
            "email": "no address",
            "standard_tax_rate": 101,
            "billing_type": "cash",
            "address": {"country": "XX", "planet": "Mars"},
            "locale": "xx",
            "brand": "nobody",
            "time_zone": "Mars/Olympus",
            "metadata": [],
            "tax_exempt": "yes",
            "colour": "blue",
            "name": "x" * 201,
        },
    )
    assert set(faults) == {
        "email",
        "standard_tax_rate",
        "billing_type",
        "address.country",
        "address.planet",
        "locale",
        "brand",
        "time_zone",
        "metadata",
        "tax_exempt",
        "colour",
        "name",
    }
    assert not Customer.objects.exists()


def test_customers_are_listed_newest_first_in_pages(api: Caller, shop: Shop) -> None:
    ids = [shop.customer(name) for name in ("alice", "bob", "charlie")]
    first = api.get("/customer?limit=2")
    check_page("customer", first)
    assert [row["id"] for row in first["data"]] == ids[:0:-1]
    assert first["has_more"] is True
    second = api.get(f"/customer?limit=2&last_key={first['last_key']}")
    assert [row["id"] for row in second["data"]] == ids[:1]
    assert second["has_more"] is False
    assert second["last_key"] == ids[0]
    assert api.get(f"/customer?last_key={ids[0]}") == {"data": [], "has_more": False}


def test_a_last_key_whose_row_is_gone_still_pages(api: Caller, shop: Shop) -> None:
    ids = [shop.customer(name) for name in ("alice", "bob", "charlie")]
    Agenda.objects.filter(customer_id=ids[1]).delete()
    Customer.objects.filter(id=ids[1]).delete()
    assert [row["id"] for row in api.get(f"/customer?last_key={ids[1]}")["data"]] == ids[:1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email=ALICE", ["alice"]),
        ("email=lice@", ["alice"]),
        ("email=al", ["alice"]),
        ("email=li", []),
        ("email=%25", []),
        ("email=_lice", []),
        ("reference=ser_1", ["alice"]),
        ("external_reference=CUS", ["bob", "alice"]),
        ("company_name=gmbh", ["bob"]),
        ("country=DE", ["bob"]),
        ("country=de", []),
        ("country=DE&email=alice", []),
        ("email=", ["bob", "alice"]),
    ],
)
def test_lists_are_narrowed_by_texts(api: Caller, query: str, found: list[str]) -> None:
    alice = {"email": "alice@example.org", "reference": "user_1", "external_reference": "cus_1"}
    bob = {"email": "bob@example.org", "reference": "user-1", "external_reference": "cus_2"}
    api.post("/customer", alice)
    api.post("/customer", {**bob, "address": {"company_name": "Bob GmbH", "country": "DE"}})
    page = api.get(f"/customer?{query}")
    assert [row["email"].partition("@")[0] for row in page["data"]] == found


def test_a_page_costs_the_same_whatever_its_size(api: Caller, shop: Shop, django_assert_num_queries) -> None:
    shop.customer("alice")
    api.get("/customer")
    with django_assert_num_queries(2):
        api.get("/customer")
    for number in range(12):
        shop.customer(f"customer{number}")
    with django_assert_num_queries(2):
        assert len(api.get("/customer?limit=100")["data"]) == 13


def test_an_unknown_or_malformed_id_is_not_found(api: Caller) -> None:
    for customer_id in (str(uuid.uuid4()), "x", "1", "null", "%00", "a" * 300):
        assert api.call("GET", f"/customer/{customer_id}").status_code == 404
        assert api.call("PUT", f"/customer/{customer_id}", {}).status_code == 404


def test_an_xrechnung_needs_a_buyer_reference_addresses_and_a_seller(api: Caller) -> None:
    """Billing rules, section 8, Content: without them 400 on `invoice_format`."""
    small = api.post("/brand", {"code": "small", "name": "Small"})
    body = {"email": "bob@example.org", "brand": "small", "invoice_format": "xrechnung"}
    words = api.errors("POST", "/customer", body)
    assert words == {
        "invoice_format": "needs the customer's buyer_reference, the brand's legal_name, the brand's email"
    }
    api.put(f"/brand/{small['id']}", {"legal_name": "Small GmbH", "email": "billing@small.example"})
    bob = api.post("/customer", {**body, "buyer_reference": "04011000-1234512345-35"})
    path = f"/customer/{bob['id']}"
    words = api.errors("PUT", path, {"buyer_reference": ""})
    assert words == {"invoice_format": "needs the customer's buyer_reference"}
    api.put(path, {"name": "Bob"}, 202)
    api.put(path, {"buyer_reference": "", "invoice_format": "pdf"}, 202)


def test_an_erased_customer_is_answered_without_what_told_who_it_was(api: Caller, shop: Shop) -> None:
    alice = shop.customer("alice", name="Alice", reference="user-1", address={"city": "Bonn", "country": "DE"})
    bob = shop.customer("bob", name="Bob")
    assert Caller("write").call("DELETE", f"/customer/{alice}").status_code == 403
    assert api.delete(f"/customer/{alice}", 202) == {}
    erased = api.get(f"/customer/{alice}")
    check_shape("customer", erased)
    assert (erased["email"], erased["address"]) == ("", {"country": "DE"})
    assert not {"name", "reference"} & set(erased)
    assert api.get(f"/customer/{bob}")["name"] == "Bob"
    assert api.delete(f"/customer/{alice}", 202) == {}
    assert api.call("PUT", f"/customer/{alice}", {"name": "Alice"}).json()["error"] == "customer_erased"
