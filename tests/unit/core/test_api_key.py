"""API keys as text, and what their scopes contain."""

import pytest

from core.domain.access import Scope, contains
from core.domain.api_key import ALPHABET, checksum, compose_key, hash_key, key_mode, shown_prefix

RANDOM = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def test_a_key_says_its_mode() -> None:
    for mode in ("test", "live"):
        key = compose_key(mode, RANDOM)
        assert key == f"rk_{mode}_{RANDOM}{checksum(f'rk_{mode}_{RANDOM}')}"
        assert key_mode(key) == mode
        assert shown_prefix(key) == f"rk_{mode}_0123"


@pytest.mark.parametrize(("mode", "random_part"), [("prod", RANDOM), ("test", RANDOM[1:]), ("test", RANDOM[1:] + "-")])
def test_nothing_else_is_composed(mode: str, random_part: str) -> None:
    with pytest.raises(ValueError, match="mode test or live"):
        compose_key(mode, random_part)


def test_one_wrong_character_is_noticed() -> None:
    key = compose_key("test", RANDOM)
    for position in range(len("rk_test_"), len(key)):
        for character in ALPHABET:
            if character != key[position]:
                assert key_mode(key[:position] + character + key[position + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "rk_test_", "x" * 46, "rk_test_" + "a" * 38, " " + "rk_test_" + RANDOM + "000000"]
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert key_mode(text) is None


def test_hashes_depend_on_key_and_pepper() -> None:
    key = compose_key("test", RANDOM)
    assert len(hash_key(key, "a")) == 64
    assert len({hash_key(key, "a"), hash_key(key, "b"), hash_key(key + "x", "a")}) == 3


def test_every_scope_contains_itself_and_admin_all() -> None:
    for scope in Scope:
        assert contains(scope, scope)
        assert contains(Scope.ADMIN, scope)
        assert contains(scope, Scope.ADMIN) == (scope is Scope.ADMIN)


def test_an_unknown_scope_is_an_error() -> None:
    with pytest.raises(ValueError, match="root"):
        contains("root", "read")
