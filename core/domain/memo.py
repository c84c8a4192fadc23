"""What was computed from immutable values, found again by their identity."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Memo(Generic[Found]):
    """Remembers what a pure function made of a value, until too many others have come since.

    A value is known by its identity, because to compare it would cost more than most of what is asked of it: it must
    never change. It is held on to, so that its identity is not given to another.
    """

    __slots__ = ("_found", "_size")

    def __init__(self, size: int) -> None:
        """Remember at most so many answers; with one more, all are forgotten."""
        self._size = size
        self._found: dict[tuple[int, Hashable], tuple[object, Found]] = {}

    def find(self, value: object, question: Hashable = None) -> Found | None:
        """Return what was made of a value for a question, None when it is not remembered."""
        known = self._found.get((id(value), question))
        return None if known is None else known[1]

    def keep(self, value: object, answer: Found, question: Hashable = None) -> Found:
        """Remember what was made of a value for a question, and return it."""
        if len(self._found) >= self._size:
            self._found.clear()
        self._found[id(value), question] = value, answer
        return answer
