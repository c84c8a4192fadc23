"""The OpenAPI document, and a page to browse it."""

from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


def build_document() -> dict[str, Any]:
    """Return the OpenAPI document of every endpoint.

    Whether it is a valid one follows from the code too, and takes seconds to find out: a test does.
    """
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@lru_cache(maxsize=1)
def _encoded() -> bytes:
    """Return the document as JSON. It follows from the code, and so is built once in a process."""
    return msgspec.json.encode(build_document())


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI document; it needs no key."""
    return HttpResponse(_encoded(), content_type="application/json")
