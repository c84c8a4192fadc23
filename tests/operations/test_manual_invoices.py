"""Invoices and drafts made by hand (Billing rules, section 8)."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.models import PaymentAttempt
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.operations.manual_invoices import create_invoice, delete_draft, finalize_manual, update_draft
from core.errors import Conflict, Declined, Invalid
from core.operations import SYSTEM
from customers.models import Customer
from invoicing.models import Invoice, InvoiceLine, NumberCounter, RequestedLine, TaxRule
from invoicing.operations.requested_lines import ItemWanted, PaperWanted, PlanWanted
from ledger.models import CustomerBalance, Entry
from subscriptions.models import Plan, Price, TaxType, VoucherRedemption
from tests.books import assert_books_balance
from tests.cast import JANUARY, Company, at, make_company

pytestmark = pytest.mark.django_db

NOW = at("2026-01-31 10:17")
ITEM = PaperWanted(items=(ItemWanted("Set-up", 5000, "EUR"),))


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def make(customer: Customer, wanted: PaperWanted = ITEM, *, draft: bool = False) -> Invoice:
    return create_invoice(customer_id=customer.id, wanted=wanted, draft=draft, now=NOW, actor=SYSTEM)


def planned(company: Company, *amounts: int, seats: int = 1) -> tuple[PlanWanted, ...]:
    wanted = []
    for amount in amounts:
        price = company.price(unit_price=Decimal(amount))
        plan = company.plan(f"P{amount}", price, per_seat=True)
        wanted.append(PlanWanted(plan.id, price.id, seats))
    return tuple(wanted)


def credit(customer: Customer, minor: int) -> None:
    from billing.operations.balance import Adjustment, adjust_balance

    kind = "credit" if minor > 0 else "debit"
    adjust_balance(
        customer_id=customer.id, adjustment=Adjustment(kind, abs(minor), "EUR", "test"), now=JANUARY, actor=SYSTEM
    )


class TestIssuedAtOnce:
    def test_plans_and_an_item_add_up(self, company: Company, alice: Customer) -> None:
        invoice = make(alice, PaperWanted(planned(company, 1000, 2000), ITEM.items))
        assert (invoice.total_minor, invoice.amount_due_minor, invoice.status) == (8000, 8000, "open")
        assert (invoice.number, invoice.origin) == ("INV-2026-000001", "manual")
        assert list(invoice.lines.values_list("kind", "amount_minor", "item_id")) == [
            ("manual", 1000, None),
            ("manual", 2000, None),
            ("manual", 5000, None),
        ]
        assert str(invoice.due_date) == "2026-03-02"
        assert_books_balance()
        assert check_books(now=NOW) == ()

    def test_seats_multiply(self, company: Company, alice: Customer) -> None:
        assert make(alice, PaperWanted(planned(company, 3000, seats=30))).total_minor == 90000

    def test_due_dates_follow_the_payment_terms(self, company: Company, alice: Customer) -> None:
        company.brand.payment_terms_days = 14
        company.brand.save()
        assert str(make(alice).due_date) == "2026-02-14"
        company.card(alice)
        assert str(make(alice).due_date) == "2026-01-31"

    def test_tax_by_the_whole_decision(self, company: Company, alice: Customer) -> None:
        company.tax("DE", "19")
        inclusive = ItemWanted("Book", 1199, "EUR", including_tax=True)
        invoice = make(alice, PaperWanted(items=(ITEM.items[0], inclusive)))
        assert (invoice.sub_total_minor, invoice.tax_total_minor, invoice.total_minor) == (6008, 1141, 7149)
        Customer.objects.filter(id=alice.id).update(tax_exempt=True)
        assert make(alice).tax_total_minor == 0

    def test_an_item_has_its_own_tax_type(self, company: Company, alice: Customer) -> None:
        rule = company.tax("DE", "19")
        reduced = TaxType.objects.create(name="reduced", created_at=JANUARY)
        TaxRule.objects.create(
            country=rule.country, tax_type=reduced, rate=Decimal(7), valid_from=JANUARY.date(), created_at=JANUARY
        )
        wanted = PaperWanted(items=(ITEM.items[0], ItemWanted("Book", 1000, "EUR", tax_type_id=reduced.id)))
        assert [line.tax_minor for line in make(alice, wanted).lines.all()] == [950, 70]

    def test_it_counts_for_vouchers_as_one_that_opens_a_period(self, company: Company, alice: Customer) -> None:
        company.voucher(alice)
        first, second = make(alice), make(alice)
        assert (first.total_minor, second.total_minor) == (2500, 5000)
        assert VoucherRedemption.objects.get().remaining == 0

    def test_a_plans_voucher_takes_the_plans_line_only(self, company: Company, alice: Customer) -> None:
        plans = planned(company, 1000)
        redemption = company.voucher(alice)
        redemption.voucher.plans.set(Plan.objects.all())
        assert make(alice, PaperWanted(plans, ITEM.items)).total_minor == 5500

    def test_the_balance_pays(self, alice: Customer) -> None:
        credit(alice, 1100)
        invoice = make(alice)
        assert (invoice.total_minor, invoice.balance_applied_minor, invoice.amount_due_minor) == (5000, 1100, 3900)
        credit(alice, 6000)
        paid = make(alice)
        assert (paid.status, paid.amount_due_minor) == ("paid", 0)
        assert CustomerBalance.objects.get().balance_minor == 1000
        assert_books_balance()

    def test_a_card_is_charged_like_for_any_invoice(self, company: Company, alice: Customer) -> None:
        company.card(alice)
        first, second = make(alice), make(alice)
        keys = set(PaymentAttempt.objects.values_list("idempotency_key", flat=True))
        assert len(keys) == 2
        assert charge_due(NOW).succeeded == 2
        assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}
        assert {first.id, second.id} == set(PaymentAttempt.objects.values_list("invoice_id", flat=True))
        assert_books_balance()

    def test_a_covered_invoice_is_not_charged(self, company: Company, alice: Customer) -> None:
        company.card(alice)
        credit(alice, 5000)
        assert make(alice).status == "paid"
        assert not PaymentAttempt.objects.exists()


class TestRefusals:
    def fields(self, customer: Customer, wanted: PaperWanted) -> dict[str, str]:
        with pytest.raises(Invalid) as refusal:
            make(customer, wanted)
        assert not Invoice.objects.exists()
        return refusal.value.fields

    def test_nothing(self, alice: Customer) -> None:
        assert list(self.fields(alice, PaperWanted())) == ["items"]

    def test_nothing_to_pay(self, company: Company, alice: Customer) -> None:
        assert self.fields(alice, PaperWanted(planned(company, 0))) == {"items": "Nothing is charged."}

    def test_two_currencies(self, company: Company, alice: Customer) -> None:
        wanted = PaperWanted(planned(company, 1000), (ItemWanted("Set-up", 5000, "USD"),))
        assert self.fields(alice, wanted) == {"items.0.currency": "is in USD; the first line is in EUR"}

    def test_what_a_plan_does_not_sell(self, company: Company, alice: Customer) -> None:
        first, second = planned(company, 1000, 2000)
        Plan.objects.filter(id=second.plan_id).update(per_seat=False)
        usage = company.price(usage=True, type="unit", metric=company.metric("calls"))
        Plan.objects.get(id=first.plan_id).prices.add(usage)
        retired = company.price(retired_at=JANUARY)
        Plan.objects.get(id=first.plan_id).prices.add(retired)
        wanted = PaperWanted(
            (
                PlanWanted(first.plan_id, second.price_id),
                PlanWanted(second.plan_id, second.price_id, 2),
                PlanWanted(first.plan_id, usage.id),
                PlanWanted(first.plan_id, retired.id),
            )
        )
        assert self.fields(alice, wanted) == {
            "subscriptions.0.price": "It does not belong to this plan.",
            "subscriptions.1.seat_number": "This plan is not per seat.",
            "subscriptions.2.price": "It is charged for usage, which is not known ahead.",
            "subscriptions.3.price": "This price is retired.",
        }

    def test_a_disabled_customer(self, alice: Customer) -> None:
        Customer.objects.filter(id=alice.id).update(status="disabled", disabled_at=JANUARY)
        with pytest.raises(Conflict):
            make(alice)


class TestDrafts:
    def test_a_draft_uses_nothing(self, company: Company, alice: Customer) -> None:
        company.card(alice)
        company.voucher(alice)
        credit(alice, 100)
        entries = Entry.objects.count()
        draft = make(alice, draft=True)
        assert (draft.status, draft.number, draft.total_minor, draft.finalized_at) == ("draft", None, 2500, None)
        assert VoucherRedemption.objects.get().remaining == 1
        assert CustomerBalance.objects.get().balance_minor == 100
        assert Entry.objects.count() == entries
        assert not PaymentAttempt.objects.exists()
        assert not NumberCounter.objects.exists()

    def test_finalising_proposes_afresh(self, company: Company, alice: Customer) -> None:
        """The tax came, the voucher and the balance too, after the draft was written."""
        draft = make(alice, draft=True)
        assert draft.total_minor == 5000
        company.tax("DE", "19")
        company.voucher(alice)
        credit(alice, 100)
        invoice = finalize_manual(draft.id, now=at("2026-02-10"), actor=SYSTEM)
        assert (invoice.id, invoice.number, invoice.status) == (draft.id, "INV-2026-000001", "open")
        assert (invoice.sub_total_minor, invoice.tax_total_minor, invoice.amount_due_minor) == (2500, 475, 2875)
        assert (str(invoice.issue_date), str(invoice.due_date)) == ("2026-02-10", "2026-03-12")
        assert VoucherRedemption.objects.get().remaining == 0
        assert not RequestedLine.objects.exists()
        assert_books_balance()
        assert check_books(now=NOW) == ()

    def test_a_draft_is_finalised_once(self, alice: Customer) -> None:
        draft = make(alice, draft=True)
        finalize_manual(draft.id, now=NOW, actor=SYSTEM)
        for again in (
            lambda: finalize_manual(draft.id, now=NOW, actor=SYSTEM),
            lambda: update_draft(draft.id, ITEM, now=NOW, actor=SYSTEM),
            lambda: delete_draft(draft.id, now=NOW, actor=SYSTEM),
        ):
            with pytest.raises(Conflict, match="An invoice that is open does not allow: finalize"):
                again()
        assert InvoiceLine.objects.count() == 1

    def test_a_draft_is_changed_and_deleted(self, company: Company, alice: Customer) -> None:
        draft = make(alice, draft=True)
        changed = update_draft(draft.id, PaperWanted(planned(company, 700)), now=at("2026-02-03"), actor=SYSTEM)
        assert (changed.id, changed.total_minor, changed.created_at) == (draft.id, 700, draft.created_at)
        assert update_draft(draft.id, None, now=NOW, actor=SYSTEM).total_minor == 700
        delete_draft(draft.id, now=NOW, actor=SYSTEM)
        assert not Invoice.objects.exists()
        assert not InvoiceLine.objects.exists()
        assert not RequestedLine.objects.exists()

    def test_a_plan_retired_meanwhile_is_still_finalised(self, company: Company, alice: Customer) -> None:
        draft = make(alice, PaperWanted(planned(company, 700)), draft=True)
        Price.objects.update(retired_at=NOW)
        assert finalize_manual(draft.id, now=NOW, actor=SYSTEM).total_minor == 700

    def test_a_start_that_waits_for_its_charge_is_left_alone(self, company: Company, alice: Customer) -> None:
        company.card(alice, "tok_authentication_required")
        price = company.price()
        with pytest.raises(Declined):
            company.start(alice, company.plan("Team", price), price, now=NOW)
        draft = Invoice.objects.get(status="draft")
        with pytest.raises(Conflict, match="not made by hand"):
            finalize_manual(draft.id, now=NOW, actor=SYSTEM)
        with pytest.raises(Conflict, match="not made by hand"):
            delete_draft(draft.id, now=NOW, actor=SYSTEM)

    def test_a_lost_race_leaves_one_number(self, alice: Customer) -> None:
        draft = make(alice, draft=True)
        with transaction.atomic():
            finalize_manual(draft.id, now=NOW, actor=SYSTEM)
            transaction.set_rollback(True)
        assert Invoice.objects.get().status == "draft"
        assert finalize_manual(draft.id, now=NOW, actor=SYSTEM).number == "INV-2026-000001"


def test_a_finalised_manual_invoice_never_changes(alice: Customer) -> None:
    invoice = make(alice)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE invoicing_invoiceline SET net_minor = 1, gross_minor = 1, amount_minor = 1")
    assert InvoiceLine.objects.get().net_minor == invoice.total_minor
