"""Thresholds: what was sold on closed days plus the invoice at hand (Billing rules, section 7, Threshold sums)."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing.operations.doctor import check_books
from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import propose_outcomes, run_billing
from billing.run.reading import read_accounts
from core.domain.exchange import ExchangeRates
from core.models import AuditEntry, ExchangeRate, OutboxEvent
from customers.models import Brand, Customer
from invoicing.domain.tax_thresholds import SalesKey, Sold
from invoicing.models import CreditNote, Invoice, InvoiceLine, TaxClosing, TaxCountry, TaxRule, TaxState, TaxTurnover
from invoicing.operations import tax_turnover
from invoicing.queries.tax import get_tax_world
from subscriptions.models import TaxType
from tests.cast import JANUARY, Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


def place(company: Company, code: str, rate: str, **facts: Any) -> TaxCountry:
    """Add a country with a rate that does not collect yet."""
    facts = {"collecting": False, "in_eu": False, "b2b_reverse_charge": False, "currency": "EUR", **facts}
    company.tax(code, rate)
    TaxCountry.objects.filter(code=code).update(**facts)
    return TaxCountry.objects.get(code=code)


def sell(company: Company, name: str, net: int, moment: str, *, price: dict[str, Any] | None = None, **who: Any) -> str:
    """Let somebody start a plan of this net amount at a moment, and return the invoice's first tax code."""
    customer = company.customer(name, **who)
    plan_price = company.price(unit_price=Decimal(net), **(price or {}))
    plan = company.plan(f"{name} {moment}", plan_price)
    company.start(customer, plan, plan_price, now=at(moment))
    return code_of(name)


def code_of(name: str) -> str:
    """How the newest line of a customer was decided."""
    line = InvoiceLine.objects.filter(invoice__customer__name=name).order_by("-invoice_id").first()
    assert line is not None
    return str(line.proof["tax"]["code"])


def sums(code: str, day: str, moment: str | None = None) -> tuple[Sold, ...]:
    """What the threshold of a place is compared with on a day."""
    world = get_tax_world(at(moment or f"{day} 12:00"))
    return world.closed.find(SalesKey(code, date.fromisoformat(day)))


def close(moment: str) -> int:
    return tax_turnover.close_days(now=at(moment))


def events() -> list[tuple[str, dict[str, Any]]]:
    found = OutboxEvent.objects.filter(type="tax.threshold_reached").order_by("id")
    return [(event.object_kind, event.payload) for event in found]


class TestAmount:
    """An amount in the country's currency, in a calendar year."""

    def test_the_invoice_that_reaches_it_is_the_first_with_tax(self, company: Company) -> None:
        """Threshold 700.00: 310.40 + 389.59 stay a cent below it, a later cent reaches it."""
        place(company, "CH", "8.1", threshold_minor=70_000)
        assert sell(company, "Alice", 31_040, "2026-02-03", country="CH") == "export_zero_rated"
        assert sell(company, "Bob", 38_959, "2026-02-04", country="CH") == "export_zero_rated"
        assert events() == []
        assert sell(company, "Charlie", 1, "2026-02-05", country="CH") == "destination"
        invoice = Invoice.objects.get(customer__name="Charlie")
        ((kind, payload),) = events()
        assert (kind, payload["country"], payload["state"]) == ("tax_country", "CH", None)
        assert (payload["document"], payload["threshold"]) == (str(invoice.id), 70_000)
        country = TaxCountry.objects.get(code="CH")
        assert (country.collecting, country.collecting_since) == (True, at("2026-02-05"))
        assert AuditEntry.objects.filter(action="tax_country.threshold_reached", object_id=country.id).count() == 1
        # What was issued before stays as it was.
        assert Invoice.objects.get(customer__name="Bob").tax_total_minor == 0
        assert check_books(now=at("2026-02-06")) == ()

    def test_an_invoice_can_reach_it_alone(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=70_000)
        assert sell(company, "Alice", 70_000, "2026-02-03", country="CH") == "destination"
        assert Invoice.objects.get().tax_total_minor == 5_670

    def test_last_year_s_sales_are_gone(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=70_000)
        sell(company, "Alice", 69_999, "2025-12-31 11:00", country="CH")
        assert sell(company, "Bob", 69_999, "2026-01-01 09:00", country="CH") == "export_zero_rated"

    def test_twelve_months_roll(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=70_000, threshold_period="rolling")
        once = {"interval": "one_off", "type": "one_off"}
        sell(company, "Alice", 69_999, "2025-03-11", country="CH", price=once)
        assert sums("CH", "2026-03-10")[0].net_minor == 69_999
        assert sums("CH", "2026-03-11")[0].net_minor == 0
        assert sell(company, "Bob", 1, "2026-03-11", country="CH", price=once) == "export_zero_rated"
        assert sell(company, "Charlie", 69_999, "2026-03-12", country="CH", price=once) == "destination"

    def test_sales_of_the_same_day_do_not_count(self, company: Company) -> None:
        """Whatever order workers take them in: each is compared with the days before."""
        place(company, "CH", "8.1", threshold_minor=70_000)
        assert sell(company, "Alice", 69_000, "2026-02-03 08:00", country="CH") == "export_zero_rated"
        assert sell(company, "Bob", 69_000, "2026-02-03 09:00", country="CH") == "export_zero_rated"
        assert sell(company, "Charlie", 1, "2026-02-04", country="CH") == "destination"

    def test_an_inclusive_price_counts_as_it_would_without_the_threshold(self, company: Company) -> None:
        """706.00 gross is 706.00 net while untaxed: it reaches 700.00, and holds 52.90 of tax (8.1 %)."""
        place(company, "CH", "8.1", threshold_minor=70_000)
        price = {"including_tax": True}
        assert sell(company, "Alice", 70_600, "2026-02-03", country="CH", price=price) == "destination"
        invoice = Invoice.objects.get()
        assert (invoice.sub_total_minor, invoice.tax_total_minor, invoice.total_minor) == (65_310, 5_290, 70_600)


