"""Countries, states and dated rules are stored so that each day of a place has one rate."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Conflict, Invalid
from core.models import AuditEntry
from core.operations import SYSTEM
from invoicing.models import TaxCountry, TaxRule
from invoicing.operations.tax_setup import create_country, create_rule, create_state
from subscriptions.models import TaxType
from tests.cast import JANUARY

pytestmark = pytest.mark.django_db


@pytest.fixture
def standard() -> TaxType:
    return TaxType.objects.create(name="Standard", default=True, created_at=JANUARY)


@pytest.fixture
def country() -> TaxCountry:
    return create_country({"code": "DE", "name": "Germany", "collecting": True}, actor=SYSTEM, now=JANUARY)


def rule(country: TaxCountry, tax_type: TaxType, rate: int, day: str, **values: Any) -> TaxRule:
    """Add a rate that holds from a day on."""
    start = date.fromisoformat(day)
    return create_rule(
        country.id, tax_type_id=tax_type.id, rate=Decimal(rate), valid_from=start, actor=SYSTEM, now=JANUARY, **values
    )


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
    state = create_state(country.id, {"code": "BE", "name": "Berlin"}, actor=SYSTEM, now=JANUARY)
    rule(country, standard, 19, "2020-07-01")
    rule(country, standard, 1, "2020-07-01", state_id=state.id)
    assert TaxRule.objects.filter(valid_until__isnull=True).count() == 2
    elsewhere = create_country({"code": "AT", "name": "Austria"}, actor=SYSTEM, now=JANUARY)
    with pytest.raises(Invalid, match="another country") as refused:
        rule(elsewhere, standard, 1, "2020-07-01", state_id=state.id)
    assert refused.value.fields == {"state": "is no state of this country"}


def test_a_place_is_there_once(country: TaxCountry) -> None:
    with pytest.raises(Conflict, match="DE is there already"):
        create_country({"code": "DE", "name": "Again"}, actor=SYSTEM, now=JANUARY)
    create_state(country.id, {"code": "BE", "name": "Berlin"}, actor=SYSTEM, now=JANUARY)
    with pytest.raises(Conflict, match="DE-BE is there already"):
        create_state(country.id, {"code": "BE", "name": "Again"}, actor=SYSTEM, now=JANUARY)
