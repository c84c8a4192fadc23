"""Who taxes a supply, at which rate, and why when nobody does (Billing rules, section 7, "Decision").

The first step that matches wins: `_STEPS` is the order of the rules. Where the rules are silent:

* A business without a checked number is a consumer: its supplier may not rely on the number (Article 18 of Regulation
  282/2011). An exempt or own-rated customer stays so at home and abroad.
* Reverse charge is category AE where the buyer's country is in the EU, else O.
* Goods between EU businesses are K only from a registered seller; an unregistered one (small business) sells to a
  business as to a consumer.
* "Registered there" is: the country is among the seller's registrations, or `collecting`, or, for the EU, the seller
  uses a one-stop-shop.
* A seller's own rate abroad (EU seller below the threshold, `export = seller_rate`) is the one at home, the product's
  own rate first.
* The product's own rate is the operator's word: it holds even where the country does not collect.
* A country nobody set up is known by what ships with us (EU or not, reverse charge, standard rates); it never collects.
* A state is known by its code ("NY", "US-NY") or its name, in any case of letters; another region is no state.
* A buyer at home without a state, or without a country, is taxed at the seller's state.
* A state may collect where its country does not (Quebec without GST): then the state's part stands alone.
* Where tax is due but no rate holds on the day, the line is untaxed with the code `no_rate` and a warning: whoever
  finalises decides whether to hold the invoice. A country taxed by its states alone needs no rate of its own.
* A rate of nought from a rule is Z. Else, what is left untaxed at home is E for a VAT seller or an EU one (a small
  business is exempt), O for others; what is left untaxed abroad is O, goods G.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.tax import Category, TaxPart, TaxTreatment
from invoicing.domain.tax_rules import (
    CountryRules,
    TaxRules,
    country_collects,
    jurisdiction_of,
    state_collects,
)
from invoicing.domain.tax_thresholds import EU_CONSUMERS, NONE_REACHED, Reached

UNITED_KINGDOM = "GB"


class DecisionCode(StrEnum):
    """The stable word of what was decided, stored with the line's proof."""

    EXEMPT = "exempt"
    CUSTOMER_RATE = "customer_rate"
    REVERSE_CHARGE = "reverse_charge"
    INTRA_COMMUNITY = "intra_community"
    EU_DESTINATION = "eu_destination"
    EU_SELLER_RATE = "eu_seller_rate"
    DIGITAL_DESTINATION = "digital_destination"
    DIGITAL_UNREGISTERED = "digital_unregistered"
    DESTINATION = "destination"
    EXPORT_ZERO_RATED = "export_zero_rated"
    EXPORT_SELLER_RATE = "export_seller_rate"
    PRODUCT_RATE = "product_rate"
    DOMESTIC = "domestic"
    NOT_COLLECTING = "not_collecting"
    NO_RATE = "no_rate"


class ExportPolicy(StrEnum):
    """What a supply across a border carries when no country of destination taxes it."""

    ZERO_RATED = "zero_rated"
    SELLER_RATE = "seller_rate"


@dataclass(frozen=True, slots=True)
class Seller:
    """The brand, as its taxes see it. `vat_registered`: it has a VAT number at home, so it may charge VAT."""

    country: str
    state: str = ""
    registrations: frozenset[str] = frozenset()
    one_stop_shop: bool = False
    export: str = ExportPolicy.ZERO_RATED
    tax_number: str = ""
    vat_registered: bool = False


@dataclass(frozen=True, slots=True)
class Buyer:
    """The customer, as taxes see it; `country` is "" when unknown, rates are in percent.

    `tax_number_checked`: the format passes and no online check refused it.
    """

    country: str
    state: str = ""
    is_business: bool = False
    tax_number: str = ""
    tax_number_checked: bool = False
    exempt: bool = False
    standard_tax_rate: Decimal | None = None
    digital_tax_rate: Decimal | None = None

    @property
    def is_checked_business(self) -> bool:
        """Say whether the seller may rely on the buyer being a business."""
        return self.is_business and self.tax_number_checked and self.tax_number != ""


