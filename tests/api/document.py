"""The OpenAPI document as it would be sent, built once in a process."""

import json
from functools import cache
from typing import Any

from core.api.document_views import build_document


@cache
def document() -> dict[str, Any]:
    """Return the document; nobody changes it."""
    found: dict[str, Any] = json.loads(json.dumps(build_document()))
    return found
