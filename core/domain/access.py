"""Scopes of API keys: what each may do, and which of them contain which."""

from enum import StrEnum


class Scope(StrEnum):
    """What a key may do: `admin` > `write` > `read`; `usage:write` records usage and nothing else."""

    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    USAGE_WRITE = "usage:write"


_CONTAINED: dict[Scope, frozenset[Scope]] = {
    Scope.ADMIN: frozenset(Scope),
    Scope.WRITE: frozenset({Scope.WRITE, Scope.READ, Scope.USAGE_WRITE}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.USAGE_WRITE: frozenset({Scope.USAGE_WRITE}),
}


def contains(held: str, needed: str) -> bool:
    """Tell whether a key of one scope may do what another asks for.

    >>> contains("write", "usage:write"), contains("usage:write", "read")
    (True, False)
    """
    return Scope(needed) in _CONTAINED[Scope(held)]