@dataclass(frozen=True, slots=True)
class Supply:
    """What is sold. `export` overrides the seller's policy for this tax type; `product_rate` is in percent."""

    tax_type: str
    physical: bool = False
    digital: bool = True
    product_rate: Decimal | None = None
    export: str | None = None

    @property
    def is_digital_service(self) -> bool:
        """Say whether nothing is shipped and the service is digital."""
        return self.digital and not self.physical


@dataclass(frozen=True, slots=True)
class _Case:
    """One decision's facts, looked up once."""

    seller: Seller
    buyer: Buyer
    supply: Supply
    rules: TaxRules
    at: date
    reached: Reached
    seller_rules: CountryRules | None
    buyer_rules: CountryRules | None

    @property
    def abroad(self) -> bool:
        """Say whether the supply is known to cross a border."""
        return "" not in (self.seller.country, self.buyer.country) and self.seller.country != self.buyer.country

    @property
    def seller_in_eu(self) -> bool:
        """Say whether the seller is in the EU."""
        return self.seller_rules is not None and self.seller_rules.in_eu

    @property
    def buyer_in_eu(self) -> bool:
        """Say whether the buyer is in the EU."""
        return self.buyer_rules is not None and self.buyer_rules.in_eu


def decide_tax(
    *, seller: Seller, buyer: Buyer, supply: Supply, rules: TaxRules, at: date, reached: Reached = NONE_REACHED
) -> TaxTreatment:
    """Decide how one supply is taxed at its tax point `at`, with the thresholds that are reached.

    >>> from invoicing.domain.tax_rules import DatedRate
    >>> germany = CountryRules("DE", collecting=True, in_eu=True, rates=(DatedRate("1", "standard", Decimal(19)),))
    >>> decided = decide_tax(
    ...     seller=Seller("DE"),
    ...     buyer=Buyer("DE"),
    ...     supply=Supply("standard"),
    ...     rules=TaxRules("standard", (germany,)),
    ...     at=date(2026, 1, 1),
    ... )
    >>> print(decided.category, decided.rate, decided.country, decided.code)
    S 19 DE domestic
    """
    case = _Case(
        seller=seller,
        buyer=buyer,
        supply=supply,
        rules=rules,
        at=at,
        reached=reached,
        seller_rules=rules.find_country(seller.country),
        buyer_rules=rules.find_country(buyer.country),
    )
    for step in _STEPS:
        treatment = step(case)
        if treatment is not None:
            return treatment
    return _at_home(case, DecisionCode.DOMESTIC)


def needs_own_invoice(seller: Seller, treatment: TaxTreatment) -> bool:
    """Say whether lines of this category must stand alone on their invoice.

    EN 16931, BR-O-11: an invoice with a category O row has no other row. A seller outside VAT issues no such invoices,
    so all its lines may meet.
    """
    return seller.vat_registered and treatment.category == Category.OUTSIDE_SCOPE


def _exempt_customer(case: _Case) -> TaxTreatment | None:
    """Step 1: leave an exempt customer untaxed."""
    if not case.buyer.exempt:
        return None
    return _untaxed(Category.EXEMPT, DecisionCode.EXEMPT, "The customer is exempt from tax")


def _customer_rate(case: _Case) -> TaxTreatment | None:
    """Step 2: apply the customer's own rate, payable where the customer is (else where the seller is)."""
    rate = case.buyer.standard_tax_rate
    if case.supply.is_digital_service and case.buyer.digital_tax_rate is not None:
        rate = case.buyer.digital_tax_rate
    if rate is None:
        return None
    country = case.buyer.country or case.seller.country
    part = TaxPart(rule_id=None, name="", jurisdiction=country, rate=rate)
    return _taxed((part,), country, DecisionCode.CUSTOMER_RATE, "The customer's own rate")


