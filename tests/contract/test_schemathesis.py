"""Requests that Schemathesis makes up from the OpenAPI document: never a 5xx, never an answer it does not know."""

import json
import logging
import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
import werkzeug
from django.core.wsgi import get_wsgi_application
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.api.client import Caller
from tests.api.document import document
from tests.api.world import World

pytestmark = pytest.mark.django_db(transaction=True)
ON_CI = bool(os.environ.get("CI"))
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "object_level_authorization",
    "ignored_auth",
}
# No schema says what names nothing, contradicts itself, or is refused by the state of things.
REFUSALS = [400, 401, 402, 403, 404, 406, 409, 413, 422]


class InProcess(werkzeug.Client):
    """Reaches the application without a network: what Schemathesis says about the network has no meaning."""

    def open(self, *arguments: Any, **options: Any) -> Any:
        """Send a request."""
        for name in ("max_redirects", "verify", "cert", "proxies"):
            options.pop(name, None)
        return super().open(*arguments, **options)


@schemathesis.serializer("application/x-ndjson")
def as_one_line(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Write a batch of one event."""
    return json.dumps(value).encode()


@dataclass
class Report:
    """What a run of Schemathesis did and found."""

    operations: set[str] = field(default_factory=set)
    phases: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def note(self, event: events.EngineEvent) -> None:
        """Take in what the engine tells."""
        if isinstance(event, events.ScenarioFinished):
            for case_id, checks in event.recorder.checks.items():
                case = event.recorder.cases[case_id].value
                self.operations.add(f"{case.method.lower()} {case.operation.path}")
                self.phases[event.phase.name] += 1
                for check in checks:
                    self.checks[check.name] += 1
                    if check.failure_info is not None:
                        failure = check.failure_info.failure
                        self.problems.append(
                            f"{check.name}: {case.method} {case.path} {case.path_parameters} {case.query} "
                            f"{str(case.body)[:500]}: {failure.title}: {failure.message[:500]}"
                        )
        elif isinstance(event, events.NonFatalError):
            self.problems.append(f"{event.phase} {event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception


def explore(
    monkeypatch: pytest.MonkeyPatch, *, examples: int, phases: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> Report:
    """Send so many cases of every operation, `more` of some, and return what was found."""
    monkeypatch.setattr("schemathesis.python.wsgi.get_client", InProcess)
    # Thousands of refusals are logged; nobody reads them.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    api = Caller()
    World(api)
    config = SchemathesisConfig.from_dict(
        {
            "continue-on-failure": True,
            "headers": {"X-API-Key": api.key},
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none", "deterministic": ON_CI},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSALS]},
                "negative_data_rejection": {"expected-statuses": [*REFUSALS, 405]},
            },
            # A batch tells of each bad event, and never refuses the others.
            "operations": [
                {
                    "include-path": "/api/v1/events/batch",
                    "checks": {"negative_data_rejection": {"expected-statuses": ["200", *REFUSALS, 405]}},
                },
                *([more] if more else []),
            ],
            "phases": dict(phases),
        }
    )
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", get_wsgi_application(), config=config)
    report = Report()
    for event in from_schema(schema).execute():
        report.note(event)
    return report


def every_operation() -> set[str]:
    """Return the operations of the document, as `method path`."""
    return {f"{method} {path}" for path, item in document()["paths"].items() for method in item}


def some_operations() -> list[str]:
    """Draw a quarter of the operations, other ones each time, by their ids."""
    ids = sorted(one["operationId"] for item in document()["paths"].values() for one in item.values())
    return random.Random(0 if ON_CI else None).sample(ids, len(ids) // 4)  # noqa: S311 - requests, not secrets


def test_made_up_requests_are_answered_as_the_document_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation by its examples and by a made-up case, some by more; then chains of calls along their links."""
    more = {"include-operation-id": some_operations(), "generation": {"max-examples": 4}}
    phases = {"coverage": {"enabled": False}, "stateful": {"max-steps": 6}}
    report = explore(monkeypatch, examples=1, phases=phases, more=more)
    assert report.problems == []
    assert set(report.phases) == {"EXAMPLES", "FUZZING", "STATEFUL_TESTING"}
    assert report.operations == every_operation()
    assert set(report.checks) == CHECKS


@pytest.mark.long
def test_thousands_of_made_up_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also every boundary that the document names, one by one, and longer chains of calls; other ones each time."""
    report = explore(monkeypatch, examples=100, phases={"stateful": {"max-steps": 20}})
    assert report.problems == []
    assert set(report.phases) == {"EXAMPLES", "COVERAGE", "FUZZING", "STATEFUL_TESTING"}
