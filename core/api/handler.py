"""What an exception of a view becomes: always an answer in the API's shape."""

from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException

from core.api.errors import TooLarge, error_response, plain_error_response
from core.errors import BillingError, Invalid, NotFound, Unavailable

log = structlog.get_logger(__name__)


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer an exception, or return None for one that is a fault of ours: it becomes a 500 with its trace logged.

    A value the database refuses by its type is the caller's, a lock not granted in time is worth another try.
    """
    if isinstance(error, APIException):
        return plain_error_response(error.status_code, str(error.detail))
    business = error if isinstance(error, BillingError) else _as_business_error(error)
    return error_response(business) if business is not None else None


def _as_business_error(error: Exception) -> BillingError | None:
    if isinstance(error, Http404):
        return NotFound("Nothing is here.")
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The body is too large.", code="body_too_large")
    if isinstance(error, SuspiciousOperation | DataError):
        log.warning("request_refused", reason=str(error))
        return Invalid("A value cannot be stored.")
    if isinstance(error, OperationalError):
        log.warning("database_busy", reason=str(error))
        return Unavailable("The request met another one; try again.", code="busy")
    return None
