"""Columns: what a file may hold, and how the text of a spreadsheet's cell becomes the value the API would be sent.

The columns of most files are the fields of the API's own requests, so that both take and refuse the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from rest_framework import serializers

from billing.loading.json_text import parse_json
from core.api.fields import FlagField, MetadataField, WholeNumberField
from core.api.serializers import REFUSED, InputSerializer, fault_paths
from core.errors import Invalid
from usage.api.bodies import PropertiesField

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BETWEEN_MEMBERS = "|"


class Kind(StrEnum):
    """How a cell is read."""

    TEXT = "text"
    WHOLE = "whole number"
    FLAG = "true or false"
    LIST = "list"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `inside` names the object of the request that holds it, as `address` holds `city`."""

    kind: Kind = Kind.TEXT
    required: bool = False
    inside: str = ""


def read_cell(text: str, column: Column) -> Any:
    """Return the value of a cell that is not empty. Raises Unreadable for broken JSON.

    A text that is none of the column's kind is returned as it is: the request says what it should have been.

    >>> read_cell("12", Column(Kind.WHOLE)), read_cell("yes", Column(Kind.FLAG)), read_cell("a|b", Column(Kind.LIST))
    (12, True, ['a', 'b'])
    """
    if column.kind is Kind.WHOLE:
        return int(text) if _WHOLE.fullmatch(text) else text
    if column.kind is Kind.FLAG:
        return _FLAGS.get(text.lower(), text)
    if column.kind is Kind.JSON or (column.kind is Kind.LIST and text.startswith("[")):
        return parse_json(text)
    if column.kind is Kind.LIST:
        return [member.strip() for member in text.split(_BETWEEN_MEMBERS)]
    return text


def columns_of(request: type[InputSerializer], *, without: frozenset[str] = frozenset()) -> dict[str, Column]:
    """Return the columns that hold a request's fields; an object's fields become columns of their own."""
    columns: dict[str, Column] = {}
    for name, field in request().fields.items():
        if name in without or field.read_only:
            continue
        if isinstance(field, InputSerializer):
            columns |= {
                inner_name: Column(_kind_of(inner), inner.required and field.required, name)
                for inner_name, inner in field.fields.items()
            }
        else:
            columns[name] = Column(_kind_of(field), field.required)
    return columns


def _kind_of(field: Any) -> Kind:
    """Return how the cells of a field's column are read."""
    if isinstance(field, FlagField):
        return Kind.FLAG
    if isinstance(field, WholeNumberField):
        return Kind.WHOLE
    if isinstance(field, MetadataField | PropertiesField):
        return Kind.JSON
    if isinstance(field, serializers.BaseSerializer | serializers.ListField):
        return Kind.LIST
    return Kind.TEXT


def read_request(
    request: type[InputSerializer], values: Mapping[str, Any], columns: Mapping[str, Column]
) -> dict[str, Any]:
    """Return a row's values as the request reads them. Raises Invalid with every fault at once, by column."""
    sent: dict[str, Any] = {}
    for name, value in values.items():
        inside = columns[name].inside if name in columns else ""
        if inside:
            sent.setdefault(inside, {})[name] = value
        else:
            sent[name] = value
    try:
        values_read: dict[str, Any] = _reader(request).run_validation(sent)
    except serializers.ValidationError as error:
        folders = {f"{column.inside}." for column in columns.values() if column.inside}
        faults = {_without(folders, path): fault for path, fault in fault_paths(error.detail).items()}
        raise Invalid(REFUSED, fields=faults) from None
    return values_read


@cache
def _reader(request: type[InputSerializer]) -> InputSerializer:
    """Return the one instance that reads the rows of a kind: making its fields costs more than reading with them."""
    return request()


def _without(folders: set[str], path: str) -> str:
    """Return the path of a field without the object it was put into."""
    folder = next((folder for folder in folders if path.startswith(folder)), "")
    return path.removeprefix(folder)
