"""The outermost layer of the API's paths: errors that no view wrote, and no caching."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from core.api.errors import plain_error_response

PREFIX = "/api/"
MESSAGES = {
    400: "The request cannot be read.",
    404: "No such path.",
    405: "The method is not allowed here.",
    500: "Something went wrong on our side; it was logged with the id in X-Request-Id.",
}
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

GetResponse = Callable[[HttpRequest], HttpResponse]


def api_middleware(get_response: GetResponse) -> GetResponse:
    """Answer every error under `/api/` as JSON, whoever made it, and keep all answers out of caches."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path_info.startswith(PREFIX):
            return response
        if response.status_code >= HTTPStatus.BAD_REQUEST and not _is_json(response):
            response = _as_json(response)
        response["Cache-Control"] = "no-store"
        return response

    return middleware


def _is_json(response: HttpResponse) -> bool:
    return "json" in response.get("Content-Type", "")


def _as_json(response: HttpResponse) -> HttpResponse:
    status = response.status_code
    answer = plain_error_response(status, MESSAGES.get(status, HTTPStatus(status).phrase))
    for name in KEPT_HEADERS:
        if response.has_header(name):
            answer[name] = response[name]
    answer["Content-Length"] = str(len(answer.content))
    return answer