def _business_abroad(case: _Case) -> TaxTreatment | None:
    """Step 3: shift the tax to a checked business abroad, or deliver goods to it free of tax inside the EU."""
    if not case.abroad or not case.buyer.is_checked_business:
        return None
    warning = "" if case.seller.tax_number else "The document must show the seller's tax number, which is missing"
    if case.supply.physical:
        if not (case.seller_in_eu and case.buyer_in_eu and case.seller.vat_registered):
            return None
        reason = "Intra-Community supply, exempt under Article 138 of Directive 2006/112/EC"
        return _untaxed(Category.INTRA_COMMUNITY, DecisionCode.INTRA_COMMUNITY, reason, warning)
    if case.buyer_rules is None or not case.buyer_rules.b2b_reverse_charge:
        return None
    if case.buyer_in_eu:
        reason = "Reverse charge, Article 196 of Directive 2006/112/EC"
        return _untaxed(Category.REVERSE_CHARGE, DecisionCode.REVERSE_CHARGE, reason, warning)
    reason = f"Reverse charge: the customer accounts for the tax in {case.buyer.country}"
    return _untaxed(Category.OUTSIDE_SCOPE, DecisionCode.REVERSE_CHARGE, reason, warning)


def _eu_consumer(case: _Case) -> TaxTreatment | None:
    """Step 4, EU seller: tax a consumer in another EU country there or at home, by one-stop-shop and threshold."""
    if not (case.abroad and case.seller_in_eu and case.buyer_in_eu) or case.buyer_rules is None:
        return None
    if case.buyer.is_checked_business and not case.supply.physical:
        return None
    if not case.seller.one_stop_shop and EU_CONSUMERS not in case.reached:
        return _at_home(case, DecisionCode.EU_SELLER_RATE)
    treatment = _by_place(case, case.buyer_rules, case.buyer.state, DecisionCode.EU_DESTINATION, due=True)
    if case.seller.one_stop_shop or case.buyer.country in case.seller.registrations:
        return treatment
    warning = f"Sales to EU consumers exceed 10 000 EUR: register in {case.buyer.country} or for the one-stop-shop"
    return replace(treatment, warning="; ".join(filter(None, (warning, treatment.warning))))


def _digital_consumer(case: _Case) -> TaxTreatment | None:
    """Step 4, foreign seller: tax digital services to EU or GB consumers there, from the first cent, if registered."""
    if not case.abroad or not case.supply.is_digital_service or case.buyer.is_checked_business:
        return None
    country = case.buyer.country
    if country != UNITED_KINGDOM and not case.buyer_in_eu:
        return None
    rules = case.buyer_rules
    registered = country in case.seller.registrations or (case.buyer_in_eu and case.seller.one_stop_shop)
    if rules is not None and (registered or country_collects(rules, case.reached)):
        return _by_place(case, rules, case.buyer.state, DecisionCode.DIGITAL_DESTINATION, due=True)
    return _untaxed(
        Category.OUTSIDE_SCOPE,
        DecisionCode.DIGITAL_UNREGISTERED,
        f"The seller is not registered for tax in {country}",
        f"Digital services to consumers in {country} are taxed there from the first sale: register",
    )


def _destination(case: _Case) -> TaxTreatment | None:
    """Step 5: tax across a border where the country of destination, or the state there, collects."""
    at_home = case.buyer.country == case.seller.country
    if at_home or case.buyer_rules is None or not _collects(case, case.buyer_rules, case.buyer.state):
        return None
    return _by_place(case, case.buyer_rules, case.buyer.state, DecisionCode.DESTINATION)


def _export(case: _Case) -> TaxTreatment | None:
    """Step 6: leave a supply across a border untaxed, or tax it as at home where the policy says so."""
    if not case.abroad:
        return None
    if (case.supply.export or case.seller.export) == ExportPolicy.SELLER_RATE:
        return _at_home(case, DecisionCode.EXPORT_SELLER_RATE)
    if case.supply.physical:
        return _untaxed(Category.EXPORT, DecisionCode.EXPORT_ZERO_RATED, f"Export of goods to {case.buyer.country}")
    reason = f"Not taxable in {case.seller.country}: the place of supply is {case.buyer.country}"
    return _untaxed(Category.OUTSIDE_SCOPE, DecisionCode.EXPORT_ZERO_RATED, reason)


