"""Conventions that hold on every path: keys, headers, errors, bodies, lists."""

import io
import json
import logging
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.test import Client

from core.clock import wall_now
from core.models import ApiKey
from core.operations import SYSTEM
from core.operations_api_keys import disable_api_key
from customers import queries
from customers.models import Customer
from tests.api.client import NOTHING, ROOT, Caller
from tests.api.conftest import Shop


def ask(path: str = "/customer", method: str = "GET", body: str = "", **headers: str) -> Any:
    """Send a request with these headers and no others."""
    return Client(raise_request_exception=False).generic(
        method, ROOT + path, body, content_type="application/json", headers=headers
    )


def test_a_key_is_sent_in_either_header(api: Caller) -> None:
    for headers in (
        {"X-API-Key": api.key},
        {"X-API-Key": f"Bearer {api.key}"},
        {"Authorization": f"Bearer {api.key}"},
        {"Authorization": api.key},
    ):
        assert ask(**headers).status_code == 200


def test_two_different_keys_are_none(api: Caller) -> None:
    other = Caller("write")
    response = ask(**{"X-API-Key": api.key, "Authorization": f"Bearer {other.key}"})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


def test_a_disabled_or_expired_key_is_refused_at_once(api: Caller) -> None:
    other = Caller("write")
    other.get("/customer")
    disable_api_key(other.api_key_id, actor=SYSTEM, now=wall_now())
    assert other.call("GET", "/customer").json()["error"] == "disabled_api_key"
    ApiKey.objects.filter(id=api.api_key_id).update(expires_at=wall_now())
    assert api.call("GET", "/customer").json()["error"] == "expired_api_key"


def test_a_staff_session_opens_nothing(api: Caller, admin_client: Client) -> None:
    assert admin_client.get(f"{ROOT}/customer").status_code == 401


def test_request_ids_are_echoed_and_nothing_is_cached(api: Caller) -> None:
    response = api.call("GET", "/customer", **{"X-Request-Id": "my-request-7"})
    assert response["X-Request-Id"] == "my-request-7"
    for path in ("/customer", "/customer/x", "/schema"):
        response = api.client.get(ROOT + path, headers={"X-API-Key": api.key})
        assert response["Cache-Control"] == "no-store"
        assert response["X-Request-Id"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "nonsense", "*/*;q=0"])
