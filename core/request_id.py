"""A name for each request, in its answer and in every log line written for it."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from core.identifiers import new_id

HEADER = "X-Request-Id"
META_KEY = "HTTP_X_REQUEST_ID"
# Printable ASCII, so that it can stand in a header and on a line of a log.
_SANE = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_id_middleware(get_response: GetResponse) -> GetResponse:
    """Keep the caller's request id when it is sane, else give a new one.

    Whoever reads `request.headers["X-Request-Id"]` further in finds the kept or given one.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        asked: str = request.META.get(META_KEY, "")
        request_id = asked if _SANE.fullmatch(asked) else str(new_id())
        request.META[META_KEY] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = get_response(request)
        response.headers[HEADER] = request_id
        return response

    return middleware
