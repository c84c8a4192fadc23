"""One shape for everything that goes wrong on the REST API, and the one place that maps errors to HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import JsonResponse

from core.errors import BillingError

STATUS_OF_KIND: Mapping[str, int] = {
    "invalid": 400,
    "unauthenticated": 401,
    "declined": 402,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "conflict": 409,
    "too_large": 413,
    "mismatch": 422,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
CODE_OF_STATUS: Mapping[int, str] = {
    400: "invalid",
    401: "unauthenticated",
    402: "declined",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    422: "mismatch",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}
RETRY_AFTER_SECONDS: Mapping[int, int] = {429: 1, 503: 5}
FAILURE_REASONS = frozenset(
    {
        "expired_card",
        "invalid_details",
        "fraud",
        "authentication_required",
        "invalid_card",
        "general_decline",
        "contact_provider",
        "lack_of_funds",
    }
)


class Unauthenticated(BillingError):
    """The request carries no key that is in force."""

    kind: ClassVar[str] = "unauthenticated"
    code = "unauthenticated"


class TooLarge(BillingError):
    """The request asks for, or sends, more than is handled at once."""

    kind: ClassVar[str] = "too_large"
    code = "too_large"


class RateLimited(BillingError):
    """The key has made its requests of this moment."""

    kind: ClassVar[str] = "rate_limited"
    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        """Keep the seconds after which a request will be let through."""
        super().__init__(f"Too many requests; try again in {retry_after} s.")
        self.retry_after = retry_after


def error_body(status: int, message: str, code: str = "", errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object of an error; every 400 names the fields at fault."""
    body: dict[str, Any] = {"code": status, "message": message, "error": code or CODE_OF_STATUS.get(status, "error")}
    if errors:
        body["errors"] = dict(errors)
    elif status == HTTPStatus.BAD_REQUEST:
        body["errors"] = {"body": message}
    return body


def plain_error_response(
    status: int, message: str, code: str = "", errors: Mapping[str, str] | None = None
) -> JsonResponse:
    """Answer an error that has no BillingError: an unknown path, a wrong method."""
    return _respond(status, error_body(status, message, code, errors))


def error_response(error: BillingError) -> JsonResponse:
    """Answer a business error in the API's shape, with the headers its status asks for.

    A declined charge also says `paid: false`, one of the eight failure reasons, and the link at which the customer can
    confirm, when there is one.
    """
    status = STATUS_OF_KIND.get(error.kind, 400)
    body = error_body(status, error.message, error.code, error.fields)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        reason = getattr(error, "failure_reason", None)
        body |= {"paid": False, "failure_reason": reason if reason in FAILURE_REASONS else "general_decline"}
        link = getattr(error, "authentication_url", "")
        body |= {"link": link} if link else {}
    response = _respond(status, body)
    retry_after = getattr(error, "retry_after", None) or RETRY_AFTER_SECONDS.get(status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _respond(status: int, body: Mapping[str, Any]) -> JsonResponse:
    response = JsonResponse(body, status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    response["Cache-Control"] = "no-store"
    return response
