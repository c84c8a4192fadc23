"""`/api/v1/schema`, `/api/docs`, and the committed copy of the document."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.document import document
from tests.api.routes import routes

COPY = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return every operation with its path and method."""
    return [(path, method, found) for path, item in document()["paths"].items() for method, found in item.items()]


def test_the_committed_document_is_current() -> None:
    """Mend: manage.py spectacular --file docs/openapi.yaml."""
    assert yaml.load(COPY.read_text(), Loader=yaml.CSafeLoader) == document()


@pytest.mark.long
def test_the_document_is_a_valid_one() -> None:
    """To drf-spectacular, too: it has the schema of OpenAPI alone, which the strict validator below holds it to."""
    validate_schema(document())  # type: ignore[no-untyped-call]


def test_the_document_is_sent_as_json_without_a_key(db: None) -> None:
    response = Client().get("/api/v1/schema")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == document()
    assert response.json()["openapi"].startswith("3.1")


def test_the_docs_page_needs_nothing_from_elsewhere(db: None) -> None:
    page = Client().get("/api/docs").content.decode()
    assert "swagger-ui" in page
    # The token against forged requests may hold any letters.
    assert "cdn" not in re.sub(r"\b[A-Za-z0-9]{64}\b", "", page).lower()
    assert "https://" not in page
    assert finders.find("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")


def test_every_path_of_the_api_is_described() -> None:
    described = {(path, method.upper()) for path, method, _ in operations()}
    for route in routes():
        path = "/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route.template)
        for method in route.methods:
            assert (path, method) in described


@pytest.mark.parametrize("part", ["summary", "description", "operationId", "tags", "security"])
def test_every_operation_says_what_it_is(part: str) -> None:
    for path, method, found in operations():
        assert found.get(part), f"{method} {path} has no {part}"


def test_operations_have_names_of_their_own() -> None:
    names = [found["operationId"] for _, _, found in operations()]
    assert len(names) == len(set(names))


def test_every_error_is_declared() -> None:
    for path, method, found in operations():
        declared = set(found["responses"])
        assert {"400", "401", "403", "429"} <= declared, f"{method} {path}"
        if any(parameter["name"] == "limit" for parameter in found.get("parameters", ())):
            assert "413" in declared, f"{method} {path}"
        if "{" in path:
            assert "404" in declared, f"{method} {path}"
        # Events have no conflict but their own, told event by event, and no Idempotency-Key.
        if (method == "post" or "requestBody" in found) and "/events" not in path:
            assert {"409", "413", "422"} <= declared, f"{method} {path}"
        for status, response in found["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                if (path, status) == ("/api/v1/customer/{customer_id}/costs", "422"):
                    schema = schema["items"]
                assert schema["$ref"].rpartition("/")[2] in {"Error", "Invalid", "Declined", "FlowgladError"}


def test_the_document_passes_a_strict_validator() -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_nothing_has_to_be_named_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """drf-spectacular warns of what it could not describe, and of names that it had to number."""
    SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert capsys.readouterr().err == ""


def test_every_object_has_an_example_of_itself() -> None:
    schemas = document()["components"]["schemas"]
    for name, schema in schemas.items():
        [example] = schema["examples"]
        faults = Draft202012Validator({**schema, "components": {"schemas": schemas}}).iter_errors(example)
        assert [error.message for error in faults] == [], name


def test_every_operation_has_an_example() -> None:
    """Its own, or that of the object it takes or gives."""
    for path, method, found in operations():
        told = [found["requestBody"]] if "requestBody" in found else []
        told += [response for status, response in found["responses"].items() if status.startswith("2")]
        for content in (one.get("content", {}) for one in told):
            for media, body in content.items():
                schema = body["schema"]
                shown = "examples" in body or "$ref" in schema or "$ref" in schema.get("items", {})
                nothing = schema.get("type") in {"object", "string"} and "properties" not in schema
                assert shown or nothing, f"{method} {path} {media}"


def test_answers_and_inputs_carry_what_clients_generate_from() -> None:
    schemas = document()["components"]["schemas"]
    customer = schemas["Customer"]
    assert set(customer["required"]) >= {"email", "tax_number"}
    assert "reference" not in customer["required"]
    assert customer["properties"]["standard_tax_rate"]["type"] == ["number", "null"]
    assert schemas["CustomerInput"]["required"] == ["email"]
    assert "required" not in schemas["PatchedCustomerInput"]
    assert schemas["CustomerList"]["properties"]["data"]["items"] == {"$ref": "#/components/schemas/Customer"}
