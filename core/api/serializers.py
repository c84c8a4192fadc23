"""What a request may hold and what an answer holds: refusing what is unknown, leaving out what has no value."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.settings import api_settings

from core.api.fields import text_fault
from core.errors import Invalid

BODY = "body"
REFUSED = "The request holds what cannot be taken; `errors` says where."


def fault_paths(detail: Any, path: str = "") -> dict[str, str]:
    """Return nested faults as JSON field path -> one text, such as `tiers.0.unit_price`."""
    if isinstance(detail, Mapping):
        inner: Iterable[tuple[Any, Any]] = detail.items()
    elif isinstance(detail, list) and any(isinstance(fault, Mapping) for fault in detail):
        inner = enumerate(detail)
    elif isinstance(detail, list):
        return {path or BODY: "; ".join(str(fault) for fault in detail)} if detail else {}
    else:
        return {path or BODY: str(detail)}
    found: dict[str, str] = {}
    for name, fault in inner:
        own = name == api_settings.NON_FIELD_ERRORS_KEY
        found |= fault_paths(fault, path if own else f"{path}.{name}" if path else str(name))
    return found


def emptied(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return values in which null, for texts that are never null in a row, has become the empty text."""
    return values | {name: "" for name in names if name in values and values[name] is None}


class InputSerializer(serializers.Serializer[Any]):
    """The fields a request may hold. `partial=True` reads a PUT: what is left out stays.

    `aliases` maps further spellings to fields. `answered` names fields that our own answers carry and no caller
    writes: they are taken and passed over, so that an object can be sent back as it was read.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    answered: ClassVar[frozenset[str]] = frozenset()

    sent_names: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values by field. Raises ValidationError with every fault at once."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("must be an object")
        sent, faults = self._named(data)
        self.sent_names = frozenset(name for name, value in sent.items() if value is not None)
        values: dict[str, Any] = {}
        for name, field in self.fields.items():
            if field.read_only:
                continue
            try:
                value = self._value(field, sent.get(name, serializers.empty))
            except serializers.ValidationError as error:
                faults[name] = error.detail
                continue
            if value is not serializers.empty:
                values[field.source or name] = value
        for path, fault in self.breaches(values).items():
            faults.setdefault(path, fault)
        if faults:
            raise serializers.ValidationError(faults)
        return values

    def _named(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what was sent under the fields' own names, and the faults of its names."""
        sent: dict[str, Any] = {}
        faults: dict[str, Any] = {}
        for name, value in data.items():
            target = self.aliases.get(name, name)
            if target not in self.fields:
                if name not in self.answered:
                    faults[_printable(name)] = "is not a field of this request"
            elif target in sent and sent[target] != value:
                faults[name] = f"differs from {target}, which it is another spelling of"
            else:
                sent[target] = value
        return sent, faults

    def _value(self, field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
        """Return a field's value, or `empty` when there is none: null is "not sent" but where a PUT clears with it."""
        partial = self._is_change()
        if value is None:
            if partial and field.allow_null:
                return None
            value = serializers.empty
        if value is serializers.empty:
            if partial:
                return serializers.empty
            if field.required:
                raise serializers.ValidationError("is required")
            return serializers.empty if field.default is serializers.empty else field.get_default()
        return field.run_validation(value)

    def _is_change(self) -> bool:
        """Tell whether what is left out stays; what stands in a list is always sent whole."""
        node: Any = self
        while node.parent is not None:
            node = node.parent
            if isinstance(node, serializers.ListField):
                return False
        return bool(getattr(node, "partial", False))

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between fields, by path.

        `values` lacks those that are wrong in themselves; `self.sent_names` has them.
        """
        return {}

    @classmethod
    def read(cls, data: Any, *, partial: bool = False, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the values of a request's JSON. Raises Invalid with every fault at once."""
        try:
            values: dict[str, Any] = cls(partial=partial, context=dict(context or {})).run_validation(data)
        except serializers.ValidationError as error:
            raise Invalid(REFUSED, fields=fault_paths(error.detail)) from None
        return values


def _printable(name: str) -> str:
    """Return a name as an error may carry it."""
    return name.encode("unicode_escape", "replace").decode("ascii")[:200] if text_fault(name) else name[:200]


class Parameters(InputSerializer):
    """The query parameters a call takes; each once, each a text that a field reads."""

    @classmethod
    def read_query(cls, query: QueryDict) -> dict[str, Any]:
        """Return the values of a query string. Raises Invalid with every fault at once."""
        faults = {_printable(name): "must not be given twice" for name in query if len(query.getlist(name)) > 1}
        values: dict[str, Any] = {}
        try:
            values = cls().run_validation({name: query.get(name) for name in query})
        except serializers.ValidationError as error:
            faults |= fault_paths(error.detail)
        if faults:
            raise Invalid(REFUSED, fields=faults)
        return values


class AnswerSerializer(serializers.Serializer[Any]):
    """The fields of an answer. One without a value is null where `nullable` names it, as it is where `always` does,
    and else left out; an empty list is a value unless `dropped_when_empty` names it."""

    always: ClassVar[frozenset[str]] = frozenset()
    nullable: ClassVar[frozenset[str]] = frozenset()
    dropped_when_empty: ClassVar[frozenset[str]] = frozenset()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, marked for the OpenAPI document as always there, nullable, or perhaps absent."""
        fields: dict[str, Any] = super().get_fields()
        for name, field in fields.items():
            field.required = name in self.always or name in self.nullable
            field.allow_null = field.allow_null or name in self.nullable
            # Bounds are the input's; what is answered is what is there.
            field.validators = []
            for bound in ("min_value", "max_value", "max_length"):
                if hasattr(field, bound):
                    setattr(field, bound, None)
        return fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the object as it is answered."""
        answer: dict[str, Any] = {}
        for name, field in self.fields.items():
            value = field.get_attribute(instance)
            if value is not None and value != "":
                value = field.to_representation(value)
            if value == [] and name in self.dropped_when_empty:
                continue
            if value is not None and value != "":
                answer[name] = value
            elif name in self.nullable:
                answer[name] = None
            elif name in self.always:
                answer[name] = value
        return answer


def answer_of(serializer: type[AnswerSerializer], instance: Any, **context: Any) -> dict[str, Any]:
    """Return one object as it is answered."""
    return serializer(context=context).to_representation(instance)