class TestOneMoment:
    """Customers of one run are taxed alike in whatever order, also when one of them crosses the threshold."""

    @pytest.mark.parametrize("names", [("Alice", "Bob"), ("Bob", "Alice")])
    def test_the_order_never_matters(self, company: Company, names: tuple[str, str]) -> None:
        nets = {"Alice": 90_000, "Bob": 100}
        for name in names:
            sell(company, name, nets[name], "2026-01-15 10:00", country="CH")
        place(company, "CH", "8.1", threshold_minor=120_000)
        for name in names:
            customer = Customer.objects.get(name=name)
            run_billing(Scope(at("2026-02-15 10:00"), at("2026-02-15 10:00"), customer_ids=(customer.id,)))
        assert {name: code_of(name) for name in nets} == {"Alice": "destination", "Bob": "export_zero_rated"}
        assert len(events()) == 1
        # From the next moment on the place collects.
        assert sell(company, "Charlie", 1, "2026-02-15 10:01", country="CH") == "destination"

    def test_two_that_cross_at_once_make_one_event(self, company: Company) -> None:
        for name in ("Alice", "Bob"):
            sell(company, name, 90_000, "2026-01-15 10:00", country="CH")
        place(company, "CH", "8.1", threshold_minor=200_000)
        run_billing(Scope(at("2026-02-15 10:00"), at("2026-02-15 10:00")))
        assert (code_of("Alice"), code_of("Bob"), len(events())) == ("destination", "destination", 1)

    def test_proposing_changes_nothing(self, company: Company) -> None:
        sell(company, "Alice", 90_000, "2026-01-15 10:00", country="CH")
        place(company, "CH", "8.1", threshold_minor=100_000)
        moment = at("2026-02-15 10:00")
        outcomes, failures = propose_outcomes(read_accounts([Customer.objects.get().id]), moment, get_tax_world(moment))
        assert failures == {}
        assert outcomes[0].proposals[0].begins_to_collect == ("CH",)
        assert not TaxCountry.objects.get(code="CH").collecting
        assert (events(), TaxTurnover.objects.count()) == ([], 0)


