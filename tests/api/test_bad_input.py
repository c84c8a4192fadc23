"""Bad input to every POST and PUT: a clear 4xx, nothing stored, never a 500."""

import json
import re
from functools import cache
from typing import Any

import pytest

from tests.api.client import Caller
from tests.api.document import document
from tests.api.routes import Route, routes
from tests.api.world import World, count_rows

DEEP = '{"metadata":' * 20_000 + "{}" + "}" * 20_000
BROKEN_BODIES = {
    "no JSON": "not json",
    "cut off": '{"name": "x"',
    "a comma too many": '{"name": "x",}',
    "NaN": '{"name": NaN}',
    "Infinity": '{"name": -Infinity}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "a name twice": '{"name": "a", "name": "b"}',
    "nested 20 000 deep": DEEP,
    "a number of 500 digits": '{"amount": ' + "9" * 500 + "}",
    "an exponent out of range": '{"amount": 1e99999999999999999999}',
    "a list": '[{"name": "x"}]',
    "a number": "5",
    "a text": '"x"',
    "null": "null",
    "true": "true",
}
WRONG_VALUES: dict[str, Any] = {
    "an object": {"a": {"b": 1}},
    "an empty list": [],
    "a list of lists": [[1]],
    "true": True,
    "10^30": 10**30,
    "minus 10^30": -(10**30),
    "a fraction of 40 places": "0." + "1" * 40,
    "1e400": "raw:1e400",
    "minus one": -1,
    "the text NaN": "NaN",
    "NUL": "a\x00b",
    "a lone surrogate": 'raw:"\\ud800"',
    "a long text": "x" * 20_000,
    "emoji": "🙂" * 30,
    "the year 9999": "9999-12-31T23:59:59Z",
    "SQL": "'; DROP TABLE customers_customer; --",
}
# Events are read by a path of their own, with its own table.
ROUTES = [route for route in routes() if not route.template.startswith("events")]
WRITES = [(method, route) for route in ROUTES for method in ("POST", "PUT") if method in route.methods]
NEVER_RIGHT = {"an object", "10^30", "NUL", "a lone surrogate", "1e400"}


@cache
def body_fields() -> dict[tuple[str, str], list[str]]:
    """Return the fields of each call's body, as the OpenAPI document has them."""
    schemas = document()["components"]["schemas"]
    found: dict[tuple[str, str], list[str]] = {}
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            names = schemas.get(content.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
            found[method.upper(), path.removeprefix("/api/v1")] = list(names)
    return found


def fields_of(method: str, route: Route) -> list[str]:
    """Return the fields of a call's body; none for one that takes no body."""
    path = "/" + re.sub(r"<id:(\w+)>", r"{\1}", route.template)
    return body_fields().get((method, path), [])


TAKING = [write for write in WRITES if fields_of(*write)]
IGNORING = [write for write in WRITES if not fields_of(*write)]


@pytest.fixture
def world(api: Caller) -> World:
    """Return one of everything."""
    return World(api)


def test_the_table_covers_what_it_should() -> None:
    assert len(TAKING) > 30
    assert len(IGNORING) >= 5


def test_a_body_that_is_no_object_is_refused(world: World) -> None:
    for method, route in TAKING:
        before = count_rows()
        for name, body in BROKEN_BODIES.items():
            response = world.api.call(method, world.path(route), body)
            told = f"{method} {route.template}, {name}: {response.content!r}"
            assert response.status_code == 400, told
            assert list(response.json()["errors"]) == ["body"], told
        assert count_rows() == before, route.template


def test_wrong_values_are_refused_field_by_field(world: World) -> None:
    for method, route in TAKING:
        fields = fields_of(method, route)
        stored = count_rows()
        for name, value in WRONG_VALUES.items():
            raw = value[4:] if isinstance(value, str) and value.startswith("raw:") else json.dumps(value)
            body = "{" + ", ".join(f'"{field}": {raw}' for field in fields) + "}"
            response = world.api.call(method, world.path(route), body)
            told = f"{method} {route.template}, {name}: {response.content!r}"
            assert response.status_code in {200, 201, 202, 400, 409}, told
            before, stored = stored, count_rows()
            if response.status_code == 400:
                assert stored == before, told
            if name in NEVER_RIGHT and fields != ["metadata"]:
                assert response.status_code == 400, told


def test_unknown_fields_and_bodies_too_large_are_refused(world: World) -> None:
    large = '{"name": "' + "x" * 5_000_000 + '"}'
    before = count_rows()
    for method, route in TAKING:
        path = world.path(route)
        faults = world.api.errors(method, path, {"no_such_field": 1, "🙂": 2, "\x00": 3})
        assert {"no_such_field", "🙂"} <= set(faults), route.template
        assert world.api.call(method, path, large).status_code == 413, route.template
    assert count_rows() == before


def test_a_body_is_ignored_where_none_is_expected(world: World) -> None:
    for method, route in IGNORING:
        for body in ("not json", '{"no_such_field": 1}', b"\xff", ""):
            response = world.api.call(method, world.path(route), body)
            assert response.status_code in {200, 202, 409}, f"{route.template}: {response.content!r}"
