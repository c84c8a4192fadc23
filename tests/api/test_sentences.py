"""The conventions (API, section 1) sentence by sentence, where no other test of this folder holds one.

Paths, keys and bodies: test_paths, test_conventions, test_bad_input. Doing a POST once: test_idempotency. Requests a
second: test_rate_limit. Filters and order of lists: test_list_plans.
"""

import json
import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from core.clock import wall_now
from core.models import ApiKey
from customers.models import Customer
from subscriptions.models import Product
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.routes import routes
from tests.api.world import World

# What is posted there is not what is read there.
OTHER_OBJECTS = {"customer/<id:customer_id>/payment-methods/frontend-payment-token"}
ADMIN = {"api-key", "settings", "webhook-endpoint", "stripe-connection", "export", "ledger"}
Check = Callable[[Caller, Shop], None]
SENTENCES: dict[str, Check] = {}


def sentence(words: str) -> Callable[[Check], Check]:
    """Add a check under the sentence it holds."""

    def add(check: Check) -> Check:
        SENTENCES[words] = check
        return check

    return add


@sentence("Keys are rk_live_ or rk_test_, 32 characters and a checksum of 6; only a hash is stored; shown once")
def _(api: Caller, shop: Shop) -> None:
    made = api.post("/api-key", {"name": "shop"})
    assert re.fullmatch(r"rk_test_[0-9A-Za-z]{38}", made["key"])
    row = ApiKey.objects.filter(id=made["id"]).values().get()
    assert made["key"] not in str(row)
    assert made["key"] not in json.dumps(api.get("/api-key"))
    flipped = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
    assert Caller(key=flipped).call("GET", "/customer").json()["error"] == "unknown_api_key"


@sentence("Some paths need admin, one that hands out power needs write, usage:write only sends events")
def _(api: Caller, shop: Shop) -> None:
    for route in routes():
        first = route.template.split("/")[0]
        for method in route.methods:
            needed = route.view().needed_scope(method)
            told = f"{method} {route.template} needs {needed}"
            if first in ADMIN or (method == "DELETE" and route.template == "customer/<id:customer_id>"):
                assert needed == "admin", told
            elif first == "events" and method == "POST":
                assert needed == "usage:write", told
            elif method == "GET" and not route.template.endswith(("frontend-payment-token", "manage-link")):
                assert needed == "read", told
            else:
                assert needed == "write", told


@sentence("No key makes a key with more scopes than its own")
def _(api: Caller, shop: Shop) -> None:
    for scope in ("write", "read", "usage:write"):
        assert Caller(scope).call("POST", "/api-key", {"name": "x", "scope": "admin"}).status_code == 403


@sentence("Values, rates and quantities are also taken as decimal texts; they leave as numbers")
def _(api: Caller, shop: Shop) -> None:
    for rate in (7.5, "7.5", "7.50"):
        assert api.post("/customer", {"email": "a@example.org", "standard_tax_rate": rate})["standard_tax_rate"] == 7.5
    for wrong in ("7,5", "1e1", "", " 7", "0x7", True):
        body = {"email": "a@example.org", "standard_tax_rate": wrong}
        assert set(api.errors("POST", "/customer", body)) == {"standard_tax_rate"}, wrong
    body = {"amount": "1000", "currency": "EUR", "recurring": True, "schedule": "month"}
    assert set(api.errors("POST", f"/product/{shop.product()}/price", body)) == {"amount"}


@sentence("Instants are RFC 3339 of any offset, and leave in UTC, in whole seconds, with +00:00")
def _(api: Caller, shop: Shop) -> None:
    for told in ("2027-01-31T12:30:15.9+02:00", "2027-01-31T10:30:15Z", "2027-01-31t10:30:15z"):
        assert api.post("/test-clock", {"now": told})["now"] == "2027-01-31T10:30:15+00:00"
    for wrong in ("2027-01-31", "2027-01-31T10:30", "2027-01-31T10:30:15", "2027-02-30T10:30:15Z", 1, "now"):
        assert set(api.errors("POST", "/test-clock", {"now": wrong})) == {"now"}, wrong


