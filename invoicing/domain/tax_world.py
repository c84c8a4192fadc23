"""Everything that decides tax, as it stands when a run begins: rules, thresholds, closed sales, exchange rates.

Billing rules, section 7. A run reads it once; whatever it asks twice is answered from memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from core.domain.exchange import ExchangeRates
from invoicing.domain.tax import TaxTreatment
from invoicing.domain.tax_decision import Buyer, Seller, Supply, decide_tax
from invoicing.domain.tax_rules import TaxRules, jurisdiction_of
from invoicing.domain.tax_thresholds import (
    EU_CONSUMER_THRESHOLD,
    EU_CONSUMERS,
    NONE_REACHED,
    ClosedSales,
    Reached,
    SalesKey,
    Sold,
    Threshold,
    Watch,
    Watched,
)

_MOST_REMEMBERED = 10_000
_NO_RATES = ExchangeRates()
_NO_SALES = ClosedSales()


@dataclass(frozen=True, slots=True)
class InvoiceSum:
    """What an invoice adds to the sums of its place: its net in its own currency, and whether it asks for a payment."""

    currency: str
    net_minor: int
    is_payment: bool


@dataclass(frozen=True, slots=True)
class TaxWorld:
    """The tax rules in force, and what their thresholds are compared with.

    `closed` holds sums for the issue dates a run may use; for others nothing was sold.
    """

    rules: TaxRules
    default_tax_type: str
    closed: ClosedSales = _NO_SALES
    rates: ExchangeRates = _NO_RATES
    _decided: dict[tuple[Seller, Buyer, Supply, date, Reached], TaxTreatment] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _watches: dict[tuple[Seller, str, str, bool, date], Watch] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def decide(
        self, seller: Seller, buyer: Buyer, supply: Supply, at: date, reached: Reached = NONE_REACHED
    ) -> TaxTreatment:
        """Return how one supply is taxed at its tax point; what is alike for many customers is decided once."""
        case = (seller, buyer, supply, at, reached)
        treatment = self._decided.get(case)
        if treatment is None:
            if len(self._decided) >= _MOST_REMEMBERED:
                self._decided.clear()
            treatment = self._decided[case] = decide_tax(
                seller=seller, buyer=buyer, supply=supply, rules=self.rules, at=at, reached=reached
            )
        return treatment

    def watch(self, seller: Seller, buyer: Buyer, issue_date: date) -> Watch:
        """Return the thresholds that may decide how an invoice of this buyer is taxed; places that collect have none.

        The invoice counts towards the buyer's country and state (the seller's when they are unknown) and, for an EU
        seller without a one-stop-shop, towards its consumers in other EU countries.
        """
        case = (seller, buyer.country, buyer.state, buyer.is_checked_business, issue_date)
        watch = self._watches.get(case)
        if watch is None:
            if len(self._watches) >= _MOST_REMEMBERED:
                self._watches.clear()
            watch = self._watches[case] = self._make_watch(seller, buyer, issue_date)
        return watch

    def _make_watch(self, seller: Seller, buyer: Buyer, issue_date: date) -> Watch:
        """Look up the closed sums of every open threshold at hand."""
        country, state = place_of_sale(seller, buyer)
        before: set[str] = set()
        counting: list[Watched] = []
        for place, threshold in self._open_thresholds(country, state):
            watched = Watched(place, threshold, self.closed.find(SalesKey(place, issue_date)))
            counting.append(watched)
            if threshold.is_reached_in(watched.closed):
                before.add(place)
        if country != seller.country:
            for place, threshold in self._open_thresholds(seller.country, seller.state):
                if threshold.is_reached_in(self.closed.find(SalesKey(place, issue_date))):
                    before.add(place)
        if self._counts_as_eu_consumer(seller, buyer):
            sums = self.closed.find(SalesKey(EU_CONSUMERS, issue_date, eu_seller(seller)))
            counting.append(Watched(EU_CONSUMERS, EU_CONSUMER_THRESHOLD, sums))
            if EU_CONSUMER_THRESHOLD.is_reached_in(sums):
                before.add(EU_CONSUMERS)
        return Watch(frozenset(before), tuple(counting))

    def _open_thresholds(self, country: str, state: str) -> Iterator[tuple[str, Threshold]]:
        """Yield the thresholds of a place that does not collect yet: the country's, and the state's own."""
        rules = self.rules.find_country(country)
        if rules is None:
            return
        if not rules.collecting and rules.threshold.is_set:
            yield country, rules.threshold
        of_state = self.rules.find_state(country, state)
        if of_state is not None and not of_state.collecting and of_state.threshold.is_set:
            yield jurisdiction_of(country, of_state.state), of_state.threshold

    def _counts_as_eu_consumer(self, seller: Seller, buyer: Buyer) -> bool:
        """Say whether a sale crosses a border inside the EU to a consumer, and the seller has no one-stop-shop."""
        if seller.one_stop_shop or buyer.country in {"", seller.country} or buyer.is_checked_business:
            return False
        countries = (self.rules.find_country(seller.country), self.rules.find_country(buyer.country))
        return all(rules is not None and rules.in_eu for rules in countries)

    def reached_with(self, watch: Watch, invoices: tuple[InvoiceSum, ...]) -> tuple[Reached, tuple[str, ...]]:
        """Return what is reached by closed days plus these documents of one occasion, and what could not be counted.

        Amounts are converted at the rate of the day, never rounded; where there is no rate they are left out and the
        second result says so.
        """
        sold: dict[str, Sold] = {}
        for currency in {watched.threshold.currency for watched in watch.counting}:
            sold[currency] = sum_in(currency, invoices, self.rates)
        warnings = [
            f"Sales in {', '.join(sorted(missing))} are not counted towards the threshold of {watched.place}: "
            f"no exchange rate to {watched.threshold.currency}"
            for watched in watch.counting
            if watched.threshold.amount_minor is not None
            and (missing := _uncounted(watched, sold[watched.threshold.currency]))
        ]
        return watch.reached_with(sold), tuple(warnings)

    def begins_to_collect(self, watch: Watch, reached: Reached) -> tuple[str, ...]:
        """List the places that begin to collect when an invoice is finalised; the EU's 10 000 EUR are no place's."""
        return tuple(
            watched.place for watched in watch.counting if watched.place in reached and watched.place != EU_CONSUMERS
        )


def place_of_sale(seller: Seller, buyer: Buyer) -> tuple[str, str]:
    """Return the country and region a sale counts for: the buyer's, the seller's where they are unknown.

    >>> place_of_sale(Seller("CA", "QC"), Buyer("US", "NY")), place_of_sale(Seller("CA", "QC"), Buyer(""))
    (('US', 'NY'), ('CA', 'QC'))
    """
    country = buyer.country or seller.country
    return country, buyer.state or (seller.state if country == seller.country else "")


def eu_seller(seller: Seller) -> tuple[str, str]:
    """Return what makes two brands one seller before the EU's 10 000 EUR: the same country and tax number."""
    return seller.country, seller.tax_number


def sum_in(currency: str, invoices: tuple[InvoiceSum, ...], rates: ExchangeRates) -> Sold:
    """Return documents as one sum in a threshold's currency.

    >>> sum_in(
    ...     "EUR",
    ...     (InvoiceSum("EUR", 500, True), InvoiceSum("CHF", 100, True), InvoiceSum("EUR", -20, False)),
    ...     _NO_RATES,
    ... )
    Sold(net_minor=480, payments=2, uncounted=frozenset({'CHF'}))
    """
    net: Fraction | int = 0
    payments, uncounted = 0, set()
    for invoice in invoices:
        payments += invoice.is_payment
        if invoice.currency == currency:
            net += invoice.net_minor
            continue
        converted = rates.convert(invoice.net_minor, invoice.currency, currency)
        if converted is None:
            uncounted.add(invoice.currency)
        else:
            net += converted
    return Sold(net, payments, frozenset(uncounted))


def _uncounted(watched: Watched, invoice: Sold) -> frozenset[str]:
    """Return the currencies in which a place's sales could not be compared with its threshold."""
    return invoice.uncounted.union(*(sold.uncounted for sold in watched.closed))
