"""The body of a request: bytes within the limit, read as strict JSON whatever its Content-Type."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest

from core.api.errors import TooLarge
from core.errors import Invalid

LONGEST_NUMBER = 400


class _Refused(ValueError):
    """JSON that no value can be made of, with the reason."""


def read_bytes(request: HttpRequest, limit: int | None = None) -> bytes:
    """Return the body. Raises TooLarge above the limit, before it is read when its length is told.

    The limit, in bytes, is that of the settings unless one is given.
    """
    limit = settings.API_BODY_LIMIT_BYTES if limit is None else limit
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    # A chunked body tells no length, and Django then reads none of it.
    if not length and "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        content: bytes = request.META["wsgi.input"].read(limit + 1)
    else:
        content = request.body
    if len(content) > limit:
        raise _too_large(limit)
    return content


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.", code="body_too_large")


def read_json(content: bytes) -> Any:
    """Return the JSON value of a body, numbers with a point as exact decimals; nothing at all is an empty object.

    Raises Invalid, on `body`, for anything that is no JSON: wrong encoding, NaN, Infinity, a name given twice.
    """
    try:
        text = content.decode("utf-8-sig").strip()
        if not text:
            return {}
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_of,
        )
    except UnicodeDecodeError:
        raise _no_json("it is no UTF-8") from None
    except RecursionError:
        raise _no_json("it is nested too deeply") from None
    except _Refused as refused:
        raise _no_json(str(refused)) from None
    except json.JSONDecodeError as error:
        raise _no_json(f"{error.msg} at line {error.lineno}, column {error.colno}") from None


def _no_json(reason: str) -> Invalid:
    return Invalid("The body is no JSON that can be read.", fields={"body": f"cannot be read as JSON: {reason}"})


def _decimal(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise _Refused("a number is too long")
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise _Refused(f"{text} is out of range") from None
    if not number.is_finite():
        raise _Refused(f"{text} is out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise _Refused("a number is too long")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is no JSON")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise _Refused(f"the name {twice!r} stands twice in one object")
    return names


def canonical(value: Any) -> bytes:
    """Return one text for all spellings of a JSON value: names sorted, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
