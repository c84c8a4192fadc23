"""How paths are laid out, and what every path does with a wrong method, key, query or body."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from tests.api.client import Caller
from tests.api.routes import SOME_ID, Route, routes

ROUTES = routes()
IDS = [route.template for route in ROUTES]
POSTS = [route for route in ROUTES if "POST" in route.methods]


def test_there_is_a_table_to_test() -> None:
    assert len(ROUTES) > 50
    assert {"customer", "subscription/plans", "customer/<id:customer_id>/subscription/start"} <= set(IDS)


def test_literal_words_stand_before_ids() -> None:
    """A word that stands where an id stands elsewhere is reached as the word."""
    for route in ROUTES:
        words = route.template.split("/")
        for earlier in ROUTES[: ROUTES.index(route)]:
            others = earlier.template.split("/")
            if len(words) != len(others):
                continue
            shadows = all(mine == other or other.startswith("<") for mine, other in zip(words, others, strict=True))
            literal = any(
                other.startswith("<") and not mine.startswith("<") for mine, other in zip(words, others, strict=True)
            )
            assert not (shadows and literal), f"{earlier.template} stands before {route.template}"
    for word in ("plans", "active", "start", "trial", "frontend-payment-token"):
        for route in ROUTES:
            if word in route.template.split("/"):
                found: Any = resolve("/api/v1" + route.path()).func
                assert found.view_class is route.view


def test_no_path_ends_with_a_slash(api: Caller) -> None:
    for route in ROUTES:
        assert not route.template.endswith("/")
        assert api.call("GET", route.path() + "/").status_code == 404


def test_every_post_takes_an_idempotency_key_or_says_why_not() -> None:
    """An operation that calls a provider works outside a transaction, and must say so."""
    providers = {route.template for route in POSTS if route.view.calls_provider}
    assert providers == {
        "quote/<id:quote_id>/accept",
        "customer/<id:customer_id>/subscription/start",
        "customer/<id:customer_id>/subscription/trial",
        "customer/<id:customer_id>/payment-methods/frontend-payment-token",
        "customer/<id:customer_id>/payment-methods/<id:payment_method_id>/default",
        "payment-methods/<id:payment_method_id>/default",
        "invoice/<id:invoice_id>/charge",
        "payment/<id:payment_id>/refund",
        "test-clock/<id:clock_id>/advance",
        # It reads in a snapshot of its own.
        "simulate",
    }


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_without_a_key_nothing_is_answered(db: None, route: Route) -> None:
    client = Client()
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        response = client.generic(method, "/api/v1" + route.path(), "{}", content_type="application/json")
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Cache-Control"] == "no-store"
        assert response.json()["code"] == 401


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_wrong_method_is_told_the_right_ones(api: Caller, route: Route) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"} - route.methods:
        response = api.call(method, route.path())
        assert response.status_code == 405
        assert {word.strip() for word in response["Allow"].split(",")} - {"HEAD"} == route.methods


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_an_unknown_query_parameter_is_refused(api: Caller, route: Route) -> None:
    for method in route.methods:
        response = api.call(method, route.path() + "?no_such_thing=1", "{}")
        assert response.status_code == 400, response.content
        assert "no_such_thing" in response.json()["errors"]


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_scopes_are_asked_for(api: Caller, route: Route) -> None:
    reader, counter = Caller("read"), Caller("usage:write")
    for method in route.methods:
        needed = route.view().needed_scope(method)
        assert reader.call(method, route.path(), "{}").status_code == 403 or needed == "read"
        assert counter.call(method, route.path(), "{}").status_code == 403 or needed == "usage:write"


@pytest.mark.parametrize("route", [r for r in ROUTES if "<" in r.template], ids=[i for i in IDS if "<" in i])
def test_an_unknown_or_malformed_id_is_not_found(api: Caller, route: Route) -> None:
    """Whatever the body: the thing is looked for first."""
    for method in route.methods:
        assert api.call(method, route.path(), "{}").status_code == 404, method
        for malformed in ("1", "x" * 36, SOME_ID.replace("-", ""), "%00", "..%2f"):
            assert api.call(method, route.path(malformed), "{}").status_code == 404


def test_unknown_paths_are_not_found_as_json(api: Caller) -> None:
    for path in ("", "/", "/nothing", "/customer/x/y", "/%f0%9f%99%82", "/a" * 900):
        response = api.call("GET", path)
        assert response.status_code == 404
        assert response.json()["error"] == "not_found"


def test_names_in_paths_are_singular_or_the_contracts_own() -> None:
    plural = {"costs", "events", "invoices", "limits", "payment-methods", "plans", "seats", "usage-limits"}
    plural |= {"number-series", "settings"}  # the singular of series; a word that has none
    words = {word for route in ROUTES for word in route.template.split("/") if not word.startswith("<")}
    assert {word for word in words if re.search(r"[^su]s$", word)} <= plural
