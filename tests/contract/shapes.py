"""The contract's objects as JSON Schemas, and the check of an answer against them (API, section 2)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

FOLDER = Path(__file__).parent / "schemas"
BASE = "https://reckoner.invalid/"


@cache
def _registry() -> Registry[Any]:
    resources = [Resource.from_contents(json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]
    return Registry().with_resources([(str(resource.id()), resource) for resource in resources])


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{BASE}{name}.json"}, registry=_registry(), format_checker=FormatChecker())


def check_shape(name: str, body: Any) -> None:
    """Fail with every difference between a JSON value and the object of a name."""
    differences = [
        f"{'.'.join(map(str, error.absolute_path)) or name}: {error.message}"
        for error in _validator(name).iter_errors(body)
    ]
    assert not differences, "\n".join(differences)


def check_page(name: str, body: Any) -> None:
    """Fail unless a JSON value is a page of the objects of a name."""
    assert set(body) <= {"data", "has_more", "last_key"}
    assert isinstance(body["has_more"], bool)
    for row in body["data"]:
        check_shape(name, row)
    if body["data"]:
        assert body["last_key"] == body["data"][-1]["id"]
    else:
        assert "last_key" not in body