class TestPayments:
    """A number of payments, and states by their own threshold."""

    @pytest.fixture
    def new_york(self, company: Company) -> TaxState:
        country = place(company, "US", "1", currency="USD")
        state = TaxState.objects.create(
            country=country, code="NY", name="New York", threshold_transactions=3, created_at=JANUARY
        )
        company_rule = {"country": country, "state": state, "rate": Decimal("8.875"), "valid_from": date(2020, 1, 1)}
        TaxRule.objects.create(tax_type=TaxType.objects.get(), created_at=JANUARY, **company_rule)
        return state

    def test_the_third_payment(self, company: Company, new_york: TaxState) -> None:
        """Whoever writes the state in full counts too; California does not."""
        sell(company, "One", 500, "2026-02-01", country="US", region="NY")
        sell(company, "West", 500, "2026-02-01", country="US", region="CA")
        sell(company, "Two", 500, "2026-02-02", country="US", region="new york")
        assert sums("US-NY", "2026-02-03")[0].payments == 2
        assert sell(company, "Three", 500, "2026-02-03", country="US", region=" ny ") == "destination"
        line = InvoiceLine.objects.get(invoice__customer__name="Three")
        assert (line.tax_rate, line.tax_minor, line.tax_country) == (Decimal("8.875"), 44, "US")
        ((kind, payload),) = events()
        assert (kind, payload["country"], payload["state"]) == ("tax_state", "US", "NY")
        new_york.refresh_from_db()
        assert (new_york.collecting, TaxCountry.objects.get(code="US").collecting) == (True, False)


class TestRefunds:
    """What is given back lowers the sum."""

    def test_a_credit_note_lowers_the_counted_sum(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=70_000)
        alice = company.customer("Alice", country="CH")
        seats = company.price(type="unit", unit_price=Decimal(20_000))
        plan = company.plan("Seats", seats, per_seat=True)
        subscription = company.start(alice, plan, seats, now=at("2026-06-01"), seats=3)
        remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-06-01 12:00"))
        run_billing(Scope(at("2026-07-01"), at("2026-07-01")))
        assert CreditNote.objects.get().sub_total_minor == 20_000
        for is_closed in (False, True):
            assert TaxClosing.objects.filter(closed_until__gt="2026-07-01").exists() is is_closed
            assert sums("CH", "2026-07-02") == (Sold(Fraction(40_000), 1),)
            close("2026-07-02")
        assert list(TaxTurnover.objects.values_list("day", "payments", "net_minor")) == [
            (date(2026, 6, 1), 1, 60_000),
            (date(2026, 7, 1), 0, -20_000),
        ]


class TestClosing:
    """The roll-up holds each document once, whenever its day was closed."""

    def test_closed_or_not_the_sums_are_the_same(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=10**9)
        for position, day in enumerate(("2026-01-05", "2026-01-05 23:59", "2026-02-20", "2026-03-31"), start=1):
            sell(company, f"C{position}", 1000 + position, day, country="CH")
        days = ("2026-01-05", "2026-01-06", "2026-02-20", "2026-03-31", "2026-04-01")
        expected = [sums("CH", day) for day in days]
        assert [sold[0].net_minor for sold in expected] == [0, 2003, 2003, 3006, 4010]
        assert close("2026-01-05 23:59") == 0
        assert close("2026-02-21 00:00") == 2
        assert [sums("CH", day) for day in days] == expected
        assert close("2026-04-01 00:00") == 1
        assert close("2026-04-01 00:00") == 0
        assert [sums("CH", day) for day in days] == expected
        assert TaxClosing.objects.get().closed_until == date(2026, 4, 1)

    def test_a_document_of_a_closed_day_joins_it(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=10**9)
        sell(company, "Alice", 1000, "2026-01-05", country="CH")
        close("2026-03-01")
        sell(company, "Bob", 500, "2026-01-05 18:00", country="CH", region="Zug")
        assert sums("CH", "2026-01-06") == (Sold(Fraction(1500), 2),)
        assert list(TaxTurnover.objects.values_list("region", "net_minor")) == [("", 1000), ("ZUG", 500)]

    def test_a_day_ends_in_the_brand_s_zone(self, company: Company) -> None:
        company.brand.time_zone = "Asia/Tokyo"
        company.brand.save()
        place(company, "CH", "8.1", threshold_minor=10**9)
        sell(company, "Alice", 1000, "2026-01-05 14:59", country="CH")
        sell(company, "Bob", 2000, "2026-01-05 15:00", country="CH")
        assert close("2026-01-05 14:59") == 0
        assert close("2026-01-05 15:00") == 1
        assert sums("CH", "2026-01-06", "2026-01-05 16:00")[0].net_minor == 1000

    def test_a_place_nobody_knows_is_the_seller_s(self, company: Company) -> None:
        TaxCountry.objects.filter(code="DE").update(collecting=False, threshold_minor=10**9, currency="EUR")
        sell(company, "Alice", 1000, "2026-01-05", country="")
        assert sums("DE", "2026-01-06")[0].net_minor == 1000
        close("2026-01-06")
        assert TaxTurnover.objects.get().country == "DE"

    def test_rows_are_never_changed(self, company: Company) -> None:
        sell(company, "Alice", 1000, "2026-01-05", country="CH")
        close("2026-01-06")
        for statement in (TaxTurnover.objects.update, TaxTurnover.objects.all().delete):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                statement(**({"net_minor": 1} if statement == TaxTurnover.objects.update else {}))

    def test_nothing_is_read_where_no_threshold_is_open(self, company: Company, django_assert_num_queries: Any) -> None:
        company.brand.one_stop_shop = True
        company.brand.save()
        place(company, "CH", "8.1", collecting=True, threshold_minor=1)
        with django_assert_num_queries(5):
            get_tax_world(JANUARY)
        TaxCountry.objects.filter(code="CH").update(collecting=False)
        with django_assert_num_queries(7):
            get_tax_world(JANUARY)