@sentence("An id is read in either case; malformed in a path it is not found, in a query or body invalid")
def _(api: Caller, shop: Shop) -> None:
    customer = shop.customer()
    assert api.get(f"/customer/{customer.upper()}")["id"] == customer
    assert api.get(f"/invoice?customer={customer.upper()}")["data"] == []
    for wrong in ("1", customer.replace("-", ""), f"{{{customer}}}", f"urn:uuid:{customer}"):
        assert api.call("GET", f"/customer/{wrong}").status_code == 404
        assert set(api.errors("GET", f"/invoice?customer={wrong}")) == {"customer"}
        assert set(api.errors("POST", "/invoice", {"customer": wrong, "items": []})) >= {"customer"}


@sentence("In a POST null means not sent; a PUT keeps what is left out, clears with null what may be null")
def _(api: Caller, shop: Shop) -> None:
    made = api.post("/customer", {"email": "a@example.org", "tax_number": None, "reference": None, "metadata": None})
    assert made["tax_number"] is None
    assert "reference" not in made
    path = f"/customer/{made['id']}"
    told = {"tax_number": "DE136695976", "reference": "r", "metadata": {"a": 1}}
    changed = api.put(path, told, 202)
    assert {name: changed[name] for name in told} == told
    assert api.put(path, {}, 202) == changed
    nulled = api.put(path, {"tax_number": None, "reference": None, "metadata": None, "email": None}, 202)
    assert (nulled["tax_number"], nulled["reference"], nulled["metadata"]) == (None, "r", {"a": 1})
    emptied = api.put(path, {"reference": "", "metadata": {}}, 202)
    assert "reference" not in emptied
    assert emptied.get("metadata", {}) == {}


@sentence("A plan is named by its id or code name, under either name")
def _(api: Caller, shop: Shop) -> None:
    product = shop.product()
    price = shop.price(product)
    plan = shop.plan(product, price, code_name="flat")
    for name in ("plan", "subscription_plan"):
        for word in (plan, "flat", {"id": plan}):
            customer = shop.customer(billing_type="invoice")
            api.post(f"/customer/{customer}/subscription/start", {name: word, "price": price})


@sentence("Every breach is told at once, by JSON field path")
def _(api: Caller, shop: Shop) -> None:
    body = {"email": 1, "address": {"country": "XX", "street": "x"}, "locale": "zz", "nothing": 1}
    assert set(api.errors("POST", "/customer", body)) == {
        "email", "address.country", "address.street", "locale", "nothing",
    }  # fmt: skip


@sentence("A 402 says paid: false and one of eight reasons; a charge with unknown outcome is 200 without one")
def _(api: Caller, shop: Shop) -> None:
    product = shop.product()
    price = shop.price(product)
    shop.plan(product, price, code_name="flat")
    body = {"subscription_plan": "flat", "price": price, "card_token": "tok_lack_of_funds"}
    declined = api.post(f"/customer/{shop.customer()}/subscription/start", body, 402)
    assert (declined["paid"], declined["failure_reason"]) == (False, "lack_of_funds")


@sentence("A page is data, has_more and last_key: the id of its last row, left out when there is none")
def _(api: Caller, shop: Shop) -> None:
    assert api.get("/customer") == {"data": [], "has_more": False}
    made = [shop.customer(label) for label in ("a", "b", "c")]
    first = api.get("/customer?limit=2")
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (made[:0:-1], True)
    last = api.get(f"/customer?limit=2&last_key={first['last_key']}")
    assert ([row["id"] for row in last["data"]], last["has_more"], last["last_key"]) == (made[:1], False, made[0])


@sentence("A key whose row is gone still pages")
def _(api: Caller, shop: Shop) -> None:
    first, second = shop.product("One"), shop.product("Two")
    Product.objects.filter(id=second).delete()
    assert [row["id"] for row in api.get(f"/product?last_key={second}")["data"]] == [first]


@sentence("Texts match in any case and anywhere; short ones at the beginning; % and _ stand for themselves")
def _(api: Caller, shop: Shop) -> None:
    names = ["Zoë & Söhne", "100% Co", "A_B"]
    for name in names:
        shop.customer(address={"company_name": name, "country": "DE"})

    def found(text: str) -> list[str]:
        return [row["address"]["company_name"] for row in api.get(f"/customer?company_name={text}")["data"]]

    assert found("S%C3%96HNE") == names[:1]
    assert found("zo") == names[:1]
    assert found("ne") == []
    assert found("00%25") == ["100% Co"]
    assert found("A_") == ["A_B"]
    assert found("%25%25%25") == []
    assert found("___") == []


