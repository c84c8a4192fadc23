"""Every answer that a test of the API gets is held against the contract's objects (API, section 2)."""

import json
import re
from functools import cache
from typing import Any

from django.urls import resolve

from tests.api.document import document
from tests.contract.shapes import FOLDER, check_page, check_shape

OBJECTS = {path.stem for path in FOLDER.glob("*.json")}
# Lists whose keys are no ids.
OTHER_KEYS = {"api/v1/events"}


def check_answer(method: str, path: str, response: Any) -> None:
    """Hold a JSON answer to the contract's object it is, or is a page of; others are none of the contract's."""
    if response.status_code >= 300 or response["Content-Type"] != "application/json":
        return
    kind = _kind(resolve(path).route, method.lower(), str(response.status_code))
    if kind is None:
        return
    name, is_page = kind
    (check_page if is_page else check_shape)(name, json.loads(response.content))


@cache
def _kind(route: str, method: str, status: str) -> tuple[str, bool] | None:
    """Return the contract's object that a call answers, and whether by pages, or None for one of ours."""
    template = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    answers = document()["paths"].get(template, {}).get(method, {}).get("responses", {})
    schema = answers.get(status, {}).get("content", {}).get("application/json", {}).get("schema", {})
    component = schema.get("$ref", "").rpartition("/")[2]
    is_page = component.endswith("List")
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", component.removesuffix("List")).lower()
    return (name, is_page) if name in OBJECTS and route not in OTHER_KEYS else None


def answered_objects() -> set[str]:
    """Return the contract's objects that some call answers, alone or by pages."""
    found = set()
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            for status in operation["responses"]:
                kind = _kind(path.removeprefix("/").replace("{", "<id:").replace("}", ">"), method, status)
                found |= {kind[0]} if kind else set()
    return found