class TestCurrencies:
    """A threshold in another currency than the invoices."""

    def rate(self, currency: str, day: str, per_euro: str) -> None:
        ExchangeRate.objects.create(
            currency=currency, day=day, per_euro=Decimal(per_euro), source="test", created_at=JANUARY
        )

    def test_each_day_at_its_own_rate(self, company: Company) -> None:
        """100.00 EUR on a day of 0.95 and 100.00 USD on one of 0.90 and 1.20: 95 + 75 CHF."""
        place(company, "CH", "8.1", currency="CHF", threshold_minor=20_000)
        self.rate("CHF", "2026-01-01", "0.95")
        self.rate("CHF", "2026-01-10", "0.90")
        self.rate("USD", "2026-01-10", "1.20")
        sell(company, "Alice", 10_000, "2026-01-09", country="CH")
        sell(company, "Bob", 10_000, "2026-01-12", country="CH", price={"currency": "USD"})
        (sold,) = sums("CH", "2026-02-01")
        assert (sold.net_minor, sold.payments, sold.uncounted) == (17_000, 2, frozenset())
        close("2026-02-01")
        assert sums("CH", "2026-02-01")[0].net_minor == 17_000
        # 33.33 EUR are 29.997 CHF, 33.34 are 30.006.
        assert sell(company, "Charlie", 3_333, "2026-02-01 10:00", country="CH") == "export_zero_rated"
        assert sell(company, "Dora", 3_334, "2026-02-01 11:00", country="CH") == "destination"

    def test_minor_units_differ(self, company: Company) -> None:
        """15 000 JPY at 150 a euro are 100.00 EUR; 12.345 KWD at 0.5 are 24.69."""
        place(company, "CH", "8.1", threshold_minor=20_000)
        self.rate("JPY", "2026-01-01", "150")
        self.rate("KWD", "2026-01-01", "0.5")
        sell(company, "Alice", 15_000, "2026-01-09", country="CH", price={"currency": "JPY"})
        sell(company, "Bob", 12_345, "2026-01-09", country="CH", price={"currency": "KWD"})
        assert sums("CH", "2026-02-01")[0].net_minor == 12_469

    def test_the_statement_sums_as_the_pure_code_does(self, company: Company) -> None:
        """Forty sales in four currencies on days with rates of their own, against `ExchangeRates.convert`."""
        place(company, "CH", "8.1", currency="CHF", threshold_minor=10**12)
        random = Random(7)  # noqa: S311 - sales that can be repeated, no secret
        known: dict[str, dict[date, Decimal]] = {"CHF": {}, "USD": {}, "JPY": {}, "KWD": {}}
        for day in (date(2025, 12, 20), date(2026, 1, 10), date(2026, 2, 1)):
            for currency, rates in known.items():
                rates[day] = Decimal(random.randint(2_000, 20_000)) / 10_000
                self.rate(currency, day.isoformat(), str(rates[day]))
        expected = Fraction(0)
        for _ in range(40):
            day = date(2026, 1, 1) + timedelta(days=random.randint(0, 58))
            currency, net = random.choice(["EUR", "CHF", "USD", "JPY", "KWD"]), random.randint(-10_000, 10**6)
            TaxTurnover.objects.create(
                brand=company.brand,
                country="CH",
                day=day,
                currency=currency,
                payments=1,
                net_minor=net,
                consumers_net_minor=net,
            )
            of_day = {code: rates[max(one for one in rates if one <= day)] for code, rates in known.items()}
            expected += ExchangeRates(of_day).convert(net, currency, "CHF") or 0
        (sold,) = sums("CH", "2026-03-01")
        assert sold.payments == 40
        assert abs(sold.net_minor - expected) < Fraction(1, 10**6)

    def test_without_a_rate_it_is_said_and_not_guessed(self, company: Company) -> None:
        place(company, "CH", "8.1", threshold_minor=10_000)
        sell(company, "Alice", 10**6, "2026-01-09", country="CH", price={"currency": "NOK"})
        (sold,) = sums("CH", "2026-02-01")
        assert (sold.net_minor, sold.payments, sold.uncounted) == (0, 1, frozenset({"NOK"}))
        assert sell(company, "Bob", 9_999, "2026-02-01", country="CH") == "export_zero_rated"
        line = InvoiceLine.objects.get(invoice__customer__name="Bob")
        assert line.proof["tax"]["warning"] == (
            "Sales in NOK are not counted towards the threshold of CH: no exchange rate to EUR"
        )

    def test_a_country_without_a_currency_takes_the_brand_s(self, company: Company) -> None:
        place(company, "CH", "8.1", currency="", threshold_minor=10_000)
        assert sell(company, "Alice", 10_000, "2026-01-09", country="CH") == "destination"