@sentence("Lists without paging parameters in the contract answer the whole set unless they are sent")
def _(api: Caller, shop: Shop) -> None:
    customer = shop.customer()
    for amount in range(1, 13):
        api.post(f"/customer/{customer}/usage-limit", {"amount": amount, "action": "WARNING"})
    path = f"/customer/{customer}/usage-limit"
    whole = api.get(path)
    assert (len(whole["data"]), whole["has_more"]) == (12, False)
    page = api.get(f"{path}?limit=5")
    assert (len(page["data"]), page["has_more"]) == (5, True)
    assert len(api.get(f"{path}?last_key={page['last_key']}")["data"]) == 7


@sentence("A key is of one API key; what calls a provider, and what does not, is done once")
def _(api: Caller, shop: Shop) -> None:
    for _ in range(2):
        api.post("/customer", {"email": "a@example.org"}, **idempotent("k"))
    Caller("write").post("/customer", {"email": "a@example.org"}, **idempotent("k"))
    assert Customer.objects.count() == 2


@sentence("Events ignore the header: event_id is their key")
def _(api: Caller, shop: Shop) -> None:
    for _ in range(2):
        event = {"event_id": str(uuid.uuid4()), "subscription": str(uuid.uuid4()), "code": "x", "value": 1}
        assert api.post("/events", event, 400, **idempotent("k"))["error"] != "idempotency_mismatch"


@sentence("100 requests a second in bursts of 200 unless told otherwise, 5 000 to send usage; null is no limit")
def _(api: Caller, shop: Shop) -> None:
    for scope, rate, burst in (("read", 100, 200), ("usage:write", 5_000, 10_000)):
        made = api.post("/api-key", {"name": "x", "scope": scope})
        assert (made["rate_limit"], made["rate_burst"]) == (rate, burst)
    assert api.post("/api-key", {"name": "x", "rate_limit": 0})["rate_limit"] is None


@sentence("A request id is echoed, or given; every answer is kept out of caches")
def _(api: Caller, shop: Shop) -> None:
    for path in ("/customer", "/customer/x", "/nothing", f"/customer/{uuid.uuid4()}"):
        response = api.call("GET", path, **{"X-Request-Id": "abc-1"})
        assert (response["X-Request-Id"], response["Cache-Control"]) == ("abc-1", "no-store")
        assert str(uuid.UUID(given := api.call("GET", path, **{"X-Request-Id": "\x07"})["X-Request-Id"])) == given


@sentence("An expired key is refused from its very second")
def _(api: Caller, shop: Shop) -> None:
    ends = (wall_now() + timedelta(hours=1)).isoformat()
    made = api.post("/api-key", {"name": "x", "scope": "read", "expires_at": ends})
    caller = Caller(key=made["key"])
    caller.get("/customer")
    ApiKey.objects.filter(id=made["id"]).update(expires_at=wall_now())
    refused = caller.call("GET", "/customer")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("words", SENTENCES)
def test_sentence(api: Caller, shop: Shop, words: str) -> None:
    SENTENCES[words](api, shop)


def unknown(faults: dict[str, str]) -> set[str]:
    """Return the fields that a request was refused for because nobody knows them."""
    return {path for path, fault in faults.items() if fault == "is not a field of this request"}


def test_an_object_can_be_sent_back_as_it_was_read(api: Caller) -> None:
    """To its own path, and to the list that makes its like: what cannot be written is passed over."""
    world = World(api)
    sent = 0
    for route in routes():
        path = world.path(route)
        if "GET" not in route.methods or not {"POST", "PUT"} & route.methods or "export" in path:
            continue
        answered = api.call("GET", path)
        if answered.status_code != 200:
            continue
        read = answered.json()
        rows = read["data"] if "has_more" in read else [read]
        for method in {"POST", "PUT"} & route.methods:
            if route.template in OTHER_OBJECTS:
                continue
            for row in rows[:1]:
                answer = api.call(method, path, row)
                faults = answer.json().get("errors", {}) if answer.status_code == 400 else {}
                assert unknown(faults) == set(), f"{method} {path}: {faults}"
                sent += 1
    assert sent > 30
