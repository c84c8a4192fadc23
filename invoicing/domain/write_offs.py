"""What is given up when an invoice is uncollectible, and what comes back when it is paid after all.

Decision 0018: the tax in an unpaid amount is not owed to the state while nobody pays it; it is owed again as far as
somebody does. All amounts are minor units of one currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.domain.rounding import divide_half_away

WRITE_OFF = "write_off"
"""The entry that gives up what is due on an invoice."""

WRITE_OFF_CREDITED = "write_off_credited"
"""The entry that takes back what was given up, because a credit note says that it was not owed."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An unpaid amount, and the tax in it by the country it is payable to.

    Raises ValueError unless the amount is above 0 and the tax within it.
    """

    amount_minor: int
    tax_minor: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taxes = self.tax_minor.values()
        if self.amount_minor <= 0 or any(tax < 0 for tax in taxes) or sum(taxes) > self.amount_minor:
            raise ValueError(f"{self.amount_minor} with {dict(self.tax_minor)} tax cannot be given up")

    @property
    def bad_debt_minor(self) -> int:
        """Return what is lost: the part without tax."""
        return self.amount_minor - sum(self.tax_minor.values())


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a payment, or a credit note, brings back of an amount given up, and the tax in it that is owed again."""

    amount_minor: int
    tax_minor: Mapping[str, int]

    @property
    def bad_debt_minor(self) -> int:
        """Return what was not lost after all."""
        return self.amount_minor - sum(self.tax_minor.values())


def recover(given_up: GivenUp, *, before_minor: int, amount_minor: int) -> Recovered:
    """Return what a payment brings back after `before_minor` came back earlier.

    The tax is the share of all that came back, less what was owed again before: payments that bring back everything owe
    exactly the tax given up. Raises ValueError beyond the amount given up.

    1190 given up with 190 of tax, paid by 400 and 790: 63.87 and 126.13 of tax.

    >>> debt = GivenUp(1190, {"DE": 190})
    >>> [recover(debt, before_minor=0, amount_minor=400), recover(debt, before_minor=400, amount_minor=790)]
    [Recovered(amount_minor=400, tax_minor={'DE': 64}), Recovered(amount_minor=790, tax_minor={'DE': 126})]
    """
    after_minor = before_minor + amount_minor
    if before_minor < 0 or amount_minor <= 0 or after_minor > given_up.amount_minor:
        raise ValueError(f"{amount_minor} after {before_minor} does not come back of {given_up.amount_minor}")
    whole = given_up.amount_minor
    return Recovered(
        amount_minor,
        {
            country: divide_half_away(tax * after_minor, whole) - divide_half_away(tax * before_minor, whole)
            for country, tax in given_up.tax_minor.items()
        },
    )
