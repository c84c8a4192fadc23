"""The client that openapi-python-client makes from the contract, and calls through it."""

import importlib
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import yaml
from django.test import Client
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker

from tests.contract.shapes import FOLDER, check_page, check_shape

DOCUMENT = Path(__file__).with_name("contract.yaml")
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
PACKAGE = "generated_contract_client"


@cache
def contract() -> dict[str, Any]:
    """Return the contract as a JSON value."""
    found: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return found


@cache
def operations() -> Mapping[str, dict[str, Any]]:
    """Return every operation of the contract by its name, with its `path` and `method`."""
    return {
        operation["operationId"]: {**operation, "path": path, "method": method}
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


@cache
def client_package() -> ModuleType:
    """Make the client, as its user would, and return its package. Fails when the generator had to leave out a thing."""
    folder = tempfile.mkdtemp()
    config = Config.from_sources(
        ConfigFile(post_hooks=[], content_type_overrides={"application/pdf": "application/octet-stream"}),
        MetaType.NONE,
        document_source=DOCUMENT,
        file_encoding="utf-8",
        overwrite=True,
        output_path=Path(folder) / PACKAGE,
    )
    assert list(generate(config=config)) == []
    sys.path.insert(0, folder)
    return importlib.import_module(PACKAGE)


def check_contract(operation: Mapping[str, Any], status: int, body: Any) -> None:
    """Fail unless the contract knows an answer's status, and its JSON body has the contract's names and types."""
    assert str(status) in operation["responses"], f"{operation['operationId']} does not know {status}"
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = contract()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = {**response["content"]["application/json"]["schema"], "components": contract()["components"]}
    validator = OAS30ReadValidator(schema, format_checker=oas30_format_checker)
    assert [error.message for error in validator.iter_errors(body)] == []


def check_objects(parsed: Any, body: Any) -> None:
    """Fail unless an answer is also the object of this project's own schemas, where there is one of its name."""
    name = snake(type(parsed).__name__)
    if name.endswith("_page"):
        check_page(name.removesuffix("_page"), body)
    elif (FOLDER / f"{name}.json").exists():
        check_shape(name, body)


class GeneratedClient:
    """Calls the server through the generated functions; every answer is held to the contract."""

    def __init__(self, key: str) -> None:
        self.package = client_package()
        self.client = self.package.AuthenticatedClient(
            base_url="http://testserver/api/v1",
            token=key,
            prefix="",
            auth_header_name="X-API-Key",
            httpx_args={"transport": httpx.MockTransport(hand_over)},
        )
        self.called: set[str] = set()

    def call(self, name: str, body: Any = None, /, *, status: int = 200, **arguments: Any) -> Any:
        """Call an operation, expect a status, and return the answer as the client read it.

        `body` is made into the client's own model. Fails when the client could not read the answer.
        """
        operation = operations()[name]
        module = importlib.import_module(f"{PACKAGE}.api.{snake(operation['tags'][0])}.{snake(name)}")
        if body is not None:
            arguments["body"] = self.model(operation, body)
        answer = module.sync_detailed(client=self.client, **arguments)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.content[:500]!r}"
        assert answer.parsed is not None
        self.called.add(name)
        if answer.headers["Content-Type"] == "application/json":
            check_contract(operation, status, json.loads(answer.content))
            check_objects(answer.parsed, json.loads(answer.content))
        return answer.parsed

    def plain(self, name: str, body: str, status: int) -> None:
        """Send an operation of the contract to nothing that is there, with a body as it stands."""
        path = re.sub(r"\{\w+\}", NOBODY, operations()[name]["path"])
        answer = self.client.get_httpx_client().request(operations()[name]["method"], path, content=body)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
        check_contract(operations()[name], status, answer.json())

    def model(self, operation: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
        """Return a request's body as the client's model of it."""
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return getattr(importlib.import_module(f"{PACKAGE}.models"), schema).from_dict(body)


def hand_over(request: httpx.Request) -> httpx.Response:
    """Hand a request of the client to the server, inside the test's transaction."""
    headers = {name: value for name, value in request.headers.items() if name not in {"content-type", "content-length"}}
    answer = Client().generic(
        request.method,
        request.url.raw_path.decode(),
        request.content,
        content_type=request.headers.get("Content-Type", ""),
        headers=headers,
    )
    return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def snake(name: str) -> str:
    """Return a name as the generator writes it in Python."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
