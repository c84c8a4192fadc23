"""`GET /tax/report`: net and tax per place, rate, category and period."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Brand
from tests.api.client import Caller
from tests.cast import JANUARY, Company, at, make_company


@pytest.fixture
def company(db: None) -> Company:
    """A German company that collects at home and in Quebec."""
    company = make_company()
    company.tax("DE", "19")
    company.tax_in_quebec()
    return company


def sell(
    company: Company, name: str, net: int, moment: str, *, price: dict[str, Any] | None = None, **who: Any
) -> None:
    """Sell something once."""
    once = {"type": "one_off", "interval": "one_off"}
    offered = company.price(unit_price=Decimal(net), **{**once, **(price or {})})
    company.start(company.customer(name, **who), company.plan(name, offered), offered, now=at(moment))


def written(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows in few words."""
    return [
        (row["period"], row["country"], row.get("state", ""), row["category"], row["rate"], row["net"], row["tax"])
        for row in report["data"]
    ]


def test_rows_by_place_rate_category_and_period(api: Caller, company: Company) -> None:
    sell(company, "Alice", 999, "2026-01-31 12:00")
    sell(company, "Bob", 501, "2026-01-05")
    sell(company, "Carla", 1000, "2026-02-01", country="CA", region="QC", price={"including_tax": True})
    sell(company, "Dan", 700, "2026-02-28", country="BR")
    report = api.get("/tax/report?from=2026-01-01&to=2026-02-28")
    assert {name: report[name] for name in ("from", "to", "period")} == {
        "from": "2026-01-01",
        "to": "2026-02-28",
        "period": "month",
    }
    # 999 and 501 are rounded on their own invoices: 190 + 95.
    assert written(report) == [
        ("2026-01", "DE", "", "S", 19, 1500, 285),
        ("2026-02", "BR", "", "O", 0, 700, 0),
        ("2026-02", "CA", "", "S", 5, 870, 43),
        ("2026-02", "CA", "QC", "S", 9.975, 870, 87),
    ]
    assert [row["documents"] for row in report["data"]] == [2, 1, 1, 1]
    assert report["data"][0]["brand"] == "default"
    assert written(api.get("/tax/report?from=2026-01-01&to=2026-02-28&period=quarter&country=DE")) == [
        ("2026-Q1", "DE", "", "S", 19, 1500, 285)
    ]
    assert written(api.get("/tax/report?from=2026-02-01&to=2026-12-31&period=year&country=CA"))[1][0] == "2026"
    assert written(api.get("/tax/report?from=2026-01-06&to=2026-01-30")) == []


def test_credit_notes_lower_their_own_period(api: Caller, company: Company) -> None:
    """Three seats of 10.00 from June, two gone at once: July gives back 10.00 and 1.90."""
    seats = company.price(type="unit", unit_price=Decimal(1000))
    team = company.plan("Team", seats, per_seat=True)
    subscription = company.start(company.customer("Alice"), team, seats, now=at("2026-06-01"), seats=3)
    remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-06-01 12:00"))
    run_billing(Scope(at("2026-07-01"), at("2026-07-01")))
    assert written(api.get("/tax/report?from=2026-06-01&to=2026-07-31")) == [
        ("2026-06", "DE", "", "S", 19, 3000, 570),
        ("2026-07", "DE", "", "S", 19, -1000, -190),
    ]
    assert written(api.get("/tax/report?from=2026-06-01&to=2026-07-31&period=year"))[0][-2:] == (2000, 380)


def test_brands_and_currencies_stand_apart(api: Caller, company: Company) -> None:
    other = Brand.objects.create(code="other", name="Other", country="DE", created_at=JANUARY, updated_at=JANUARY)
    sell(company, "Alice", 1000, "2026-01-05")
    sell(company, "Bob", 2000, "2026-01-05", brand=other)
    sell(company, "Carla", 3000, "2026-01-05", price={"currency": "USD"})
    path = "/tax/report?from=2026-01-01&to=2026-01-31"
    assert [(row["brand"], row["currency"], row["net"]) for row in api.get(path)["data"]] == [
        ("default", "EUR", 1000),
        ("default", "USD", 3000),
        ("other", "EUR", 2000),
    ]
    assert [row["net"] for row in api.get(f"{path}&brand=other")["data"]] == [2000]


def test_a_file_holds_the_same_rows(api: Caller, company: Company) -> None:
    sell(company, "Carla", 1000, "2026-02-01", country="CA", region="QC", price={"including_tax": True})
    path = "/tax/report?from=2026-02-01&to=2026-02-28"
    response = api.call("GET", f"{path}&format=csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="tax-2026-02-01-2026-02-28.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    answered = api.get(path)["data"]
    assert rows == [{name: str(row.get(name, "")) for name in rows[0]} for row in answered]
    assert rows[1]["rate"] == "9.975"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=2026-02-01&to=2026-01-31", {"to"}),
        ("from=yesterday", {"from"}),
        ("first_day=2026-01-01", {"first_day"}),
        ("period=week&format=pdf", {"period", "format"}),
        ("brand=nobody", {"brand"}),
        ("country=Germany", {"country"}),
    ],
)
def test_what_cannot_be_asked(api: Caller, company: Company, query: str, fields: set[str]) -> None:
    assert set(api.errors("GET", f"/tax/report?{query}")) == fields


def test_drafts_are_left_out_and_without_days_it_is_this_year(api: Caller, company: Company) -> None:
    report = api.get("/tax/report")
    assert report["from"].endswith("-01-01")
    assert report["from"] <= report["to"]
    assert report["data"] == []
