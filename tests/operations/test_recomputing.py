"""Any document can be made again from its stored proofs (Billing rules, section 8)."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.queries.recomputing import recompute_credit_note, recompute_invoice
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def assert_all_equal() -> None:
    """Fail unless every document is what its proofs make."""
    made = [recompute_invoice(one) for one in Invoice.objects.select_related("brand")]
    made += [recompute_credit_note(one) for one in CreditNote.objects.select_related("brand")]
    assert made
    for document in made:
        faults = [(one.line.kind, one.missing, one.recounts) for one in document.lines if not one.is_equal]
        assert document.is_equal, (document.number, faults, document.totals)


TIERS = [
    {"first_unit": 1, "last_unit": 10, "unit_price": "1500", "flat_fee": "1000"},
    {"first_unit": 11, "last_unit": 20, "unit_price": "1000", "flat_fee": "1500"},
    {"first_unit": 21, "last_unit": None, "unit_price": "500", "flat_fee": "2500"},
]


class TestEqual:
    @pytest.mark.parametrize(
        "values",
        [
            {"type": "unit", "unit_price": Decimal("333.3")},
            {"type": "package", "unit_price": 1000, "units": 7, "free_units": 2},
            {"type": "tiered_graduated", "tiers": TIERS, "unit_price": 0},
            {"type": "tiered_volume", "tiers": TIERS, "unit_price": 0},
            {"type": "unit", "unit_price": 1199, "including_tax": True},
        ],
        ids=["unit", "package", "graduated", "volume", "inclusive"],
    )
    def test_prorated_stubs_seats_and_vouchers(self, company: Company, values: dict[str, object]) -> None:
        price, setup = company.price(**values), company.price(type="one_off", interval="one_off", unit_price=777)
        plan = company.plan("Team", price, per_seat=True)
        alice = company.customer("Alice")
        company.voucher(alice, percent=Decimal("12.5"), duration="forever")
        subscription = company.start(
            alice, plan, price, now=at("2026-01-15 10:17"), seats=25, alignment="calendar", items=(setup,)
        )
        add_seats(subscription_id=subscription.id, seats=3, now=at("2026-02-10"))
        remove_seats(subscription_id=subscription.id, seats=9, now=at("2026-02-20"))
        run("2026-02-01")
        run("2026-03-01")
        kinds = set(InvoiceLine.objects.values_list("kind", flat=True))
        assert kinds >= {"recurring", "seats", "one_off"}
        assert_all_equal()

    def test_two_vouchers_one_of_a_plan(self, company: Company) -> None:
        price = company.price(unit_price=3333)
        team, club = company.plan("Team", price), company.plan("Club", price)
        alice = company.customer("Alice")
        scoped = company.voucher(alice, percent=Decimal(10), duration="forever").voucher
        scoped.plans.add(team)
        company.voucher(alice, percent=Decimal("33.3"), duration="forever")
        for plan in (team, club):
            company.start(alice, plan, price, now=at("2026-01-15"))
        run("2026-02-15")
        line = InvoiceLine.objects.filter(invoice__due_moment_at=at("2026-02-15")).order_by("position").first()
        assert line is not None
        assert len(line.proof["vouchers"]) == 2
        assert_all_equal()

    def test_a_credit_note_of_seats_that_went(self, company: Company) -> None:
        price = company.price(type="unit")
        plan = company.plan("Team", price, per_seat=True)
        subscription = company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"), seats=5)
        remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-01-02"))
        run("2026-02-01")
        assert CreditNote.objects.count() == 1
        assert_all_equal()


class TestDifferent:
    @pytest.mark.parametrize(
        ("change", "names"),
        [
            (lambda proof: proof.update(price=proof["other"]), {"amount", "net", "tax", "gross"}),
            (lambda proof: proof["tax"]["parts"][0].__setitem__(3, "16"), {"tax", "gross"}),
            (lambda proof: proof.update(fraction=[1, 2]), {"amount", "net", "tax", "gross"}),
        ],
        ids=["another price", "another rate", "another share"],
    )
    def test_what_differs_is_named(
        self, company: Company, change: Callable[[dict[str, object]], None], names: set[str]
    ) -> None:
        price, other = company.price(), company.price(unit_price=2900)
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        line = InvoiceLine.objects.get()
        proof = {**line.proof, "other": str(other.id)}
        change(proof)
        _store_proof(line, proof)
        (recounted,) = recompute_invoice(Invoice.objects.select_related("brand").get()).lines
        assert {one.name.split(" of ")[0] for one in recounted.recounts if not one.is_equal} == names

    def test_what_is_missing_is_named(self, company: Company) -> None:
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        line = InvoiceLine.objects.get()
        _store_proof(line, {name: value for name, value in line.proof.items() if name != "tax"})
        document = recompute_invoice(Invoice.objects.select_related("brand").get())
        assert [one.missing for one in document.lines] == ["tax"]
        assert not document.is_equal


class TestCommand:
    def test_equality_and_difference_line_by_line(self, company: Company) -> None:
        price = company.price()
        company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-01"))
        said = StringIO()
        call_command("recompute_invoice", "INV-2026-000001", stdout=said)
        assert "  1. Team [recurring] 3000 x 1 = 3000\n     equal    amount €30.00" in said.getvalue()
        assert said.getvalue().endswith("  equal    amount due €35.70\nequal\n")
        line = InvoiceLine.objects.get()
        _store_proof(line, {**line.proof, "fraction": [15, 30]})
        said = StringIO()
        with pytest.raises(CommandError, match="INV-2026-000001: differs"):
            call_command("recompute_invoice", "INV-2026-000001", stdout=said)
        assert "     DIFFERS  amount €30.00, computed €15.00" in said.getvalue()
        assert "  DIFFERS  total €35.70, computed €17.85" in said.getvalue()
        assert said.getvalue().endswith("DIFFERENT\n")

    def test_a_number_nobody_has(self) -> None:
        with pytest.raises(CommandError, match="No invoice and no credit note"):
            call_command("recompute_invoice", "INV-1")


def _store_proof(line: InvoiceLine, proof: dict[str, object]) -> None:
    """Change a proof around the guards."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE invoicing_invoiceline DISABLE TRIGGER USER")
        cursor.execute("UPDATE invoicing_invoiceline SET proof = %s WHERE id = %s", [json.dumps(proof), line.id])
        cursor.execute("ALTER TABLE invoicing_invoiceline ENABLE TRIGGER USER")
