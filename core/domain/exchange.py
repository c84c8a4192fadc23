"""Exchange rates of one day: how much of a currency one euro buys, as the European Central Bank quotes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from core.domain.money import minor_digits

EURO = "EUR"


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """The rates known on a day: units of each currency for one euro. Raises ValueError for a rate that is not above 0.

    >>> rates = ExchangeRates({"USD": Decimal("1.25"), "JPY": Decimal(160)})
    >>> rates.convert(1000, "EUR", "USD"), rates.convert(1000, "USD", "JPY"), rates.convert(1000, "EUR", "EUR")
    (Fraction(1250, 1), Fraction(1280, 1), Fraction(1000, 1))
    >>> print(rates.convert(1000, "EUR", "CHF"))
    None
    """

    per_euro: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse an impossible rate."""
        for currency, rate in self.per_euro.items():
            if not rate.is_finite() or rate <= 0:
                raise ValueError(f"the exchange rate of {currency} is {rate}, not above 0")

    def convert(self, amount_minor: int, source: str, target: str) -> Fraction | None:
        """Return an amount in the target's minor unit, not rounded; None where a rate is missing."""
        if source == target:
            return Fraction(amount_minor)
        rates = [Decimal(1) if code == EURO else self.per_euro.get(code) for code in (source, target)]
        if rates[0] is None or rates[1] is None:
            return None
        scale = Fraction(10) ** (minor_digits(target) - minor_digits(source))
        return amount_minor * Fraction(rates[1]) / Fraction(rates[0]) * scale