class TestEuConsumers:
    """10 000 EUR to consumers in the other countries of the EU, this year or last."""

    @pytest.fixture(autouse=True)
    def europe(self, company: Company) -> None:
        place(company, "FR", "20", in_eu=True, b2b_reverse_charge=True)
        place(company, "AT", "20", in_eu=True, b2b_reverse_charge=True)

    def test_the_invoice_that_exceeds_them(self, company: Company) -> None:
        """4 000 + 6 000 are 10 000 and no more; the next cent is taxed at its destination."""
        assert sell(company, "Alice", 400_000, "2026-02-01", country="FR") == "eu_seller_rate"
        assert sell(company, "Bob", 600_000, "2026-02-02", country="AT") == "eu_seller_rate"
        assert sell(company, "Charlie", 1, "2026-02-03", country="FR") == "eu_destination"
        assert events() == []
        line = InvoiceLine.objects.get(invoice__customer__name="Charlie")
        assert line.proof["tax"]["warning"].startswith("Sales to EU consumers exceed 10 000 EUR: register in FR")

    def test_home_the_world_and_checked_businesses_do_not_count(self, company: Company) -> None:
        sell(company, "Home", 2_000_000, "2026-02-01", country="DE")
        sell(company, "World", 2_000_000, "2026-02-01", country="CH")
        who: dict[str, Any] = {
            "country": "AT",
            "type": "business",
            "tax_number": "ATU12345675",
            "tax_number_check": "format",
        }
        assert sell(company, "Firm", 2_000_000, "2026-02-01", **who) == "reverse_charge"
        assert sell(company, "Alice", 1_000_000, "2026-02-02", country="FR") == "eu_seller_rate"

    def test_exceeded_last_year(self, company: Company) -> None:
        once = {"interval": "one_off", "type": "one_off"}
        sell(company, "Alice", 1_000_001, "2025-06-01", country="FR", price=once)
        close("2026-02-01")
        assert sell(company, "Bob", 1, "2026-02-01", country="FR") == "eu_destination"
        assert sell(company, "Later", 1, "2027-02-01", country="FR") == "eu_seller_rate"

    def test_each_seller_has_its_own(self, company: Company) -> None:
        sell(company, "Alice", 1_000_001, "2026-02-01", country="FR")
        other = Brand.objects.create(
            code="other", name="Other", country="DE", tax_number="DE999999999", created_at=JANUARY, updated_at=JANUARY
        )
        assert sell(company, "Bob", 1, "2026-02-02", country="FR", brand=other) == "eu_seller_rate"
        same = Brand.objects.create(
            code="same", name="Same", country="DE", tax_number="DE136695976", created_at=JANUARY, updated_at=JANUARY
        )
        assert sell(company, "Carl", 1, "2026-02-02", country="FR", brand=same) == "eu_destination"


