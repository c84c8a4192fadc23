"""How endpoints describe themselves in the OpenAPI document, every error declared."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    Direction,
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from core.api.fields import TextField, WholeNumberField, WordField
from core.api.serializers import AnswerSerializer, InputSerializer

Handler = TypeVar("Handler", bound=Callable[..., Any])

READING = (401, 403, 404, 429)
WRITING = (*READING, 400, 409, 413, 422)
NO_ERRORS: Mapping[int, str] = {}
IDEMPOTENCY_ERRORS = (409, 413, 422)
"""Of any POST with the header: its twin runs, its body (even one that is ignored) is too long, it was used before."""
DESCRIPTIONS: Mapping[int, str] = {
    400: "The input is wrong; `errors` maps each JSON field path to its fault.",
    401: "No API key in force was sent.",
    402: "The charge was declined.",
    403: "The key's scope does not cover this call.",
    404: "Nothing has this id.",
    406: "It cannot be done with what is there, such as without a usable payment method.",
    409: "The state of the thing does not allow it, or the twin of this request is running.",
    413: "The body, or the page asked for, is too large.",
    422: "The Idempotency-Key was used for another request.",
    429: "The key has made its requests of this moment.",
    503: "The payment provider does not answer.",
}


class ErrorAnswer(AnswerSerializer):
    """What went wrong."""

    code = WholeNumberField(help_text="The HTTP status.")
    message = TextField(help_text="Words for a person.")
    error = TextField(help_text="A stable word for programs.")


class InvalidAnswer(ErrorAnswer):
    """What is wrong with the input, all of it at once."""

    errors = serializers.DictField(  # type: ignore[assignment]  # DRF takes the field off the class
        child=TextField(), help_text="JSON field path to fault; `body` for broken JSON."
    )


class DeclinedAnswer(ErrorAnswer):
    """A charge that was declined."""

    paid = serializers.BooleanField(help_text="False.")
    failure_reason = WordField(
        [
            "expired_card",
            "invalid_details",
            "fraud",
            "authentication_required",
            "invalid_card",
            "general_decline",
            "contact_provider",
            "lack_of_funds",
        ]
    )
    link = TextField(help_text="Where the customer can confirm, when the bank asks for it.")


_ERROR_ANSWERS: Mapping[int, type[AnswerSerializer]] = {400: InvalidAnswer, 402: DeclinedAnswer}


def describe(
    summary: str,
    *,
    takes: type[InputSerializer] | None = None,
    gives: type[AnswerSerializer] | OpenApiTypes | None = None,
    gives_later: type[AnswerSerializer] | None = None,
    gives_text: str = "",
    parameters: Sequence[OpenApiParameter] = (),
    status: int = 200,
    lists: bool = False,
    changes: bool = False,
    errors: Sequence[int] = (),
    errors_in_array: Mapping[int, str] = NO_ERRORS,
    request_example: Any = None,
    answer_example: Any = None,
) -> Callable[[Handler], Handler]:
    """Describe a method of a view: what it takes and gives, and which errors beyond the common ones.

    `gives_later` is answered with 202 where the work is left to a worker, `gives_text` names the content type of a text
    that is answered (also) instead of JSON, `parameters` tells more of those in the path. `lists` gives a page of the
    object, `changes` takes the fields of a PUT, none of which is required. The contract has errors that are told in an
    array of one: `errors_in_array`, with what each means.
    """
    examples = []
    if request_example is not None:
        examples.append(OpenApiExample("request", value=request_example, request_only=True))
    if answer_example is not None:
        examples.append(OpenApiExample("answer", value=answer_example, response_only=True, status_codes=[str(status)]))
    text: dict[Any, Any] = {} if not gives_text else {(status, gives_text): OpenApiTypes.STR}
    given = {} if gives is None and gives_text else {_kind(gives, status): _answer(gives, lists, status)}
    later: dict[Any, Any] = {} if gives_later is None else {HTTPStatus.ACCEPTED.value: gives_later}
    body: Any = takes(partial=True) if takes is not None and changes else takes
    return extend_schema(
        summary=summary,
        parameters=list(parameters),
        request=body,
        responses={
            **given,
            **text,
            **later,
            **_errors(takes is not None, errors),
            **{status: OpenApiResponse(ErrorAnswer(many=True), told) for status, told in errors_in_array.items()},
        },
        examples=examples,
    )


def _kind(gives: Any, status: int) -> Any:
    """Return the status, with the content type where it is not JSON."""
    return (status, "application/pdf") if gives is OpenApiTypes.BINARY else status


def _answer(gives: Any, lists: bool, status: int) -> Any:
    if status == HTTPStatus.NO_CONTENT:
        return OpenApiResponse(None, "Gone.")
    if gives is None:
        return OpenApiResponse(OpenApiTypes.OBJECT, "Done; an empty object.")
    if not lists:
        return gives
    return _page_of(gives)


@cache
def _page_of(gives: type[AnswerSerializer]) -> Any:
    """Return the page of an object: one component however many lists answer it."""
    fields = {
        "data": gives(many=True),
        "has_more": serializers.BooleanField(),
        "last_key": serializers.UUIDField(required=False),
    }
    return inline_serializer(f"{gives.__name__.removesuffix('Answer')}List", fields)


def _errors(takes_body: bool, further: Sequence[int]) -> dict[int, OpenApiResponse]:
    statuses = {*(WRITING if takes_body else READING), 400, *further}
    return {
        status: OpenApiResponse(_ERROR_ANSWERS.get(status, ErrorAnswer), DESCRIPTIONS[status])
        for status in sorted(statuses)
    }


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="At most 255 characters. The same key with the same request is answered from the first answer.",
)


class ApiSchema(AutoSchema):
    """Reads a view's query parameters, scopes and idempotency where they are declared: on the view."""

    view: Any

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters of the method, and the header of a POST."""
        parameters = self._parameters()
        found: list[Any] = [parameters] if parameters is not None else []
        return [*found, IDEMPOTENCY_KEY] if self.method == "POST" and self.view.takes_idempotency_key else found

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's own
        """Return the docstring of the method, with the scope it needs."""
        text: str = super().get_description()
        needed = getattr(self.view, "needed_scope", None)
        scope = f"Needs the scope `{needed(self.method)}`." if needed is not None else ""
        return "\n\n".join(filter(None, [text, scope]))

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        """Return the answers of the method, with the errors that its header or its query parameters bring."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        further: tuple[int, ...] = ()
        if self.method == "POST" and self.view.takes_idempotency_key:
            further = IDEMPOTENCY_ERRORS
        elif "limit" in getattr(self._parameters(), "_declared_fields", ()):
            further = (413,)
        for status in further:
            told = OpenApiResponse(ErrorAnswer, DESCRIPTIONS[status])
            answer = self._get_response_for_code(told, str(status), direction=direction)  # type: ignore[no-untyped-call]
            bodies.setdefault(str(status), answer)
        return dict(sorted(bodies.items()))

    def _parameters(self) -> Any:
        return getattr(self.view, "parameters", {}).get(self.method)

    def get_operation_id(self) -> str:
        """Return the summary as a name, with the parent where a path names one above its own id."""
        words = re.sub(r"[^a-z ]", "", (self.get_summary() or "").lower().replace("'s", "")).split()
        parents = re.findall(r"([a-z-]+)/\{", self.path)
        if len(parents) > 1 and parents[0] not in words:
            words += ["of", parents[0]]
        # One operation under several spellings of its path.
        words += [alias.replace("-", "_") for alias in ("uasge-limit", "usage-limits") if alias in self.path]
        return "_".join(word for word in words if word not in {"a", "an", "the"})

    def get_tags(self) -> list[str]:
        """Return the first noun of the path."""
        words = [word for word in self.path.removeprefix("/api/v1/").split("/") if word and not word.startswith("{")]
        return [words[0]] if words else ["api"]

    def get_serializer_name(self, serializer: Any, direction: Direction) -> str:
        """Return the name of an object: an answer is the object itself."""
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Answer")


class NumberScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Tells that decimals are taken as numbers or texts, and answered as numbers."""

    target_class = "core.api.fields.NumberField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Direction) -> dict[str, Any]:
        """Return the schema of a decimal."""
        if direction == "response":
            return {"type": "number"}
        number: dict[str, Any] = {"type": "number"}
        if self.target.minimum is not None:
            number["minimum"] = float(self.target.minimum)
        return {"oneOf": [number, {"type": "string", "pattern": r"^[+-]?\d{1,40}(\.\d{1,40})?$"}]}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells how a key is sent."""

    target_class = "core.api.authentication.ApiKeyAuthentication"
    name = "ApiKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the header."""
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
