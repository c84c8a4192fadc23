"""Every path of the API as the URL table has it, with ids filled in."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PREFIX = "api/v1/"
SOME_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@dataclass(frozen=True)
class Route:
    """A path with its view; `template` has names where ids stand."""

    template: str
    view: Any

    @property
    def methods(self) -> frozenset[str]:
        """Return the methods the view answers, HEAD left out."""
        names = ("get", "post", "put", "delete")
        return frozenset(name.upper() for name in names if hasattr(self.view, name))

    def path(self, row_id: str | uuid.UUID = SOME_ID) -> str:
        """Return the path below `/api/v1` with an id in every place of one."""
        return "/" + re.sub(r"<[^>]+>", str(row_id), self.template)


def routes() -> list[Route]:
    """Return every route of the API that a view class answers; those of neighbours follow rules of their own."""
    found = [route for route in _walk(get_resolver().url_patterns, "") if hasattr(route.view, "needed_scope")]
    return [route for route in found if not route.view.__module__.startswith("integrations.")]


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        whole = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, whole)
        elif whole.startswith(PREFIX):
            yield Route(whole.removeprefix(PREFIX), getattr(pattern.callback, "view_class", None))
