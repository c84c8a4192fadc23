"""How neighbours' objects and calls stand in the OpenAPI document."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiResponse, extend_schema

from core.api.schema import DESCRIPTIONS, ErrorAnswer, InvalidAnswer
from core.api.serializers import InputSerializer
from integrations.domain.shape import Shape

Handler = TypeVar("Handler", bound=Callable[..., Any])


class ShapeScheme(OpenApiSerializerExtension):
    """Tells of an object what its fields tell, under the neighbour's name."""

    target_class = "integrations.domain.shape.Shape"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """Return the name of an object in the document."""
        return f"{_neighbour(self.target)}{self.target.__name__}"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the object's schema; those it holds are made known beside it."""
        found = _components(self.target)
        own: dict[str, Any] = found.pop(self.target.__name__)
        for name, schema in found.items():
            held = vars(sys.modules[self.target.__module__])[name]
            component = ResolvedComponent(  # type: ignore[no-untyped-call]
                _neighbour(self.target) + name, ResolvedComponent.SCHEMA, schema, held
            )
            auto_schema.registry.register_on_missing(component)
        return own


def _neighbour(shape: type[Shape]) -> str:
    """Return the name that a shape's neighbour goes by, from the module it stands in."""
    return shape.__module__.rpartition(".")[2].partition("_")[0].capitalize()


def _components(shape: type[Shape]) -> dict[str, Any]:
    template = f"#/components/schemas/{_neighbour(shape)}{{name}}"
    _, found = msgspec.json.schema_components([shape], ref_template=template)
    for schema in found.values():
        schema["required"] = list(schema["properties"])
        for field in schema["properties"].values():
            field.pop("default", None)
    return dict(found)


def describe_neighbour(
    neighbour: str,
    operation: str,
    summary: str,
    *,
    answers: Mapping[int, Any],
    takes: type[InputSerializer] | None = None,
    changes: bool = False,
    errors: Sequence[int] = (),
    fault: type[Shape] | None = None,
    request_example: Any = None,
) -> Callable[[Handler], Handler]:
    """Describe a call of a neighbour: its own name of the operation, what it answers by status, and its errors.

    An answer is a shape, a list of one, a plain type, or None for no content. `fault` is the neighbour's own error.
    """
    responses = {status: _answer(answer) for status, answer in answers.items()}
    common = {400, 401, 403, 404, 429, *errors, *({409, 413, 422} if takes is not None else ())}
    ours = {400: InvalidAnswer}
    faults = {
        status: OpenApiResponse(fault or ours.get(status, ErrorAnswer), _words_of(status, fault))
        for status in sorted(common)
    }
    examples = [OpenApiExample("request", value=request_example, request_only=True)] if request_example else []
    body: Any = takes(partial=True) if takes is not None and changes else takes
    return extend_schema(
        operation_id=operation,
        summary=summary,
        tags=[neighbour],
        request=body,
        responses={**responses, **faults},
        examples=examples,
    )


def _words_of(status: int, fault: type[Shape] | None) -> str:
    """Return what an error means; only our own shape of a 400 maps the fields at fault."""
    return "The input is wrong; the message says where." if fault and status == 400 else DESCRIPTIONS[status]  # noqa: PLR2004


def _answer(answer: Any) -> Any:
    if answer is None:
        return OpenApiResponse(None, "Nothing is there.")
    if isinstance(answer, list):
        (shape,) = answer
        reference = f"#/components/schemas/{_neighbour(shape)}{shape.__name__}"
        return OpenApiResponse({"type": "array", "items": {"$ref": reference}}, shape.__doc__ or "")
    return answer
