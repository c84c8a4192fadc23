"""What can go wrong in the business, in one family: a kind, a stable code, a message and the fields at fault.

One handler maps kinds to HTTP. A room defines its own subclasses, with their codes, beside what raises them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class BillingError(Exception):
    """A request that could not be done, with the reason in words a caller may read.

    `kind` picks the HTTP status, `code` is stable and meant for programs, `fields` maps an input field to its fault.
    """

    kind: ClassVar[str] = "invalid"
    code: str = "invalid"

    def __init__(self, message: str, *, code: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        """Keep the message, a code other than the class's own, and the fields at fault."""
        super().__init__(message)
        self.message = message
        self.fields: dict[str, str] = dict(fields or {})
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state, not by constructor arguments, so that a subclass may have a constructor of its own."""
        return (_restore, (type(self), self.args, self.__dict__))


def _restore(error_class: type[BillingError], arguments: tuple[object, ...], state: dict[str, object]) -> BillingError:
    """Rebuild a pickled error."""
    error = error_class.__new__(error_class, *arguments)
    error.__dict__.update(state)
    return error


class Invalid(BillingError):
    """The input is wrong; `fields` says where."""

    kind = "invalid"
    code = "invalid"


class NotFound(BillingError):
    """The thing asked for does not exist, or not for this caller."""

    kind = "not_found"
    code = "not_found"


class Conflict(BillingError):
    """The state of the thing does not allow it."""

    kind = "conflict"
    code = "conflict"


class NotAcceptable(BillingError):
    """It cannot be done with what is there: no usable card, nothing left to give back."""

    kind = "not_acceptable"
    code = "not_acceptable"


class Declined(BillingError):
    """The payment was refused."""

    kind = "declined"
    code = "declined"


class Forbidden(BillingError):
    """The caller may not do it."""

    kind = "forbidden"
    code = "forbidden"


class Unavailable(BillingError):
    """Something outside does not answer; trying again later may help."""

    kind = "unavailable"
    code = "unavailable"
