"""Which tax rates and thresholds hold where, and since when (Billing rules, section 7).

Everything here is a value: the rules of all countries as they are stored, indexed for look-up. Days are half-open:
a rate holds from `valid_from` up to, not including, `valid_until`.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from invoicing.domain.tax import TaxPart
from invoicing.domain.tax_thresholds import NO_THRESHOLD, Reached, Threshold


class RuleOverlap(ValueError):
    """A rate would hold on the same days, for the same place and tax type, as another."""


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A rate in percent for one tax type at one place; None as first or last day means open.

    Raises ValueError when it would hold on no day, or the rate is not finite and 0 or more; TypeError unless the rate
    is a Decimal.
    """

    rule_id: str | None
    tax_type: str
    rate: Decimal
    valid_from: date | None = None
    valid_until: date | None = None
    name: str = ""

    def __post_init__(self) -> None:
        # Called through the class, so that a float is refused too.
        if not Decimal.is_finite(self.rate) or self.rate < 0:
            raise ValueError(f"a tax rate is a finite Decimal of 0 or more, not {self.rate!r}")
        if self.valid_from is not None and self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError(f"a rate from {self.valid_from} cannot end on {self.valid_until}")

    def holds_on(self, day: date) -> bool:
        """Say whether the rate is in force on this day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day < self.valid_until
        )

    def overlaps(self, other: "DatedRate") -> bool:
        """Say whether both rates hold on a common day."""
        starts_in_time = self.valid_from is None or other.valid_until is None or self.valid_from < other.valid_until
        other_in_time = other.valid_from is None or self.valid_until is None or other.valid_from < self.valid_until
        return starts_in_time and other_in_time


def add_rule(existing: tuple[DatedRate, ...], new: DatedRate) -> tuple[DatedRate, ...]:
    """Put a rate among those of its place, closing the open one of its tax type at the new one's start.

    Only an open rate that began earlier is closed; rates of other tax types are left alone. The result keeps the order
    and ends with the new rate. Raises RuleOverlap when the new rate still meets another of its type.

    >>> old = DatedRate("1", "standard", Decimal(19))
    >>> closed, new = add_rule((old,), DatedRate("2", "standard", Decimal(16), date(2020, 7, 1)))
    >>> closed.valid_until, new.valid_until
    (datetime.date(2020, 7, 1), None)
    """
    kept: list[DatedRate] = []
    for rate in existing:
        if rate.tax_type != new.tax_type or not rate.overlaps(new):
            kept.append(rate)
        elif _began_earlier(rate, new) and rate.valid_until is None:
            kept.append(replace(rate, valid_until=new.valid_from))
        else:
            raise RuleOverlap(
                f"{new.rate} % from {new.valid_from or 'ever'} meets {rate.rate} % from {rate.valid_from or 'ever'}"
            )
    return (*kept, new)


def _began_earlier(rate: DatedRate, new: DatedRate) -> bool:
    """Say whether a rate was in force before the new one begins."""
    return new.valid_from is not None and (rate.valid_from is None or rate.valid_from < new.valid_from)


@dataclass(frozen=True, slots=True)
class StateRules:
    """A state, province or region: its rates join the country's once it collects or its threshold is reached."""

    state: str
    collecting: bool = False
    threshold: Threshold = NO_THRESHOLD
    rates: tuple[DatedRate, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class CountryRules:
    """A country's rates, thresholds and the two facts that steer the decision."""

    country: str
    collecting: bool = False
    in_eu: bool = False
    b2b_reverse_charge: bool = False
    threshold: Threshold = NO_THRESHOLD
    rates: tuple[DatedRate, ...] = ()
    states: tuple[StateRules, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxRules:
    """The rules of every country, indexed once per run.

    Raises ValueError when a country, or a state of a country, appears twice.
    """

    default_tax_type: str
    countries: tuple[CountryRules, ...]
    _countries: dict[str, CountryRules] = field(init=False, repr=False, compare=False)
    _states: dict[tuple[str, str], StateRules] = field(init=False, repr=False, compare=False)
    _rates: dict[tuple[str, str], tuple[tuple[DatedRate, TaxPart], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        countries = {rules.country: rules for rules in self.countries}
        codes = {(rules.country, state.state) for rules in self.countries for state in rules.states}
        if len(countries) != len(self.countries) or len(codes) != sum(len(c.states) for c in self.countries):
            raise ValueError("a country or state appears twice in the tax rules")
        states: dict[tuple[str, str], StateRules] = {}
        rates: dict[tuple[str, str], tuple[tuple[DatedRate, TaxPart], ...]] = {}
        for rules in self.countries:
            _index_rates(rates, rules.country, rules.rates)
            # Names first, so that no name hides another state's code.
            for state in rules.states:
                states[rules.country, state_word(state.name)] = state
            for state in rules.states:
                states[rules.country, state_word(state.state)] = state
                _index_rates(rates, jurisdiction_of(rules.country, state.state), state.rates)
        object.__setattr__(self, "_countries", countries)
        object.__setattr__(self, "_states", states)
        object.__setattr__(self, "_rates", rates)

    def find_country(self, country: str) -> CountryRules | None:
        """Look up a country's rules."""
        return self._countries.get(country)

    def find_state(self, country: str, region: str) -> StateRules | None:
        """Look up a state's rules by what an address says of it: its code, with the country's before it, or its name.

        >>> rules = TaxRules("standard", (CountryRules("US", states=(StateRules("NY", name="New York"),)),))
        >>> [found.state for text in ("NY", "ny ", "US-NY", "new york") if (found := rules.find_state("US", text))]
        ['NY', 'NY', 'NY', 'NY']
        """
        word = state_word(region)
        if not word:
            return None
        return self._states.get((country, word)) or self._states.get((country, word.removeprefix(f"{country}-")))

    def find_part(self, jurisdiction: str, tax_type: str, at: date) -> TaxPart | None:
        """Look up the rate in force at a place on a day: the tax type's own, else the default type's."""
        for wanted in (tax_type, self.default_tax_type):
            for rate, part in self._rates.get((jurisdiction, wanted), ()):
                if rate.holds_on(at):
                    return part
        return None


def state_word(text: str) -> str:
    """Return a state's code or name as it is compared.

    >>> state_word("  new  york ")
    'NEW YORK'
    """
    return " ".join(text.upper().split())


def jurisdiction_of(country: str, state: str = "") -> str:
    """Name a place: "CA", or "CA-QC" with a state."""
    return f"{country}-{state}" if state else country


def country_collects(rules: CountryRules, reached: Reached) -> bool:
    """Say whether tax is due in the country: it collects, or its threshold is reached."""
    return rules.collecting or rules.country in reached


def state_collects(country: str, rules: StateRules, reached: Reached) -> bool:
    """Say whether the state's rate applies: it collects, or its own threshold is reached."""
    return rules.collecting or jurisdiction_of(country, rules.state) in reached


def _index_rates(
    index: dict[tuple[str, str], tuple[tuple[DatedRate, TaxPart], ...]],
    jurisdiction: str,
    rates: tuple[DatedRate, ...],
) -> None:
    """File a place's rates by tax type, each with the part it puts on a line."""
    for rate in rates:
        key = (jurisdiction, rate.tax_type)
        part = TaxPart(rule_id=rate.rule_id, name=rate.name, jurisdiction=jurisdiction, rate=rate.rate)
        index[key] = (*index.get(key, ()), (rate, part))
