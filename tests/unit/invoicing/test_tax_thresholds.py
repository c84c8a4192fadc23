"""From which sales on a place is taxed: windows, sums, the invoice at hand (Billing rules, section 7)."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from core.domain.exchange import ExchangeRates
from invoicing.domain.tax_decision import Buyer, Seller
from invoicing.domain.tax_rules import CountryRules, StateRules, TaxRules
from invoicing.domain.tax_thresholds import (
    EU_CONSUMER_THRESHOLD,
    EU_CONSUMERS,
    ClosedSales,
    SalesKey,
    Sold,
    Threshold,
    ThresholdWindow,
)
from invoicing.domain.tax_world import InvoiceSum, TaxWorld, eu_seller

TODAY = date(2026, 5, 11)


@pytest.mark.parametrize(
    ("window", "day", "first"),
    [
        (ThresholdWindow.CALENDAR, date(2024, 12, 31), date(2024, 1, 1)),
        (ThresholdWindow.CALENDAR, date(2024, 1, 1), date(2024, 1, 1)),
        (ThresholdWindow.CURRENT_OR_LAST_YEAR, date(2024, 6, 30), date(2024, 1, 1)),
        (ThresholdWindow.ROLLING, date(2024, 3, 15), date(2023, 3, 16)),
        (ThresholdWindow.ROLLING, date(2024, 12, 31), date(2024, 1, 1)),
        (ThresholdWindow.ROLLING, date(2024, 2, 28), date(2023, 3, 1)),
        (ThresholdWindow.ROLLING, date(2024, 2, 29), date(2023, 3, 1)),
        (ThresholdWindow.ROLLING, date(2025, 2, 28), date(2024, 3, 1)),
        (ThresholdWindow.ROLLING_QUARTERS, date(2024, 1, 1), date(2023, 4, 1)),
        (ThresholdWindow.ROLLING_QUARTERS, date(2024, 6, 30), date(2023, 7, 1)),
        (ThresholdWindow.ROLLING_QUARTERS, date(2024, 12, 31), date(2024, 1, 1)),
    ],
)
def test_the_first_day_that_counts(window: ThresholdWindow, day: date, first: date) -> None:
    assert window.first_day(day) == first


@pytest.mark.parametrize(
    ("threshold", "net", "transactions", "reached"),
    [
        (Threshold(), 10**12, 10**6, False),
        (Threshold(amount_minor=100_000), 99_999, 10**6, False),
        (Threshold(amount_minor=100_000), 100_000, 1, True),
        (Threshold(transactions=200), 10**12, 199, False),
        (Threshold(transactions=200), 1, 200, True),
        (Threshold(amount_minor=100_000, transactions=200), 99_999, 200, True),
        (Threshold(amount_minor=100_000, transactions=200), 100_000, 199, True),
        (Threshold(amount_minor=100_000, transactions=200), 99_999, 199, False),
    ],
)
def test_thresholds(threshold: Threshold, net: int, transactions: int, reached: bool) -> None:
    assert threshold.is_reached(Sold(net, transactions)) is reached
    assert threshold.is_reached(Sold()) is False


def test_the_eu_threshold_has_to_be_exceeded() -> None:
    """10 000 EUR exactly is not yet too much, a fraction of a cent more is; this year or last."""
    at, above = Sold(1_000_000), Sold(Fraction(2_000_001, 2))
    assert not EU_CONSUMER_THRESHOLD.is_reached_in((at, at))
    assert EU_CONSUMER_THRESHOLD.is_reached_in((above, Sold()))
    assert EU_CONSUMER_THRESHOLD.is_reached_in((Sold(), above))
    assert EU_CONSUMER_THRESHOLD.is_reached_in((at, Sold()), Sold(1))
    assert not EU_CONSUMER_THRESHOLD.is_reached_in((Sold(), at), Sold(1))


GERMAN = Seller("DE", tax_number="DE136695976", vat_registered=True)
SWISS = CountryRules("CH", threshold=Threshold(100_000, 30, ThresholdWindow.CALENDAR, "CHF"))
GERMANY, FRANCE = CountryRules("DE", True, in_eu=True), CountryRules("FR", in_eu=True)
STATES = CountryRules(
    "US", states=(StateRules("NY", threshold=Threshold(500, currency="USD")), StateRules("CA", collecting=True))
)


def world(*countries: CountryRules, rates: ExchangeRates | None = None, **sold: tuple[Sold, ...]) -> TaxWorld:
    """A world in which this was sold at each place ("US_NY" for US-NY) before today."""
    sums = {
        SalesKey(place, TODAY, eu_seller(GERMAN) if place == EU_CONSUMERS else ("", "")): spans
        for place, spans in ((place.replace("_", "-"), spans) for place, spans in sold.items())
    }
    return TaxWorld(TaxRules("standard", countries), "standard", ClosedSales(sums), rates or ExchangeRates())


def reached(known: TaxWorld, buyer: Buyer, *invoices: InvoiceSum, seller: Seller = GERMAN) -> tuple[set[str], int]:
    """What is reached with these documents, and how many warnings there are."""
    found, warnings = known.reached_with(known.watch(seller, buyer, TODAY), invoices)
    return set(found), len(warnings)


class TestCountedSums:
    """Closed days plus the invoice at hand."""

    @pytest.mark.parametrize(("net", "expected"), [(39_999, set()), (40_000, {"CH"}), (40_001, {"CH"})])
    def test_the_amount(self, net: int, expected: set[str]) -> None:
        known = world(SWISS, CH=(Sold(60_000, 1),))
        assert reached(known, Buyer("CH"), InvoiceSum("CHF", net, True)) == (expected, 0)

    @pytest.mark.parametrize(
        ("payments", "is_payment", "expected"), [(28, True, set()), (29, True, {"CH"}), (29, False, set())]
    )
    def test_the_number_of_payments(self, payments: int, is_payment: bool, expected: set[str]) -> None:
        known = world(SWISS, CH=(Sold(10, payments),))
        assert reached(known, Buyer("CH"), InvoiceSum("CHF", 0, is_payment)) == (expected, 0)

    def test_documents_of_one_occasion_count_together(self) -> None:
        known = world(SWISS, CH=(Sold(60_000, 1),))
        parts = (InvoiceSum("CHF", 25_000, True), InvoiceSum("CHF", 15_000, True))
        assert reached(known, Buyer("CH"), *parts) == ({"CH"}, 0)

    def test_what_is_given_back_lowers_the_sum(self) -> None:
        """Above it by 5 before this document, below by 5 with it."""
        known = world(SWISS, CH=(Sold(100_005, 1),))
        assert known.watch(GERMAN, Buyer("CH"), TODAY).before == {"CH"}
        assert reached(known, Buyer("CH"), InvoiceSum("CHF", -10, False)) == (set(), 0)

    def test_another_currency_at_the_rate_of_the_day(self) -> None:
        """0.94 CHF and 1.18 USD for a euro: 50 206 US cents are 39 994.6 Rappen, 50 213 are 40 000.1."""
        rates = ExchangeRates({"CHF": Decimal("0.94"), "USD": Decimal("1.18")})
        known = world(SWISS, rates=rates, CH=(Sold(60_000, 1),))
        assert reached(known, Buyer("CH"), InvoiceSum("USD", 50_206, True)) == (set(), 0)
        assert reached(known, Buyer("CH"), InvoiceSum("USD", 50_213, True)) == ({"CH"}, 0)

    def test_a_currency_without_a_rate_is_pointed_out(self) -> None:
        known = world(SWISS, CH=(Sold(60_000, 1, frozenset({"NOK"})),))
        watch = known.watch(GERMAN, Buyer("CH"), TODAY)
        found, warnings = known.reached_with(watch, (InvoiceSum("USD", 10**9, True),))
        assert found == set()
        assert warnings == ("Sales in NOK, USD are not counted towards the threshold of CH: no exchange rate to CHF",)


class TestPlaces:
    """Which thresholds an invoice counts towards."""

    def test_a_place_that_collects_is_not_watched(self) -> None:
        assert world(CountryRules("CH", True, threshold=Threshold(1))).watch(GERMAN, Buyer("CH"), TODAY).is_idle
        assert world(STATES).watch(GERMAN, Buyer("US", "CA"), TODAY).is_idle
        assert world(STATES).watch(GERMAN, Buyer("BR"), TODAY).is_idle

    @pytest.mark.parametrize(
        ("region", "expected"), [("NY", {"US-NY"}), ("us-ny", {"US-NY"}), ("TX", set()), ("", set())]
    )
    def test_a_state_has_its_own(self, region: str, expected: set[str]) -> None:
        known = world(STATES, US_NY=(Sold(1),))
        assert reached(known, Buyer("US", region), InvoiceSum("USD", 499, True)) == (expected, 0)

    def test_country_and_state_each_by_their_own(self) -> None:
        both = CountryRules("US", threshold=Threshold(None, 3), states=STATES.states)
        known = world(both, US=(Sold(0, 2),), US_NY=(Sold(0, 0),))
        watch = known.watch(GERMAN, Buyer("US", "NY"), TODAY)
        found, _ = known.reached_with(watch, (InvoiceSum("USD", 10, True),))
        assert known.begins_to_collect(watch, found) == ("US",)
        found, _ = known.reached_with(watch, (InvoiceSum("USD", 500, True),))
        assert known.begins_to_collect(watch, found) == ("US", "US-NY")

    def test_the_seller_s_country_by_closed_days_only(self) -> None:
        """A sale abroad does not count at home; one at home, or to nobody knows where, does."""
        known = world(SWISS, FRANCE, CH=(Sold(99_999),))
        swiss = Seller("CH")
        assert reached(known, Buyer("FR"), InvoiceSum("CHF", 5, True), seller=swiss) == (set(), 0)
        for buyer in (Buyer("CH"), Buyer("")):
            assert reached(known, buyer, InvoiceSum("CHF", 5, True), seller=swiss) == ({"CH"}, 0)
        above = world(SWISS, FRANCE, CH=(Sold(100_000),))
        assert above.watch(swiss, Buyer("FR"), TODAY).before == {"CH"}


class TestEuConsumers:
    """10 000 EUR to consumers in other EU countries."""

    EUROPE = (GERMANY, FRANCE, CountryRules("GB"))

    @pytest.mark.parametrize(("net", "expected"), [(1, set()), (2, {"EU"})])
    def test_with_this_invoice(self, net: int, expected: set[str]) -> None:
        known = world(*self.EUROPE, EU=(Sold(999_999), Sold(3)))
        watch = known.watch(GERMAN, Buyer("FR"), TODAY)
        found, _ = known.reached_with(watch, (InvoiceSum("EUR", net, True),))
        assert set(found) == expected
        assert known.begins_to_collect(watch, found) == ()

    def test_last_year(self) -> None:
        known = world(*self.EUROPE, EU=(Sold(0), Sold(1_000_001)))
        assert known.watch(GERMAN, Buyer("FR"), TODAY).before == {"EU"}

    @pytest.mark.parametrize(
        ("seller", "buyer"),
        [
            (Seller("DE", one_stop_shop=True), Buyer("FR")),
            (Seller("GB"), Buyer("FR")),
            (GERMAN, Buyer("GB")),
            (GERMAN, Buyer("DE")),
            (GERMAN, Buyer("")),
            (GERMAN, Buyer("FR", is_business=True, tax_number="FR1", tax_number_checked=True)),
        ],
    )
    def test_only_consumers_abroad_in_the_eu_of_a_seller_without_a_one_stop_shop(
        self, seller: Seller, buyer: Buyer
    ) -> None:
        assert world(*self.EUROPE).watch(seller, buyer, TODAY).is_idle

    def test_a_business_without_a_checked_number_is_a_consumer(self) -> None:
        unchecked = Buyer("FR", is_business=True, tax_number="FR1")
        assert not world(*self.EUROPE).watch(GERMAN, unchecked, TODAY).is_idle