_STEPS = (
    _exempt_customer,
    _customer_rate,
    _business_abroad,
    _eu_consumer,
    _digital_consumer,
    _destination,
    _export,
)


def _at_home(case: _Case, code: DecisionCode) -> TaxTreatment:
    """Steps 7 and 8: tax by the product's own rate, else the seller's country rules, else not at all."""
    country = case.seller.country
    if case.supply.product_rate is not None:
        part = TaxPart(rule_id=None, name="", jurisdiction=country, rate=case.supply.product_rate)
        own = DecisionCode.PRODUCT_RATE if code == DecisionCode.DOMESTIC else code
        return _taxed((part,), country, own, "The product's own rate")
    state = case.seller.state
    if case.buyer.country == country and case.buyer.state:
        state = case.buyer.state
    if case.seller_rules is None or not _collects(case, case.seller_rules, state):
        place = _place(case, country, state) or "the seller's country, which is unknown"
        category = _untaxed_category(case, country)
        return _untaxed(category, DecisionCode.NOT_COLLECTING, f"No tax is collected in {place}")
    return _by_place(case, case.seller_rules, state, code)


def _untaxed_category(case: _Case, country: str) -> Category:
    """Choose the category of a line that the rules of a country leave untaxed."""
    if country == case.seller.country or (case.seller_in_eu and case.buyer_in_eu):
        return Category.EXEMPT if case.seller.vat_registered or case.seller_in_eu else Category.OUTSIDE_SCOPE
    return Category.EXPORT if case.supply.physical else Category.OUTSIDE_SCOPE


def _collects(case: _Case, country: CountryRules, state: str) -> bool:
    """Say whether the country, or the state in it, is to be taxed."""
    return country_collects(country, case.reached) or _collects_in_state(case, country, state)


def _collects_in_state(case: _Case, country: CountryRules, state: str) -> bool:
    """Say whether the state is known and is to be taxed."""
    rules = case.rules.find_state(country.country, state)
    return rules is not None and state_collects(country.country, rules, case.reached)


def _place(case: _Case, country: str, region: str) -> str:
    """Name a place as the rules know it: "US-NY" for New York, the country alone where the region is no known state."""
    rules = case.rules.find_state(country, region)
    return country if rules is None else jurisdiction_of(country, rules.state)


def _by_place(case: _Case, rules: CountryRules, state: str, code: DecisionCode, *, due: bool = False) -> TaxTreatment:
    """Add up the rates of a country and its state; `due` when the country's is owed whatever its own flag says."""
    country, place = rules.country, _place(case, rules.country, state)
    parts: list[TaxPart] = []
    lacking = ""
    if due or country_collects(rules, case.reached):
        part = case.rules.find_part(country, case.supply.tax_type, case.at)
        if part is not None:
            parts.append(part)
        elif not rules.states:
            lacking = f"No tax rate of {country} holds on {case.at}"
    if _collects_in_state(case, rules, state):
        part = case.rules.find_part(place, case.supply.tax_type, case.at)
        if part is not None:
            parts.append(part)
        else:
            lacking = f"No tax rate of {place} holds on {case.at}"
    if parts:
        reason = "Tax rules of " + " and ".join(part.jurisdiction for part in parts)
        return _taxed(tuple(parts), country, code, reason, lacking)
    category = _untaxed_category(case, country)
    if lacking:
        return _untaxed(category, DecisionCode.NO_RATE, lacking, lacking)
    return _untaxed(category, DecisionCode.NOT_COLLECTING, f"No tax is collected in {place}")


def _taxed(parts: tuple[TaxPart, ...], country: str, code: str, reason: str, warning: str = "") -> TaxTreatment:
    """Write down a taxed line; a rate of nought is category Z."""
    category = Category.STANDARD if any(part.rate for part in parts) else Category.ZERO_RATED
    return TaxTreatment(category, parts, country, reason, code, warning)


def _untaxed(category: Category, code: DecisionCode, reason: str, warning: str = "") -> TaxTreatment:
    """Write down a line that owes no tax to anyone."""
    return TaxTreatment(category, (), "", reason, code, warning)
