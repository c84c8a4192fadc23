"""JSON as files hold it: numbers exact, nothing that JSON does not know, no name twice."""

import json
from decimal import Decimal
from typing import Any


class Unreadable(ValueError):
    """A text that is no JSON of ours, with the reason."""


def parse_json(text: str) -> Any:
    """Return a JSON text's value, numbers exact. Raises Unreadable for what JSON does not know, such as NaN."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"is no JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise Unreadable("is nested too deep") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members. Raises Unreadable when a name stands twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise Unreadable(f"names {next(name for name in names if names.count(name) > 1)!r} twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise Unreadable(f"is no JSON: {name} is no number")


DECODER = json.JSONDecoder(
    object_pairs_hook=_without_repetition, parse_float=Decimal, parse_constant=_refuse_constant, strict=True
)
