"""API keys as text: how they look, how a mistyped one is told at once, and the hash that is kept of them.

A key is `rk_test_` or `rk_live_`, 32 random characters and a checksum of 6, all of them letters or digits.
"""

import hashlib
import hmac
import re
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = 12
_KEY = re.compile(r"rk_(test|live)_([0-9A-Za-z]{32})([0-9A-Za-z]{6})", re.ASCII)


def checksum(text: str) -> str:
    """Return the checksum of a key's text: CRC-32 in base 62, six characters.

    >>> checksum("rk_test_" + "0" * 32)
    '2lizUo'
    """
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def compose_key(mode: str, random_part: str) -> str:
    """Return the key of a mode (test, live) with the given 32 random letters or digits. Raises ValueError otherwise."""
    text = f"rk_{mode}_{random_part}"
    key = text + checksum(text)
    if not _KEY.fullmatch(key):
        raise ValueError("a key needs the mode test or live and 32 letters or digits")
    return key


def key_mode(key: str) -> str | None:
    """Return the mode of a well-formed key, None for anything else: such a text is in no table.

    >>> key_mode(compose_key("live", "a" * 32)), key_mode("rk_live_" + "a" * 38)
    ('live', None)
    """
    match = _KEY.fullmatch(key)
    if match is None or checksum(key[:-CHECKSUM_LENGTH]) != match[3]:
        return None
    return match[1]


def shown_prefix(key: str) -> str:
    """Return the first characters, by which a person recognises a key that is no longer readable."""
    return key[:SHOWN_LENGTH]


def hash_key(key: str, pepper: str) -> str:
    """Return the keyed hash that is stored: HMAC-SHA256 under the pepper, in hexadecimal."""
    return hmac.new(pepper.encode(), key.encode(), hashlib.sha256).hexdigest()
