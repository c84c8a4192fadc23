"""Secrets taken out of what is logged."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
# Names whose value is a secret whatever it looks like, compared in lower case with "-" read as "_".
SECRET_NAMES = frozenset(
    {
        "api_key", "authorization", "card_number", "cookie", "cvc", "cvv", "pan", "passwd", "password",
        "proxy_authorization", "secret", "secret_key", "set_cookie", "token", "x_api_key", "x_csrftoken",
    }
)  # fmt: skip
DEEPEST_LEVEL = 6

# Beside keys: Stripe's client secrets, with which a browser finishes a charge or a card.
_KEYS = re.compile(
    r"\b(?:(?:[rsp]k_(?:live_|test_)?|whsec_)[A-Za-z0-9_]{6,}|(?:pi|seti)_[A-Za-z0-9]+_secret_[A-Za-z0-9]+)"
)
_HEADERS = re.compile(
    r"(?i)\b(authorization|x-api-key)(['\"]?\s*[:=]\s*['\"]?)(?:(?:bearer|basic|token)\s+)?[^\s,;'\"}]+"
)
_BEARERS = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_PASSWORDS = re.compile(
    r"(?i)\b(password|passwd|secret|secret_key|token|api_key)(['\"]?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s,;&}]+)"
)
_ADDRESSES = re.compile(r"(?i)\b([a-z][a-z0-9+]*://[^\s:/@]*):[^\s/@]+@")
# 13 to 19 digits, perhaps in groups; a first digit of 2 to 6 leaves out today's timestamps.
_CARDS = re.compile(r"(?<![\dA-Za-z])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\dA-Za-z])")
_EVEN_DOUBLED = str.maketrans("0123456789", "0246813579")


def redact_text(text: str) -> str:
    """Replace API keys, card numbers, passwords and authorisation headers in a text.

    >>> redact_text("charged 4242 4242 4242 4242 with rk_live_abcdef123456")
    'charged [redacted] with [redacted]'
    >>> redact_text("order 4242 4242 4242 4241")
    'order 4242 4242 4242 4241'
    """
    text = _KEYS.sub(REDACTED, text)
    text = _HEADERS.sub(rf"\1\2{REDACTED}", text)
    text = _BEARERS.sub(rf"\1 {REDACTED}", text)
    text = _PASSWORDS.sub(rf"\1\2{REDACTED}", text)
    text = _ADDRESSES.sub(rf"\1:{REDACTED}@", text)
    return _CARDS.sub(lambda found: REDACTED if _has_check_digit(found[0]) else found[0], text)


def redact(value: Any, level: int = 0) -> Any:
    """Return the value with every secret replaced, inside mappings and sequences too, down to six levels."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if level < DEEPEST_LEVEL and isinstance(value, Mapping):
        return {key: REDACTED if is_secret_name(key) else redact(item, level + 1) for key, item in value.items()}
    if level < DEEPEST_LEVEL and isinstance(value, list | tuple | set | frozenset):
        return [redact(item, level + 1) for item in value]
    return redact_text(str(value))


def is_secret_name(name: object) -> bool:
    """Tell whether a value under this name is a secret whatever it looks like."""
    return isinstance(name, str) and name.lower().replace("-", "_").removeprefix("http_") in SECRET_NAMES


def _has_check_digit(number: str) -> bool:
    # ISO/IEC 7812-1, annex B: Luhn's formula.
    digits = re.sub(r"\D", "", number)[::-1]
    doubled = digits[1::2].translate(_EVEN_DOUBLED)
    return (sum(map(int, digits[::2])) + sum(map(int, doubled))) % 10 == 0
