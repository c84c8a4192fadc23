"""A caller's request id is kept when it is sane."""

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from core.request_id import request_id_middleware


def send(asked: str | None) -> tuple[str, str, str]:
    """Return the request id in the answer, in the log context, and as the view reads it."""
    seen = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen["context"] = structlog.contextvars.get_contextvars()["request_id"]
        seen["header"] = request.headers["X-Request-Id"]
        return HttpResponse()

    headers = {} if asked is None else {"X-Request-Id": asked}
    response = request_id_middleware(view)(RequestFactory().get("/", headers=headers))
    return response.headers["X-Request-Id"], seen["context"], seen["header"]


@pytest.mark.parametrize("asked", ["a", "abc-123", "x" * 128, "two words", "{}!~"])
def test_a_sane_id_is_kept(asked: str) -> None:
    assert send(asked) == (asked, asked, asked)


@pytest.mark.parametrize("asked", [None, "", "x" * 129, "naïve", "a\nb", "a\tb", " a", "a\x00", "😀"])
def test_any_other_is_replaced(asked: str | None) -> None:
    given, in_context, in_header = send(asked)
    assert given != asked
    assert len(given) == 36
    assert given == in_context == in_header


def test_each_request_gets_its_own_and_leaves_none_behind() -> None:
    assert send(None)[0] != send(None)[0]
    assert "request_id" not in structlog.contextvars.get_contextvars()