def test_accept_is_never_a_reason_to_refuse(api: Caller, accept: str) -> None:
    assert api.call("GET", "/customer", Accept=accept).status_code == 200
    assert api.call("GET", "/customer/x", Accept=accept).json()["code"] == 404
    assert api.client.get(f"{ROOT}/schema", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_a_body_is_json_whatever_its_content_type(api: Caller, content_type: str) -> None:
    headers = {"X-API-Key": api.key}
    body = '{"email": "alice@example.org"}'
    sent = api.client.generic("POST", f"{ROOT}/customer", body, content_type=content_type, headers=headers)
    assert sent.status_code == 201
    form = api.client.generic("POST", f"{ROOT}/customer", "email=a@b.de", content_type=content_type, headers=headers)
    assert list(form.json()["errors"]) == ["body"]


@pytest.mark.parametrize("body", [NOTHING, "", "{}", "  \n", "\ufeff{}"])
def test_no_body_and_an_empty_one_are_equal(api: Caller, shop: Shop, body: object) -> None:
    assert api.errors("POST", "/customer", body) == {"email": "is required"}
    customer_id = shop.customer("alice")
    before = api.get(f"/customer/{customer_id}")
    response = api.call("PUT", f"/customer/{customer_id}", body)
    assert (response.status_code, response.json()) == (202, before)


def test_a_chunked_body_is_read_and_bounded(api: Caller) -> None:
    def send(content: bytes) -> Any:
        extra: dict[str, Any] = {
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": io.BytesIO(content),
            "CONTENT_LENGTH": "",
        }
        return api.client.generic("POST", f"{ROOT}/customer", headers={"X-API-Key": api.key}, **extra)

    assert send(b'{"email": "alice@example.org"}').status_code == 201
    assert send(b'{"email": "' + b"x" * 2_000_000 + b'"}').status_code == 413


def test_a_page_has_one_to_a_hundred_rows(api: Caller) -> None:
    for limit in ("0", "-1", "abc", "1.5", "", "٣", "1e1", "0x1", " ", "null"):
        assert set(api.errors("GET", f"/customer?limit={limit}")) == {"limit"}, limit
    for limit in ("101", "1000000000000000000000"):
        assert api.call("GET", f"/customer?limit={limit}").status_code == 413
    for limit in ("1", "100", "007"):
        assert api.call("GET", f"/customer?limit={limit}").status_code == 200
    for key in ("x", "", "1", "01a2011b1d7d714b9876f676338b3d67"):
        assert set(api.errors("GET", f"/customer?last_key={key}")) == {"last_key"}
    assert set(api.errors("GET", "/customer?limit=1&limit=2&email=%00&email=a&z=1")) == {"limit", "email", "z"}


def test_head_answers_as_get_does_without_a_body(api: Caller, shop: Shop) -> None:
    customer_id = shop.customer()
    for path in ("/customer", f"/customer/{customer_id}"):
        response = api.call("HEAD", path)
        assert (response.status_code, response.content) == (200, b"")


def test_a_fault_of_ours_is_told_as_json_and_logged(api: Caller, monkeypatch, caplog) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr(queries, "list_customers", fail)
    with caplog.at_level(logging.ERROR):
        response = ask(**{"X-API-Key": api.key})
    assert response.status_code == 500
    assert response.json()["error"] == "internal_error"
    assert "secret words" not in response.content.decode()
    assert "secret words" in caplog.text


@pytest.mark.parametrize(("error", "status"), [(DataError("out of range"), 400), (OperationalError("lock"), 503)])
def test_what_the_database_refuses_is_no_fault_of_ours(api: Caller, monkeypatch, error: Exception, status: int) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(queries, "list_customers", fail)
    response = api.call("GET", "/customer")
    assert response.status_code == status
    assert ("Retry-After" in response) == (status == 503)


def test_a_host_that_is_not_ours_is_refused_as_json(api: Caller) -> None:
    response = ask(**{"X-API-Key": api.key, "Host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, 400)


def test_answers_outside_the_api_are_left_alone(db: None) -> None:
    response = Client().get("/no-such-page")
    assert response.status_code == 404
    assert "json" not in response["Content-Type"]


def test_moments_and_numbers_leave_in_one_form(api: Caller) -> None:
    created = api.post("/customer", {"email": "a@example.org", "standard_tax_rate": "7.50"})
    assert created["standard_tax_rate"] == 7.5
    assert created["created_at"].endswith("+00:00")
    assert "." not in created["created_at"]
    raw = api.call("GET", f"/customer/{created['id']}").content.decode()
    assert '"standard_tax_rate":7.5' in raw


def test_two_customers_never_see_each_other(api: Caller, shop: Shop) -> None:
    """What hangs under a customer's path is that customer's."""
    alice, bob = shop.customer("alice", billing_type="invoice"), shop.customer("bob", billing_type="invoice")
    product_id = shop.product()
    shop.plan(product_id, shop.price(product_id), code_name="flat")
    api.post("/voucher", {"name": "x", "type": "percentage", "percent": 1, "code": "X"})
    for customer_id in (alice, bob):
        path = f"/customer/{customer_id}"
        api.post(f"{path}/subscription/start", {"plan": "flat", "schedule": "month", "currency": "EUR"})
        api.post(f"{path}/credit", {"type": "credit", "amount": 5, "currency": "EUR"})
        api.post(f"{path}/payment-methods/frontend-payment-token", {"token": "tok_visa"})
    for noun in ("subscription", "subscription/active", "invoices", "payment-methods", "credit", "payment"):
        mine = [row["id"] for row in api.get(f"/customer/{alice}/{noun}")["data"]]
        theirs = [row["id"] for row in api.get(f"/customer/{bob}/{noun}")["data"]]
        assert len(mine) == len(theirs) == (0 if noun == "payment" else 1)
        assert not set(mine) & set(theirs)
    assert Customer.objects.count() == 2


def test_errors_are_json_for_every_kind(api: Caller) -> None:
    response = api.call("POST", "/customer", {"email": 1})
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert (body["code"], body["error"]) == (400, "invalid")
    assert isinstance(body["message"], str)
    assert body["errors"] == {"email": "must be a text"}