class TestProofs:
    """`check_books` compares the roll-up with the documents."""

    def breaches(self) -> list[tuple[str, str]]:
        return [(breach.proof, breach.detail) for breach in check_books(now=at("2026-01-07"))]

    def test_turnover_that_no_document_makes_is_found(self, company: Company) -> None:
        sell(company, "Alice", 1000, "2026-01-05", country="CH", region="Zug")
        assert self.breaches() == []
        close("2026-01-06")
        assert self.breaches() == []
        TaxTurnover.objects.create(
            brand=company.brand,
            country="CH",
            region="ZUG",
            day="2026-01-05",
            currency="EUR",
            payments=0,
            net_minor=-1,
            consumers_net_minor=-1,
        )
        assert self.breaches() == [
            (
                "tax turnover is what documents of closed days come to",
                "2026-01-05 CH-ZUG: turnover says 999 EUR in 1 payments, documents 1000 in 1",
            )
        ]

    def test_a_document_that_nobody_counted_is_found(self, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
        close("2026-01-06")
        monkeypatch.setattr("invoicing.operations.issuing.count_sales", lambda sales: None)
        sell(company, "Alice", 1000, "2026-01-05")
        assert self.breaches() == [
            (
                "tax turnover is what documents of closed days come to",
                "2026-01-05 DE: turnover says 0 EUR in 0 payments, documents 1000 in 1",
            )
        ]

    def test_parts_that_do_not_sum_to_a_line_s_tax_are_found(self, company: Company) -> None:
        sell(company, "Alice", 1000, "2026-01-05")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE invoicing_invoiceline DISABLE TRIGGER USER")
            cursor.execute("UPDATE invoicing_invoiceline SET proof = jsonb_set(proof, '{tax,parts,0,4}', '189')")
            cursor.execute("ALTER TABLE invoicing_invoiceline ENABLE TRIGGER USER")
        ((proof, detail),) = self.breaches()
        assert proof == "the parts of a line's tax sum to it"
        assert detail.endswith("taxed 190, its parts 189")


class TestCountriesNobodySetUp:
    """What ships with us stands in: the EU is the EU, and a rate owed there is known."""

    def test_a_consumer_in_the_eu_pays_the_seller_s_rate(self, company: Company) -> None:
        assert sell(company, "Alice", 1000, "2026-02-01", country="FR") == "eu_seller_rate"
        assert Invoice.objects.get().tax_total_minor == 190

    def test_a_checked_business_in_the_eu_owes_the_tax_itself(self, company: Company) -> None:
        who: dict[str, Any] = {"type": "business", "tax_number": "FR40303265045", "tax_number_check": "format"}
        assert sell(company, "Alice", 1000, "2026-02-01", country="FR", **who) == "reverse_charge"
        assert InvoiceLine.objects.get().tax_category == "AE"

    def test_a_one_stop_shop_takes_the_shipped_rate_of_the_day(self, company: Company) -> None:
        """Finland: 24 % until August 2024, 25.5 % since."""
        company.brand.one_stop_shop = True
        company.brand.save()
        TaxRule.objects.update(valid_from="2020-01-01")
        for name, day, tax in (("Alice", "2024-08-31", 240), ("Bob", "2024-09-01", 255)):
            once = {"interval": "one_off", "type": "one_off"}
            assert sell(company, name, 1000, day, country="FI", price=once) == "eu_destination"
            assert Invoice.objects.get(customer__name=name).tax_total_minor == tax

    def test_they_never_collect(self, company: Company) -> None:
        TaxRule.objects.all().delete()
        TaxCountry.objects.all().delete()
        assert sell(company, "Alice", 1000, "2026-02-01", country="DE") == "not_collecting"
        assert sell(company, "Bob", 1000, "2026-02-01", country="CH") == "export_zero_rated"

    def test_who_is_set_up_is_known_by_its_rules_alone(self, company: Company) -> None:
        place(company, "FR", "20", in_eu=True)
        TaxRule.objects.filter(country__code="FR").delete()
        company.brand.one_stop_shop = True
        company.brand.save()
        assert sell(company, "Alice", 1000, "2026-02-01", country="FR") == "no_rate"
