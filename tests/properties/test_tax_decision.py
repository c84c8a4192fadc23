"""What holds of the tax decision and its thresholds whoever sells what to whom."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.domain.exchange import ExchangeRates
from invoicing.domain.tax import Category, TaxableLine, tax_lines
from invoicing.domain.tax_decision import Buyer, DecisionCode, Seller, Supply, needs_own_invoice
from invoicing.domain.tax_rules import CountryRules, DatedRate, StateRules, TaxRules
from invoicing.domain.tax_thresholds import (
    EU_CONSUMERS,
    ClosedSales,
    SalesKey,
    Sold,
    Threshold,
    ThresholdWindow,
)
from invoicing.domain.tax_world import InvoiceSum, TaxWorld, eu_seller

DAY = date(2026, 5, 11)
PLACES = ("", "DE", "FR", "GB", "CH", "US", "BR")
REGIONS = ("", "NY", "ny", "California", "Bayern")
CURRENCIES = ("EUR", "USD", "JPY", "KWD")
AMOUNTS = st.integers(-(10**9), 10**9)
WINDOWS = st.sampled_from(list(ThresholdWindow))

sellers = st.builds(
    Seller,
    country=st.sampled_from(PLACES),
    state=st.sampled_from(REGIONS),
    registrations=st.frozensets(st.sampled_from(PLACES[1:]), max_size=2),
    one_stop_shop=st.booleans(),
    export=st.sampled_from(["zero_rated", "seller_rate"]),
    tax_number=st.sampled_from(["", "DE136695976"]),
    vat_registered=st.booleans(),
)
buyers = st.builds(
    Buyer,
    country=st.sampled_from(PLACES),
    state=st.sampled_from(REGIONS),
    is_business=st.booleans(),
    tax_number=st.sampled_from(["", "FR40303265045"]),
    tax_number_checked=st.booleans(),
    exempt=st.sampled_from([False, False, False, True]),
    standard_tax_rate=st.sampled_from([None, None, None, Decimal(0), Decimal("12.5")]),
    digital_tax_rate=st.sampled_from([None, None, None, Decimal(3)]),
)
supplies = st.builds(
    Supply,
    tax_type=st.sampled_from(["standard", "books"]),
    physical=st.booleans(),
    digital=st.booleans(),
    product_rate=st.sampled_from([None, None, Decimal(0), Decimal(7)]),
    export=st.sampled_from([None, None, "zero_rated", "seller_rate"]),
)
thresholds = st.builds(
    Threshold,
    amount_minor=st.one_of(st.none(), st.integers(0, 10**6)),
    transactions=st.one_of(st.none(), st.integers(0, 300)),
    window=WINDOWS,
    currency=st.sampled_from(CURRENCIES),
)
dated = st.builds(
    lambda rate, start: (DatedRate("1", "standard", rate, start),),
    st.sampled_from([Decimal(0), Decimal("8.1"), Decimal(19)]),
    st.sampled_from([None, date(2020, 1, 1), date(2027, 1, 1)]),
)


@st.composite
def worlds(draw: st.DrawFn) -> TaxWorld:
    """Draw rules of some countries, and what was sold there."""
    states = tuple(
        StateRules(code, draw(st.booleans()), draw(thresholds), draw(dated), name)
        for code, name in (("NY", "New York"), ("CA", "California"))
    )
    countries = tuple(
        CountryRules(
            country=code,
            collecting=draw(st.booleans()),
            in_eu=code in {"DE", "FR"},
            b2b_reverse_charge=code in {"DE", "FR", "GB"},
            threshold=draw(thresholds),
            rates=draw(st.one_of(st.just(()), dated)),
            states=states if code == "US" else (),
        )
        for code in PLACES[1:-1]
    )
    sold = st.tuples(*[st.builds(Sold, st.integers(-(10**5), 2 * 10**6), st.integers(0, 300))] * 2)
    keys = [SalesKey(place, DAY) for place in ("DE", "CH", "US", "US-NY", "US-CA")]
    keys += [
        SalesKey(EU_CONSUMERS, DAY, (country, number)) for country in ("DE", "FR") for number in ("", "DE136695976")
    ]
    closed = ClosedSales({key: draw(sold) for key in keys})
    rates = draw(
        st.sampled_from(
            [
                ExchangeRates(),
                ExchangeRates({"USD": Decimal("1.17"), "JPY": Decimal("178.05"), "KWD": Decimal("0.36")}),
            ]
        )
    )
    return TaxWorld(TaxRules("standard", countries), "standard", closed, rates)


invoices = st.builds(InvoiceSum, st.sampled_from(CURRENCIES), st.integers(-(10**6), 10**6), st.booleans())


@given(worlds(), sellers, buyers, supplies, st.lists(invoices, max_size=3))
def test_every_case_is_decided_once_and_explained(
    world: TaxWorld, seller: Seller, buyer: Buyer, supply: Supply, made: list[InvoiceSum]
) -> None:
    watch = world.watch(seller, buyer, DAY)
    reached, _ = world.reached_with(watch, tuple(made))
    decided = world.decide(seller, buyer, supply, DAY, reached)
    assert decided.code in set(DecisionCode)
    assert (decided.rate > 0) == (decided.category == Category.STANDARD)
    assert decided.reason
    if not decided.parts:
        assert decided.country == ""
    else:
        assert decided.country in {buyer.country, seller.country}
    fresh = TaxWorld(world.rules, world.default_tax_type, world.closed, world.rates)
    assert fresh.decide(seller, buyer, supply, DAY, reached) == decided
    assert needs_own_invoice(seller, decided) <= (decided.category == Category.OUTSIDE_SCOPE)


@given(worlds(), sellers, buyers, supplies, st.lists(invoices, max_size=3))
def test_checking_has_no_side_effect(
    world: TaxWorld, seller: Seller, buyer: Buyer, supply: Supply, made: list[InvoiceSum]
) -> None:
    before = world.decide(seller, buyer, supply, DAY), world.watch(seller, buyer, DAY), world.closed
    first = world.reached_with(world.watch(seller, buyer, DAY), tuple(made))
    again = world.reached_with(world.watch(seller, buyer, DAY), tuple(made))
    assert first == again
    assert before == (world.decide(seller, buyer, supply, DAY), world.watch(seller, buyer, DAY), world.closed)


@given(worlds(), sellers, buyers, st.permutations(range(3)), st.lists(invoices, min_size=3, max_size=3))
def test_the_order_of_documents_does_not_matter(
    world: TaxWorld, seller: Seller, buyer: Buyer, order: list[int], made: list[InvoiceSum]
) -> None:
    watch = world.watch(seller, buyer, DAY)
    shuffled = tuple(made[position] for position in order)
    assert world.reached_with(watch, tuple(made)) == world.reached_with(watch, shuffled)


@given(worlds(), sellers, buyers, st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_is_never_less(world: TaxWorld, seller: Seller, buyer: Buyer, net: int, more: int) -> None:
    watch = world.watch(seller, buyer, DAY)
    little, _ = world.reached_with(watch, (InvoiceSum("EUR", net, True),))
    much, _ = world.reached_with(watch, (InvoiceSum("EUR", net + more, True),))
    assert little <= much


@given(worlds(), sellers, buyers, st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_parts_of_a_document_count_as_the_whole(
    world: TaxWorld, seller: Seller, buyer: Buyer, one: int, other: int
) -> None:
    watch = world.watch(seller, buyer, DAY)
    parts = (InvoiceSum("USD", one, True), InvoiceSum("USD", other, False))
    assert world.reached_with(watch, parts)[0] == world.reached_with(watch, (InvoiceSum("USD", one + other, True),))[0]


@given(worlds(), sellers, buyers)
def test_an_empty_document_reaches_what_closed_days_reached(world: TaxWorld, seller: Seller, buyer: Buyer) -> None:
    watch = world.watch(seller, buyer, DAY)
    assert world.reached_with(watch, ())[0] == watch.before


@given(worlds(), sellers, buyers)
def test_what_begins_to_collect_did_not_before(world: TaxWorld, seller: Seller, buyer: Buyer) -> None:
    watch = world.watch(seller, buyer, DAY)
    reached, _ = world.reached_with(watch, (InvoiceSum("EUR", 10**9, True),))
    begins = world.begins_to_collect(watch, reached)
    collecting = {country.country for country in world.rules.countries if country.collecting}
    collecting |= {f"US-{s.state}" for c in world.rules.countries for s in c.states if s.collecting}
    assert not collecting & set(begins)
    assert EU_CONSUMERS not in begins


@given(worlds(), st.tuples(sellers, buyers, supplies), st.lists(AMOUNTS, min_size=1, max_size=6), st.booleans())
def test_a_change_and_its_reversal_cancel_under_any_decision(
    world: TaxWorld, case: tuple[Seller, Buyer, Supply], amounts: list[int], inclusive: bool
) -> None:
    treatment = world.decide(*case, DAY)
    lines = [TaxableLine(amount, inclusive, treatment) for amount in amounts]
    taxed = tax_lines([*lines, *(TaxableLine(-amount, inclusive, treatment) for amount in amounts)])
    assert sum(tax.tax_minor for tax in taxed) == 0
    assert [sum(column) for column in zip(*(tax.parts for tax in taxed), strict=True)] == [0] * len(treatment.parts)


@given(
    AMOUNTS, AMOUNTS, st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES), st.decimals("0.0001", 10**6, places=4)
)
def test_an_amount_comes_back_from_another_currency(
    one: int, other: int, source: str, target: str, dollars: Decimal
) -> None:
    rates = ExchangeRates({"USD": dollars, "JPY": Decimal("178.05"), "KWD": Decimal("0.36")})
    there = rates.convert(one, source, target)
    assert there is not None
    factor = rates.convert(1, target, source)
    assert factor is not None
    assert there * factor == Fraction(one)
    both, rest = rates.convert(one + other, source, target), rates.convert(other, source, target)
    assert both is not None
    assert rest is not None
    assert both == there + rest


@given(sellers)
def test_two_brands_are_one_seller_by_country_and_tax_number(seller: Seller) -> None:
    assert eu_seller(replace(seller, export="seller_rate", state="elsewhere")) == eu_seller(seller)
