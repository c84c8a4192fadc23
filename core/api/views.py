"""The base of every endpoint: key, scope, rate, query, body, idempotency, and the answer."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api import idempotency
from core.api.authentication import require_scope
from core.api.body import read_bytes, read_json
from core.api.pages import page_of
from core.api.rate_limit import limit_rate
from core.api.serializers import AnswerSerializer, InputSerializer, Parameters
from core.clock import wall_now
from core.models import ApiKey
from core.operations import Actor

SAFE_METHODS = frozenset({"GET", "HEAD"})
_ENCODER = msgspec.json.Encoder(decimal_format="number", uuid_format="canonical")


class NoParameters(Parameters):
    """A call that takes no query parameters."""


class ApiView(APIView):
    """One path of the API.

    `parameters` names the query parameters each method takes, `other_parameters` those of the methods left out there;
    any other is refused. `scopes` names the scope of a method where it is not `read` for GET and `write` for the rest.
    `calls_provider` marks a POST whose operation works outside its transactions, `shows_secret` one whose answer must
    not be readable in a stored copy, `takes_idempotency_key` is false where a POST has a key of its own.
    """

    parameters: ClassVar[Mapping[str, type[Parameters]]] = {}
    other_parameters: ClassVar[type[Parameters]] = NoParameters
    scopes: ClassVar[Mapping[str, str]] = {}
    calls_provider: ClassVar[bool] = False
    shows_secret: ClassVar[bool] = False
    takes_idempotency_key: ClassVar[bool] = True
    http_method_names = ["get", "post", "put", "delete", "head"]

    request: Request
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the request in: its key first, then what the key may do, then how often, then the query string."""
        super().initial(request, *args, **kwargs)
        method = request.method or ""
        require_scope(self.api_key, self.needed_scope(method))
        limit_rate(self.api_key)
        serializer = self.parameters.get("GET" if method == "HEAD" else method, self.other_parameters)
        self.query = serializer.read_query(request.GET)

    def needed_scope(self, method: str) -> str:
        """Return the scope a method needs."""
        method = "GET" if method == "HEAD" else method
        return self.scopes.get(method) or self.scopes.get("*") or ("read" if method in SAFE_METHODS else "write")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a request; a POST with an Idempotency-Key is answered once.

        DRF's own, but for where the handler is called.
        """
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            method = (request.method or "").lower()
            known = method in self.http_method_names
            response = self._answer(getattr(self, method, self.http_method_not_allowed) if known else self._refuse)
        except Exception as error:
            response = self.handle_exception(error)
        return self._with_headers(response)

    def _with_headers(self, response: HttpResponse) -> HttpResponse:
        """Add what DRF tells with every answer, such as Allow, unless the answer tells it."""
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        return response

    def _refuse(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.http_method_not_allowed(request)

    def _answer(self, handler: Callable[..., HttpResponse]) -> HttpResponse:
        if self.request.method != "POST" or not hasattr(self, "post"):
            return handler(self.request, *self.args, **self.kwargs)
        claim = idempotency.claim_of(self.request._request, self.api_key, self._content)
        if claim is None:
            return handler(self.request, *self.args, **self.kwargs)
        cipher = idempotency.secret_cipher(self.request._request) if self.shows_secret else None

        def run() -> HttpResponse:
            try:
                if self.calls_provider:
                    return handler(self.request, *self.args, **self.kwargs)
                with transaction.atomic():
                    return handler(self.request, *self.args, **self.kwargs)
            except Exception as error:
                response: HttpResponse = self.handle_exception(error)
                return response

        answer = idempotency.answer_with_lease if self.calls_provider else idempotency.answer_in_one_transaction
        return answer(claim, run, cipher)

    @property
    def api_key(self) -> ApiKey:
        """Return the key of the request."""
        api_key = self.request.auth
        assert isinstance(api_key, ApiKey)  # noqa: S101 - what ApiKeyAuthentication returns
        return api_key

    @property
    def actor(self) -> Actor:
        """Return who acts, for audit entries."""
        request_id = self.request.META.get("HTTP_X_REQUEST_ID", "")
        return Actor("api_key", self.api_key.id, self.api_key.name, request_id)

    @cached_property
    def now(self) -> datetime:
        """Return the wall's moment at which the request is handled, the same however often it is asked."""
        return wall_now()

    @cached_property
    def _content(self) -> bytes:
        return read_bytes(self.request._request)

    def read(self, serializer: type[InputSerializer], *, partial: bool = False) -> dict[str, Any]:
        """Return the values of the body. Raises Invalid with every fault at once, TooLarge."""
        return serializer.read(read_json(self._content), partial=partial)

    def list_of(
        self,
        rows: QuerySet[Any],
        answer: Callable[[Sequence[Any]], Sequence[Any]] | type[AnswerSerializer],
        *,
        whole_by_default: bool = False,
    ) -> HttpResponse:
        """Answer one page of rows."""
        render = _rendered_by(answer) if isinstance(answer, type) else answer
        return answer_json(page_of(rows, self.query, render, whole_by_default=whole_by_default))


def _rendered_by(serializer: type[AnswerSerializer]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    one = serializer()
    return lambda rows: [one.to_representation(row) for row in rows]


def answer_json(body: Any, status: int = 200, *, location: str | uuid.UUID | None = None) -> HttpResponse:
    """Answer a JSON value; decimals leave as exact numbers."""
    response = HttpResponse(_ENCODER.encode(body), status=status, content_type="application/json")
    if location is not None:
        response["Location"] = str(location)
    return response


def answer_created(serializer: type[AnswerSerializer], row: Any, path: str) -> HttpResponse:
    """Answer a new object, and where it is."""
    return answer_json(serializer().to_representation(row), 201, location=f"/api/v1/{path}/{row.pk}")


def answer_nothing() -> HttpResponse:
    """Answer that it is gone."""
    return HttpResponse(status=204)


def answer_null(status: int = 202) -> HttpResponse:
    """Answer that it was done, with nothing to say: an empty object."""
    return answer_json({}, status)
