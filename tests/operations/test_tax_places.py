"""Countries, states and dated rules are stored so that each day of a place has one rate."""

from datetime import date
from decimal import Decimal

import pytest

from core.errors import Conflict, Invalid
from core.models import AuditEntry
from core.operations import SYSTEM
from invoicing.models import TaxCountry, TaxRule
from invoicing.operations.tax import RuleWanted, add_tax_rule, create_tax_country, create_tax_state
from subscriptions.models import TaxType
from tests.cast import JANUARY

pytestmark = pytest.mark.django_db


@pytest.fixture
def standard() -> TaxType:
    return TaxType.objects.create(name="Standard", default=True, created_at=JANUARY)


@pytest.fixture
def country() -> TaxCountry:
    return create_tax_country({"code": "DE", "name": "Germany", "collecting": True}, actor=SYSTEM, now=JANUARY)


def rule(country: TaxCountry, tax_type: TaxType, rate: int, day: str, **values: object) -> TaxRule:
    """Add a rate that holds from a day on."""
    wanted = RuleWanted(country, tax_type, Decimal(rate), date.fromisoformat(day), **values)  # type: ignore[arg-type]
    return add_tax_rule(wanted, actor=SYSTEM, now=JANUARY)


def test_a_new_rule_ends_the_open_one_of_its_place_and_type(country: TaxCountry, standard: TaxType) -> None:
    other = TaxType.objects.create(name="Books", created_at=JANUARY)
    books = rule(country, other, 7, "2007-01-01")
    old = rule(country, standard, 19, "2007-01-01")
    rule(country, standard, 16, "2020-07-01", valid_until=date(2021, 1, 1))
    rule(country, standard, 19, "2021-01-01")
    rules = TaxRule.objects.filter(tax_type=standard).order_by("valid_from").values_list("rate", "valid_until")
    assert list(rules) == [(19, date(2020, 7, 1)), (16, date(2021, 1, 1)), (19, None)]
    books.refresh_from_db()
    assert books.valid_until is None
    assert AuditEntry.objects.filter(action="tax_rule.created").count() == 4
    assert old.valid_until is None


@pytest.mark.parametrize(
    ("day", "until", "field"),
    [
        ("2020-07-01", None, "valid_from"),
        ("2020-01-01", None, "valid_from"),
        ("2020-09-01", date(2020, 9, 1), "valid_until"),
    ],
)
def test_a_rule_that_meets_another_or_no_day_is_refused(
    country: TaxCountry, standard: TaxType, day: str, until: date | None, field: str
) -> None:
    rule(country, standard, 19, "2020-07-01")
    with pytest.raises(Invalid) as refused:
        rule(country, standard, 16, day, valid_until=until)
    assert set(refused.value.fields) == {field}
    assert TaxRule.objects.get().valid_until is None


def test_a_state_has_rules_of_its_own(country: TaxCountry, standard: TaxType) -> None:
    state = create_tax_state(country, {"code": "BE", "name": "Berlin"}, actor=SYSTEM, now=JANUARY)
    rule(country, standard, 19, "2020-07-01")
    rule(country, standard, 1, "2020-07-01", state=state)
    assert TaxRule.objects.filter(valid_until__isnull=True).count() == 2
    elsewhere = create_tax_country({"code": "AT", "name": "Austria"}, actor=SYSTEM, now=JANUARY)
    with pytest.raises(Invalid, match="another country") as refused:
        rule(elsewhere, standard, 1, "2020-07-01", state=state)
    assert refused.value.fields == {"state": "is no state of AT"}


def test_a_place_is_there_once(country: TaxCountry) -> None:
    with pytest.raises(Conflict, match="DE is there already"):
        create_tax_country({"code": "DE", "name": "Again"}, actor=SYSTEM, now=JANUARY)
    create_tax_state(country, {"code": "BE", "name": "Berlin"}, actor=SYSTEM, now=JANUARY)
    with pytest.raises(Conflict, match="DE has the state BE already"):
        create_tax_state(country, {"code": "BE", "name": "Again"}, actor=SYSTEM, now=JANUARY)
