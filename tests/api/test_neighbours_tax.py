"""Tax, as neighbours show it: worked numbers of 30.00 EUR net."""

from typing import Any

import pytest

from tests.api.client import Caller
from tests.api.neighbours import Connectable, Flowglad
from tests.cast import JANUARY, Company, make_company


@pytest.fixture
def company(db: None) -> Company:
    """A German company that collects at home and in Quebec."""
    company = make_company()
    company.tax("DE", "19")
    company.tax_in_quebec()
    company.plan("Flat", company.price())
    return company


def sell(company: Company, name: str, **where: Any) -> str:
    """Sell the plan to somebody with a reference, and return the customer's id."""
    customer = company.customer(name, reference=name.lower(), **where)
    plan = company.plans["Flat"]
    company.start(customer, plan, plan.prices.get(), now=JANUARY)
    return str(customer.id)


@pytest.mark.parametrize(
    ("where", "tax", "told"),
    [
        # 19 % of 30.00 are 5.70.
        ({"country": "DE"}, 570, (19, "vat", "DE", None, "19")),
        # 5 % are 1.50 and 9.975 % are 2.99; 14.975 % is no whole percentage.
        ({"country": "CA", "region": "QC"}, 449, (None, "gst", "CA", "QC", "14.975")),
    ],
)
def test_tax_has_its_kind_place_and_rate(
    api: Caller, company: Company, where: dict[str, str], tax: int, told: tuple[Any, ...]
) -> None:
    percent, *by_flowglad = told
    alice = sell(company, "Alice", **where)
    (invoice,) = Connectable(key=api.key).invoices(alice)
    assert (invoice["subtotal"], invoice["tax"], invoice["total"]) == (3000, tax, 3000 + tax)
    assert invoice["tax_percent"] == percent
    assert Connectable(key=api.key).billing(alice)["subscriptions"]["data"][0]["tax_percent"] == percent
    shown = Flowglad(key=api.key).billing("alice")["invoices"][0]["invoice"]
    assert (shown["subtotal"], shown["taxAmount"]) == (3000, tax)
    assert [shown[name] for name in ("taxType", "taxCountry", "taxState", "taxRatePercentage")] == by_flowglad
