"""Requests made up from the OpenAPI document: never a 500, never an answer the document does not know."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator

from core.api.document_views import build_document
from tests.api.client import Caller
from tests.api.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.long]
EXAMPLES = 50


def problem(declared: Mapping[str, Any], components: Mapping[str, Any], response: Any) -> str | None:
    """Return what is wrong with an answer, or None."""
    status = str(response.status_code)
    if response.status_code >= 500 or status not in declared:
        return f"{status} is not declared"
    content = declared[status].get("content", {}).get("application/json")
    if content is None or not response.content:
        return None
    schema = {**content["schema"], "components": components}
    faults = [error.message for error in Draft202012Validator(schema).iter_errors(json.loads(response.content))]
    return faults[0] if faults else None


def send(api: Caller, world: World, case: Any) -> Any:
    """Send a made-up case to things that are there."""
    path = re.sub(r"\{(\w+)\}", lambda match: world.ids[match[1]], case.path)
    query = urlencode({name: value for name, value in (case.query or {}).items() if isinstance(value, str | int)})
    body = b"" if case.body is None or "NotSet" in type(case.body).__name__ else json.dumps(case.body).encode()
    return api.client.generic(
        case.method, f"{path}?{query}", body, content_type="application/json", headers={"X-API-Key": api.key}
    )


def check(api: Caller, world: World, operation: Any, components: Mapping[str, Any]) -> list[str]:
    """Send made-up cases of one operation, and return what was wrong with their answers."""
    declared = operation.definition.raw["responses"]
    problems: list[str] = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        fault = problem(declared, components, send(api, world, case))
        if fault:
            problems.append(f"{case.method} {case.path} {case.body!r}: {fault}")

    run()
    return problems


def test_made_up_requests_are_answered_as_the_document_says(db: None) -> None:
    api = Caller()
    world = World(api)
    document = schemathesis.openapi.from_dict(build_document())
    results: list[Any] = list(document.get_all_operations())
    # What is deleted or erased is no longer there for the others.
    operations = sorted((result.ok() for result in results), key=lambda one: one.method == "delete")
    assert len(operations) > 90
    problems: list[str] = []
    for operation in operations:
        # Events have a table of their own; they are stored outside this transaction.
        if "/events" not in operation.path:
            problems += check(api, world, operation, document.raw_schema["components"])
    assert not problems, "\n".join(problems[:20])
