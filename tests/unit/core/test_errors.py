"""One family of errors, with stable codes, that survives a trip between processes."""

import pickle

import pytest

from core.errors import BillingError, Conflict, Declined, Forbidden, Invalid, NotFound, Unavailable


class SeatsTaken(Conflict):
    """A room's own error, with a constructor of its own."""

    code = "seats_taken"

    def __init__(self, seats: int, users: int) -> None:
        super().__init__(f"{users} users sit on {seats} seats", fields={"seats": "too few"})
        self.seats = seats


@pytest.mark.parametrize(
    ("error_class", "kind"),
    [
        (Invalid, "invalid"),
        (NotFound, "not_found"),
        (Conflict, "conflict"),
        (Declined, "declined"),
        (Forbidden, "forbidden"),
        (Unavailable, "unavailable"),
    ],
)
def test_a_kind_has_its_default_code(error_class: type[BillingError], kind: str) -> None:
    error = error_class("no")
    assert (error.kind, error.code, error.message, error.fields, str(error)) == (kind, kind, "no", {}, "no")


def test_a_code_can_be_given_or_defined() -> None:
    assert Invalid("no", code="invalid_price").code == "invalid_price"
    assert SeatsTaken(1, 2).code == "seats_taken"
    assert SeatsTaken(1, 2).kind == "conflict"
    assert Invalid.code == "invalid"


def test_fields_are_kept_apart_from_the_callers_mapping() -> None:
    fields = {"plan": "unknown"}
    error = Invalid("no", fields=fields)
    fields["price"] = "unknown"
    assert error.fields == {"plan": "unknown"}


@pytest.mark.parametrize(
    "error", [Invalid("no", code="invalid_price", fields={"price": "unknown"}), SeatsTaken(1, 2)], ids=["plain", "own"]
)
def test_an_error_survives_pickling(error: BillingError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
