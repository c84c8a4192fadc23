"""Every step of the tax decision, matching and not matching (Billing rules, section 7)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.tax import TaxTreatment
from invoicing.domain.tax_decision import (
    Buyer,
    Seller,
    Supply,
    decide_tax,
    needs_own_invoice,
)
from invoicing.domain.tax_rules import (
    CountryRules,
    DatedRate,
    StateRules,
    TaxRules,
)
from invoicing.domain.tax_thresholds import EU_CONSUMERS, NONE_REACHED, Reached, Threshold

AT = date(2026, 3, 1)


def rates(percent: str, tax_type: str = "standard") -> tuple[DatedRate, ...]:
    """One rate since 2010."""
    return (DatedRate(f"{tax_type}-{percent}", tax_type, Decimal(percent), date(2010, 1, 1)),)


EU: dict[str, Any] = {"in_eu": True, "b2b_reverse_charge": True}
COUNTRIES = {
    "DE": CountryRules("DE", collecting=True, rates=rates("19") + rates("7", "reduced"), **EU),
    "FR": CountryRules("FR", rates=rates("20") + rates("5.5", "reduced"), **EU),
    "GB": CountryRules("GB", b2b_reverse_charge=True, rates=rates("20")),
    "NO": CountryRules("NO", b2b_reverse_charge=True, rates=rates("25")),
    "CH": CountryRules("CH", rates=rates("8.1"), threshold=Threshold(amount_minor=100_000)),
    "US": CountryRules(
        "US",
        states=(
            StateRules("NY", threshold=Threshold(transactions=100), rates=rates("4"), name="New York"),
            StateRules("CA", collecting=True, rates=rates("7.25")),
            StateRules("TX", collecting=True),
        ),
    ),
    "CA": CountryRules(
        "CA",
        collecting=True,
        rates=rates("5"),
        states=(StateRules("QC", collecting=True, rates=rates("9.975")), StateRules("ON", rates=rates("8"))),
    ),
}


def rules(**changed: Mapping[str, Any]) -> TaxRules:
    """The rules above, with some facts of some countries changed."""
    changes = {country: replace(COUNTRIES[country], **facts) for country, facts in changed.items()}
    return TaxRules("standard", tuple({**COUNTRIES, **changes}.values()))


GERMAN = Seller("DE", tax_number="DE136695976", vat_registered=True)
BRITISH = Seller("GB", tax_number="GB980780684", vat_registered=True)
AMERICAN = Seller("US", "NY")
SERVICE = Supply("standard")
GOODS = Supply("standard", physical=True, digital=False)
CONSULTING = Supply("standard", digital=False)
ABROAD_IN_THE_EU = frozenset({EU_CONSUMERS})


def consumer(country: str, state: str = "") -> Buyer:
    """A private customer."""
    return Buyer(country, state)


def business(country: str, state: str = "") -> Buyer:
    """A business whose number was checked."""
    return Buyer(country, state, is_business=True, tax_number="number", tax_number_checked=True)


def decide(
    seller: Seller,
    buyer: Buyer,
    supply: Supply = SERVICE,
    tax_rules: TaxRules | None = None,
    reached: Reached = NONE_REACHED,
) -> TaxTreatment:
    """Decide on the fixed day."""
    decided_by = rules() if tax_rules is None else tax_rules
    return decide_tax(seller=seller, buyer=buyer, supply=supply, rules=decided_by, at=AT, reached=reached)


def outcome(treatment: TaxTreatment) -> tuple[str, str, str, str]:
    """Category, rate, country and code."""
    return treatment.category, str(treatment.rate), treatment.country, treatment.code


class TestExemptCustomer:
    """Step 1."""

    def test_pays_no_tax_though_it_has_a_rate(self) -> None:
        buyer = replace(consumer("DE"), exempt=True, standard_tax_rate=Decimal(10))
        assert outcome(decide(GERMAN, buyer)) == ("E", "0", "", "exempt")

    def test_abroad_too(self) -> None:
        assert outcome(decide(GERMAN, replace(business("FR"), exempt=True))) == ("E", "0", "", "exempt")

    def test_others_pay(self) -> None:
        assert outcome(decide(GERMAN, consumer("DE"))) == ("S", "19", "DE", "domestic")


class TestCustomerRate:
    """Step 2."""

    @pytest.mark.parametrize(
        ("supply", "standard", "digital", "expected"),
        [
            (SERVICE, "10", "12", "12"),
            (SERVICE, "10", None, "10"),
            (SERVICE, None, "12", "12"),
            (CONSULTING, "10", "12", "10"),
            (GOODS, "10", "12", "10"),
            (replace(GOODS, digital=True), "10", "12", "10"),
        ],
    )
    def test_its_own_rate(self, supply: Supply, standard: str | None, digital: str | None, expected: str) -> None:
        buyer = replace(
            business("FR"),
            standard_tax_rate=None if standard is None else Decimal(standard),
            digital_tax_rate=None if digital is None else Decimal(digital),
        )
        assert outcome(decide(GERMAN, buyer, supply)) == ("S", expected, "FR", "customer_rate")

    def test_a_digital_rate_is_no_rate_for_goods(self) -> None:
        buyer = replace(consumer("DE"), digital_tax_rate=Decimal(12))
        assert outcome(decide(GERMAN, buyer, GOODS)) == ("S", "19", "DE", "domestic")

    def test_nought_is_a_rate(self) -> None:
        buyer = replace(consumer("DE"), standard_tax_rate=Decimal(0))
        assert outcome(decide(GERMAN, buyer)) == ("Z", "0", "DE", "customer_rate")

    def test_payable_at_the_seller_when_the_customer_is_nowhere(self) -> None:
        buyer = replace(consumer(""), standard_tax_rate=Decimal(10))
        assert outcome(decide(GERMAN, buyer)) == ("S", "10", "DE", "customer_rate")


class TestBusinessAbroad:
    """Step 3."""

    @pytest.mark.parametrize(
        ("seller", "country", "category"),
        [(GERMAN, "FR", "AE"), (BRITISH, "DE", "AE"), (AMERICAN, "FR", "AE"), (GERMAN, "GB", "O"), (GERMAN, "NO", "O")],
    )
    def test_accounts_for_the_tax_of_services_itself(self, seller: Seller, country: str, category: str) -> None:
        decided = decide(seller, business(country))
        assert outcome(decided) == (category, "0", "", "reverse_charge")
        assert decided.reason.startswith("Reverse charge")

    def test_even_where_its_country_collects(self) -> None:
        decided = decide(BRITISH, business("FR"), tax_rules=rules(FR={"collecting": True}))
        assert outcome(decided) == ("AE", "0", "", "reverse_charge")

    def test_consulting_is_a_service(self) -> None:
        assert outcome(decide(GERMAN, business("FR"), CONSULTING)) == ("AE", "0", "", "reverse_charge")

    def test_goods_inside_the_eu_are_an_intra_community_supply(self) -> None:
        assert outcome(decide(GERMAN, business("FR"), GOODS)) == ("K", "0", "", "intra_community")

    def test_a_missing_number_of_the_seller_is_pointed_out(self) -> None:
        assert decide(GERMAN, business("FR")).warning == ""
        assert "tax number" in decide(replace(GERMAN, tax_number=""), business("FR")).warning
        assert "tax number" in decide(replace(GERMAN, tax_number=""), business("FR"), GOODS).warning

    @pytest.mark.parametrize("seller", [BRITISH, AMERICAN])
    def test_goods_from_outside_the_eu_are_not(self, seller: Seller) -> None:
        assert outcome(decide(seller, business("FR"), GOODS)) == ("G", "0", "", "export_zero_rated")

    def test_goods_to_outside_the_eu_are_not(self) -> None:
        assert outcome(decide(GERMAN, business("GB"), GOODS)) == ("G", "0", "", "export_zero_rated")

    def test_an_unregistered_seller_of_goods_sells_as_to_a_consumer(self) -> None:
        small = replace(GERMAN, vat_registered=False)
        assert outcome(decide(small, business("FR"), GOODS)) == ("S", "19", "DE", "eu_seller_rate")

    def test_at_home_it_is_taxed_normally(self) -> None:
        assert outcome(decide(GERMAN, business("DE"))) == ("S", "19", "DE", "domestic")

    @pytest.mark.parametrize(
        "unchecked",
        [{"tax_number_checked": False}, {"tax_number": ""}, {"is_business": False}],
    )
    def test_without_a_checked_number_it_is_a_consumer(self, unchecked: dict[str, Any]) -> None:
        buyer = replace(business("FR"), **unchecked)
        assert outcome(decide(GERMAN, buyer)) == ("S", "19", "DE", "eu_seller_rate")

    def test_a_country_without_reverse_charge_goes_on(self) -> None:
        assert outcome(decide(GERMAN, business("CH"))) == ("O", "0", "", "export_zero_rated")
        without = rules(FR={"b2b_reverse_charge": False})
        assert outcome(decide(GERMAN, business("FR"), tax_rules=without)) == ("O", "0", "", "export_zero_rated")

    def test_an_unknown_country_goes_on(self) -> None:
        assert outcome(decide(GERMAN, business("BR"))) == ("O", "0", "", "export_zero_rated")


class TestEuConsumer:
    """Step 4, a seller in the EU."""

    @pytest.mark.parametrize("supply", [SERVICE, CONSULTING, GOODS])
    def test_below_the_threshold_it_pays_the_seller_s_rate(self, supply: Supply) -> None:
        assert outcome(decide(GERMAN, consumer("FR"), supply)) == ("S", "19", "DE", "eu_seller_rate")

    @pytest.mark.parametrize("supply", [SERVICE, CONSULTING, GOODS])
    def test_with_one_stop_shop_its_own_country_s(self, supply: Supply) -> None:
        decided = decide(replace(GERMAN, one_stop_shop=True), consumer("FR"), supply)
        assert outcome(decided) == ("S", "20", "FR", "eu_destination")
        assert decided.warning == ""

    def test_the_threshold_decides_where(self) -> None:
        assert outcome(decide(GERMAN, consumer("FR"))) == ("S", "19", "DE", "eu_seller_rate")
        decided = decide(GERMAN, consumer("FR"), reached=ABROAD_IN_THE_EU)
        assert outcome(decided) == ("S", "20", "FR", "eu_destination")

    def test_who_exceeds_it_unregistered_is_told(self) -> None:
        assert "register in FR" in decide(GERMAN, consumer("FR"), reached=ABROAD_IN_THE_EU).warning
        registered = replace(GERMAN, registrations=frozenset({"FR"}))
        assert decide(registered, consumer("FR"), reached=ABROAD_IN_THE_EU).warning == ""

    def test_the_tax_type_counts_there_too(self) -> None:
        seller = replace(GERMAN, one_stop_shop=True)
        assert decide(seller, consumer("FR"), Supply("reduced")).rate == Decimal("5.5")

    def test_the_seller_s_rate_is_the_product_s_own_first(self) -> None:
        decided = decide(GERMAN, consumer("FR"), Supply("standard", product_rate=Decimal(7)))
        assert outcome(decided) == ("S", "7", "DE", "eu_seller_rate")

    def test_a_small_business_charges_none(self) -> None:
        small = replace(GERMAN, vat_registered=False)
        decided = decide(small, consumer("FR"), tax_rules=rules(DE={"collecting": False}))
        assert outcome(decided) == ("E", "0", "", "not_collecting")

    def test_both_notes_when_the_destination_s_rate_is_missing_as_well(self) -> None:
        decided = decide(GERMAN, consumer("FR"), tax_rules=rules(FR={"rates": ()}), reached=ABROAD_IN_THE_EU)
        assert outcome(decided) == ("E", "0", "", "no_rate")
        assert "register in FR" in decided.warning
        assert "No tax rate of FR" in decided.warning


class TestDigitalConsumer:
    """Step 4, a seller from elsewhere."""

    @pytest.mark.parametrize(
        ("seller", "country", "rate"),
        [
            (replace(AMERICAN, registrations=frozenset({"FR"})), "FR", "20"),
            (replace(AMERICAN, one_stop_shop=True), "FR", "20"),
            (replace(BRITISH, one_stop_shop=True), "DE", "19"),
            (replace(GERMAN, registrations=frozenset({"GB"})), "GB", "20"),
        ],
    )
    def test_pays_its_country_s_rate_if_the_seller_is_registered(self, seller: Seller, country: str, rate: str) -> None:
        assert outcome(decide(seller, consumer(country))) == ("S", rate, country, "digital_destination")

    def test_a_country_that_collects_is_a_registration(self) -> None:
        decided = decide(AMERICAN, consumer("GB"), tax_rules=rules(GB={"collecting": True}))
        assert outcome(decided) == ("S", "20", "GB", "digital_destination")

    @pytest.mark.parametrize(
        ("seller", "country"),
        [
            (AMERICAN, "FR"),
            (AMERICAN, "GB"),
            (GERMAN, "GB"),
            (replace(AMERICAN, one_stop_shop=True), "GB"),  # the one-stop-shop is the EU's
            (replace(AMERICAN, registrations=frozenset({"DE"})), "FR"),
        ],
    )
    def test_pays_nothing_and_warns_if_not(self, seller: Seller, country: str) -> None:
        decided = decide(seller, consumer(country))
        assert outcome(decided) == ("O", "0", "", "digital_unregistered")
        assert f"consumers in {country}" in decided.warning

    def test_great_britain_needs_no_rules_to_warn(self) -> None:
        without = TaxRules("standard", (COUNTRIES["DE"],))
        assert decide(GERMAN, consumer("GB"), tax_rules=without).code == "digital_unregistered"

    @pytest.mark.parametrize("supply", [CONSULTING, GOODS, replace(GOODS, digital=True)])
    def test_only_digital_services(self, supply: Supply) -> None:
        assert decide(AMERICAN, consumer("FR"), supply).code == "export_zero_rated"

    def test_only_the_eu_and_great_britain(self) -> None:
        assert decide(AMERICAN, consumer("NO")).code == "export_zero_rated"

    def test_only_consumers(self) -> None:
        assert decide(AMERICAN, business("FR")).code == "reverse_charge"


class TestDestination:
    """Step 5."""

    def test_a_country_that_collects(self) -> None:
        decided = decide(GERMAN, consumer("CH"), tax_rules=rules(CH={"collecting": True}))
        assert outcome(decided) == ("S", "8.1", "CH", "destination")

    @pytest.mark.parametrize(("reached", "code"), [({"US"}, "export_zero_rated"), ({"CH"}, "destination")])
    def test_a_country_whose_threshold_is_reached(self, reached: set[str], code: str) -> None:
        assert decide(GERMAN, consumer("CH"), reached=frozenset(reached)).code == code

    def test_country_and_state_add_up(self) -> None:
        decided = decide(AMERICAN, consumer("CA", "QC"))
        assert outcome(decided) == ("S", "14.975", "CA", "destination")
        assert [(part.jurisdiction, str(part.rate)) for part in decided.parts] == [("CA", "5"), ("CA-QC", "9.975")]

    @pytest.mark.parametrize("state", ["ON", "BC", ""])
    def test_a_state_that_does_not_collect_adds_nothing(self, state: str) -> None:
        assert outcome(decide(AMERICAN, consumer("CA", state))) == ("S", "5", "CA", "destination")

    @pytest.mark.parametrize(("reached", "expected"), [({"US-CA"}, ("O", "0")), ({"US-NY"}, ("S", "4"))])
    @pytest.mark.parametrize("region", ["NY", "ny", "US-NY", " New  York"])
    def test_a_state_s_own_threshold(self, reached: set[str], expected: tuple[str, str], region: str) -> None:
        collecting = rules(US={"collecting": True})
        decided = decide(GERMAN, consumer("US", region), tax_rules=collecting, reached=frozenset(reached))
        assert (decided.category, str(decided.rate)) == expected
        assert decided.warning == ""

    def test_a_state_may_collect_alone(self) -> None:
        decided = decide(AMERICAN, consumer("CA", "QC"), tax_rules=rules(CA={"collecting": False}))
        assert outcome(decided) == ("S", "9.975", "CA", "destination")

    def test_a_country_of_states_needs_no_rate_of_its_own(self) -> None:
        decided = decide(GERMAN, consumer("US", "OR"), tax_rules=rules(US={"collecting": True}))
        assert outcome(decided) == ("O", "0", "", "not_collecting")
        decided = decide(GERMAN, consumer("US", "OR"), GOODS, tax_rules=rules(US={"collecting": True}))
        assert outcome(decided) == ("G", "0", "", "not_collecting")

    def test_a_state_that_collects_without_a_rate_is_pointed_out(self) -> None:
        decided = decide(GERMAN, consumer("US", "TX"))
        assert outcome(decided) == ("O", "0", "", "no_rate")
        assert decided.warning == decided.reason == "No tax rate of US-TX holds on 2026-03-01"

    def test_a_state_without_a_rate_does_not_hide_the_country_s(self) -> None:
        federal = rules(US={"collecting": True, "rates": rates("1")})
        decided = decide(GERMAN, consumer("US", "TX"), tax_rules=federal)
        assert (outcome(decided), "US-TX" in decided.warning) == (("S", "1", "US", "destination"), True)

    def test_a_seller_from_nowhere_pays_where_the_customer_is(self) -> None:
        assert outcome(decide(Seller(""), consumer("CA"))) == ("S", "5", "CA", "destination")


class TestExport:
    """Step 6."""

    @pytest.mark.parametrize(("supply", "category"), [(SERVICE, "O"), (CONSULTING, "O"), (GOODS, "G")])
    def test_zero_rated(self, supply: Supply, category: str) -> None:
        decided = decide(GERMAN, consumer("CH"), supply)
        assert outcome(decided) == (category, "0", "", "export_zero_rated")
        assert "CH" in decided.reason

    def test_the_seller_s_rate_is_opt_in(self) -> None:
        seller = replace(GERMAN, export="seller_rate")
        assert outcome(decide(seller, consumer("CH"))) == ("S", "19", "DE", "export_seller_rate")
        decided = decide(seller, consumer("CH"), Supply("standard", product_rate=Decimal(7)))
        assert outcome(decided) == ("S", "7", "DE", "export_seller_rate")

    @pytest.mark.parametrize(
        ("policy", "override", "code"),
        [
            ("zero_rated", "seller_rate", "export_seller_rate"),
            ("seller_rate", "zero_rated", "export_zero_rated"),
            ("seller_rate", None, "export_seller_rate"),
        ],
    )
    def test_the_tax_type_overrides_the_seller(self, policy: str, override: str | None, code: str) -> None:
        supply = Supply("standard", export=override)
        assert decide(replace(GERMAN, export=policy), consumer("CH"), supply).code == code

    def test_the_seller_s_own_state_counts_for_its_rate(self) -> None:
        quebecer = Seller("CA", "QC", export="seller_rate")
        assert decide(quebecer, consumer("CH", "ZH")).rate == Decimal("14.975")

    def test_a_seller_s_rate_that_is_not_collected(self) -> None:
        seller = replace(BRITISH, export="seller_rate")
        assert outcome(decide(seller, consumer("CH"))) == ("E", "0", "", "not_collecting")

    def test_at_home_there_is_no_export(self) -> None:
        assert decide(GERMAN, consumer("DE")).code == "domestic"


class TestAtHome:
    """Steps 7 and 8."""

    @pytest.mark.parametrize("buyer", [consumer("DE"), business("DE"), consumer(""), business("")])
    def test_the_seller_s_country_rules(self, buyer: Buyer) -> None:
        decided = decide(GERMAN, buyer)
        assert outcome(decided) == ("S", "19", "DE", "domestic")
        assert decided.parts[0].rule_id == "standard-19"

    def test_the_tax_type_s_rate_and_the_default_s(self) -> None:
        assert decide(GERMAN, consumer("DE"), Supply("reduced")).rate == Decimal(7)
        assert decide(GERMAN, consumer("DE"), Supply("unknown")).rate == Decimal(19)

    @pytest.mark.parametrize("country", ["DE", ""])
    def test_the_product_s_own_rate_comes_first(self, country: str) -> None:
        decided = decide(GERMAN, consumer(country), Supply("standard", product_rate=Decimal(7)))
        assert outcome(decided) == ("S", "7", "DE", "product_rate")

    def test_a_product_s_rate_of_nought_is_zero_rated(self) -> None:
        decided = decide(GERMAN, consumer("DE"), Supply("standard", product_rate=Decimal(0)))
        assert outcome(decided) == ("Z", "0", "DE", "product_rate")

    def test_a_rule_of_nought_is_zero_rated(self) -> None:
        decided = decide(GERMAN, consumer("DE"), tax_rules=rules(DE={"rates": rates("0")}))
        assert outcome(decided) == ("Z", "0", "DE", "domestic")

    @pytest.mark.parametrize(
        ("buyer", "rate"),
        [
            (consumer("CA", "QC"), "14.975"),
            (consumer("CA", "ON"), "5"),  # the customer's state, not the seller's
            (consumer("CA"), "14.975"),  # unknown: the seller's
            (consumer(""), "14.975"),
        ],
    )
    def test_the_state_is_the_customer_s_else_the_seller_s(self, buyer: Buyer, rate: str) -> None:
        assert str(decide(Seller("CA", "QC"), buyer).rate) == rate

    def test_a_country_past_its_threshold(self) -> None:
        swiss = Seller("CH", vat_registered=False)
        assert decide(swiss, consumer("CH")).code == "not_collecting"
        assert outcome(decide(swiss, consumer("CH"), reached=frozenset({"CH"}))) == ("S", "8.1", "CH", "domestic")

    @pytest.mark.parametrize(
        ("seller", "category"),
        [
            (BRITISH, "E"),  # a VAT seller
            (Seller("FR"), "E"),  # a small business of the EU
            (AMERICAN, "O"),
            (Seller("BR"), "O"),
            (Seller(""), "O"),
        ],
    )
    def test_else_no_tax_and_the_line_says_why(self, seller: Seller, category: str) -> None:
        decided = decide(seller, consumer(seller.country, seller.state))
        assert outcome(decided) == (category, "0", "", "not_collecting")
        assert decided.reason.startswith("No tax is collected in ")

    def test_a_rate_that_is_missing_is_pointed_out(self) -> None:
        decided = decide(GERMAN, consumer("DE"), tax_rules=rules(DE={"rates": ()}))
        assert outcome(decided) == ("E", "0", "", "no_rate")
        assert decided.warning == "No tax rate of DE holds on 2026-03-01"


def test_the_rate_is_that_of_the_tax_point() -> None:
    """Germany, 19 -> 16 % on 1 July: the day decides, a rate never splits a period."""
    changing = rules(
        DE={
            "rates": (
                DatedRate("1", "standard", Decimal(19), date(2007, 1, 1), date(2020, 7, 1)),
                DatedRate("2", "standard", Decimal(16), date(2020, 7, 1)),
            )
        }
    )
    for at, rate in ((date(2020, 6, 30), 19), (date(2020, 7, 1), 16), (date(2020, 7, 15), 16)):
        decided = decide_tax(seller=GERMAN, buyer=consumer("DE"), supply=SERVICE, rules=changing, at=at)
        assert decided.rate == rate


@pytest.mark.parametrize("supply", [SERVICE, CONSULTING, GOODS])
@pytest.mark.parametrize("country", ["", *COUNTRIES, "BR"])
@pytest.mark.parametrize("who", [consumer, business])
@pytest.mark.parametrize("seller", [GERMAN, BRITISH, AMERICAN, Seller("FR"), Seller("BR"), Seller("")])
def test_no_line_is_left_without_category_and_reason(
    seller: Seller, who: Callable[[str], Buyer], country: str, supply: Supply
) -> None:
    decided = decide(seller, who(country), supply)
    assert (decided.category == "S") == (decided.rate > 0)
    assert decided.reason
    assert (decided.country != "") == bool(decided.parts)


def test_lines_outside_the_scope_of_vat_stand_alone() -> None:
    """A VAT seller's O lines need their own invoice (EN 16931, BR-O-11); others may meet."""
    assert needs_own_invoice(GERMAN, decide(GERMAN, consumer("CH"))) is True
    assert needs_own_invoice(GERMAN, decide(GERMAN, consumer("CH"), GOODS)) is False
    assert needs_own_invoice(GERMAN, decide(GERMAN, consumer("DE"))) is False
    assert needs_own_invoice(AMERICAN, decide(AMERICAN, consumer("CH"))) is False
