"""Starting subscriptions: terms, first documents, cards (Billing rules, section 5, Start and Trials)."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Payment, PaymentAttempt
from billing.operations.cards import add_card
from billing.operations.charging import ChargeDeclined, charge_due
from billing.operations.doctor import check_books
from billing.operations.start import ItemCommand, NoUsablePaymentMethod, StartCommand, start_subscription
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict, Invalid, NotFound
from core.models import OutboxEvent
from customers.models import Agenda, Brand, Customer
from invoicing.models import Invoice, InvoiceLine
from subscriptions.models import Plan, Price, Product, Subscription, SubscriptionEvent, VoucherRedemption
from tests.cast import JANUARY, Company, at, make_company

pytestmark = pytest.mark.django_db

NOW = at("2026-01-31 10:17")


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def price(company: Company) -> Price:
    return company.price()


@pytest.fixture
def team(company: Company, price: Price) -> Plan:
    return company.plan("Team", price)


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def start(customer: Customer, plan: Plan, *, now: str = "2026-01-31 10:17", **values: Any) -> Subscription:
    """Start a plan with its first price unless another is named."""
    if not {"price_id", "schedule"} & values.keys():
        values["price_id"] = plan.prices.order_by("id")[0].id
    return start_subscription(customer_id=customer.id, command=StartCommand(plan=str(plan.id), **values), now=at(now))


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def billed() -> list[tuple[str, str, str, int]]:
    lines = InvoiceLine.objects.order_by("invoice__sequence", "position")
    return [(line.kind, f"{line.period_start:%m-%d}", f"{line.period_end:%m-%d}", line.amount_minor) for line in lines]


def statuses() -> list[tuple[int, str]]:
    return list(Invoice.objects.order_by("sequence").values_list("total_minor", "status"))


class TestAtOnce:
    def test_an_invoice_customer_is_active_with_an_open_invoice(self, alice: Customer, team: Plan) -> None:
        subscription = start(alice, team)
        assert (subscription.status, subscription.billed_to_at) == ("active", NOW)
        assert (subscription.current_period_start, subscription.current_period_end) == (NOW, at("2026-02-28 10:17"))
        assert subscription.next_due_at == Agenda.objects.get().due_at == at("2026-02-28 10:17")
        assert statuses() == [(3000, "open")]
        assert [event.to_status for event in SubscriptionEvent.objects.all()] == ["active"]
        assert OutboxEvent.objects.filter(type="subscription.created").count() == 1
        assert check_books(now=NOW) == ()

    def test_what_costs_nothing_needs_no_card_and_no_paper(self, company: Company) -> None:
        bob = company.customer("Bob", billing_type="card")
        free = company.plan("Free", company.price(unit_price=Decimal(0)))
        assert start(bob, free).status == "active"
        assert not Invoice.objects.exists()

    def test_a_voucher_for_everything_charges_no_card(self, company: Company, team: Plan) -> None:
        bob = company.customer("Bob")
        company.card(bob, "tok_declined")
        company.voucher(bob, percent=Decimal(100))
        assert start(bob, team).status == "active"
        assert statuses() == [(0, "paid")]
        assert VoucherRedemption.objects.get().remaining == 0
        assert not PaymentAttempt.objects.exists()

    def test_seats_and_further_prices_are_on_the_first_invoice(self, company: Company, alice: Customer) -> None:
        seat, fee = (
            company.price(type="unit", unit_price=Decimal(1000)),
            company.price(type="one_off", interval="one_off"),
        )
        plan = company.plan("Seats", seat, per_seat=True)
        start(alice, plan, price_id=seat.id, seats=3, items=(ItemCommand(fee.id, 2),))
        assert billed() == [("recurring", "01-31", "02-28", 3000), ("one_off", "01-31", "01-31", 6000)]

    def test_a_backdated_start_is_one_invoice_with_a_line_a_period(self, alice: Customer, team: Plan) -> None:
        subscription = start(alice, team, now="2026-04-15", start_at=NOW)
        assert billed() == [
            ("recurring", "01-31", "02-28", 3000),
            ("recurring", "02-28", "03-31", 3000),
            ("recurring", "03-31", "04-30", 3000),
        ]
        assert statuses() == [(9000, "open")]
        assert (subscription.billed_to_at, subscription.next_due_at) == (at("2026-04-15"), at("2026-04-30 10:17"))
        run("2026-04-30 10:17")
        assert billed()[3:] == [("recurring", "04-30", "05-31", 3000)]
        assert check_books(now=at("2026-04-30 10:17")) == ()

    def test_a_later_billing_date_is_free_until_then(self, alice: Customer, team: Plan) -> None:
        subscription = start(alice, team, now="2026-01-01", bill_from_at=at("2026-01-15"))
        assert (subscription.status, subscription.next_due_at) == ("active", at("2026-01-15"))
        assert (subscription.current_period_start, subscription.current_period_end) == (
            at("2026-01-01"),
            at("2026-01-15"),
        )
        assert not Invoice.objects.exists()
        run("2026-02-01")
        assert billed() == [("recurring", "01-15", "02-01", 1645), ("recurring", "02-01", "03-01", 3000)]
        assert Invoice.objects.count() == 2

    def test_a_billing_date_between_a_backdated_start_and_now(self, alice: Customer, team: Plan) -> None:
        start(alice, team, now="2026-03-10", start_at=at("2026-01-01"), bill_from_at=at("2026-02-01"))
        assert billed() == [("recurring", "02-01", "03-01", 3000), ("recurring", "03-01", "04-01", 3000)]

    def test_the_second_subscription_of_a_day_moves_the_agenda_to_the_later_one(
        self, alice: Customer, team: Plan
    ) -> None:
        start(alice, team, now="2026-01-10 10:17")
        start(alice, team, now="2026-01-10 15:00")
        assert Agenda.objects.get().due_at == at("2026-02-10 15:00")


class TestTrial:
    @pytest.fixture
    def trial(self, company: Company, price: Price) -> Plan:
        return company.plan("Trial", price, has_trial=True, trial_length_days=14)

    def test_it_is_free_and_due_at_its_end(self, alice: Customer, trial: Plan) -> None:
        subscription = start(alice, trial)
        assert (subscription.status, subscription.trial_end_at) == ("trial_active", at("2026-02-14 10:17"))
        assert subscription.next_due_at == Agenda.objects.get().due_at == subscription.trial_end_at
        assert (subscription.current_period_end, Invoice.objects.count()) == (subscription.trial_end_at, 0)

    def test_denied_it_is_paid_from_the_start(self, alice: Customer, trial: Plan) -> None:
        assert start(alice, trial, trial=False).status == "active"
        assert statuses() == [(3000, "open")]

    def test_one_a_customer_and_plan_then_it_is_paid(self, alice: Customer, trial: Plan) -> None:
        start(alice, trial)
        assert start(alice, trial).status == "active"
        with pytest.raises(Invalid) as refusal:
            start(alice, trial, trial=True)
        assert "subscription_plan" in refusal.value.fields

    def test_as_many_as_the_plan_allows(self, company: Company, alice: Customer, price: Price) -> None:
        generous = company.plan("Generous", price, has_trial=True, trial_length_days=14, one_trial_per_customer=False)
        assert {start(alice, generous).status, start(alice, generous).status} == {"trial_active"}

    def test_how_long_must_be_known(self, alice: Customer, team: Plan) -> None:
        with pytest.raises(Invalid) as refusal:
            start(alice, team, trial=True)
        assert "trial_length_days" in refusal.value.fields
        assert start(alice, team, trial=True, trial_days=3).trial_end_at == at("2026-02-03 10:17")


class TestCards:
    @pytest.fixture
    def bob(self, company: Company) -> Customer:
        return company.customer("Bob", billing_type="card")

    def test_without_a_card_nothing_starts(self, bob: Customer, team: Plan) -> None:
        with pytest.raises(NoUsablePaymentMethod):
            start(bob, team)
        assert (Subscription.objects.count(), Invoice.objects.count()) == (0, 0)

    def test_the_card_that_is_named_is_charged(self, company: Company, bob: Customer, team: Plan) -> None:
        """The default would be declined."""
        company.card(bob, "tok_declined")
        named = add_card(customer_id=bob.id, token="tok_visa", now=JANUARY)
        subscription = start(bob, team, payment_method_id=named.id)
        assert (subscription.status, subscription.payment_method) == ("active", named)
        assert Payment.objects.get().payment_method == named
        assert statuses() == [(3000, "paid")]

    def test_the_card_that_comes_with_the_start_is_charged(self, company: Company, bob: Customer, team: Plan) -> None:
        company.card(bob)
        with pytest.raises(ChargeDeclined):
            start(bob, team, card_token="tok_declined")
        assert not Subscription.objects.exists()

    def test_a_declined_start_spends_no_voucher_and_no_balance(
        self, company: Company, bob: Customer, team: Plan
    ) -> None:
        company.card(bob, "tok_declined")
        company.voucher(bob)
        with pytest.raises(ChargeDeclined):
            start(bob, team)
        assert (VoucherRedemption.objects.get().remaining, Agenda.objects.get().due_at) == (1, None)
        assert check_books(now=NOW) == ()

    def test_another_customers_card_is_no_card(self, company: Company, bob: Customer, team: Plan) -> None:
        charlie = company.customer("Charlie")
        card = company.card(charlie)
        with pytest.raises(Invalid) as refusal:
            start(bob, team, payment_method_id=card.id)
        assert "payment_details" in refusal.value.fields


class TestTwoDocumentsOfOneStart:
    """A VAT seller in Germany, a customer in the United States: services (O) stand apart from goods (G)."""

    @pytest.fixture
    def bob(self, company: Company) -> Customer:
        Brand.objects.update(vat_registered=True)
        company.tax("DE", "19")
        bob = company.customer("Bob", country="US")
        company.card(bob)
        return bob

    @staticmethod
    def goods(company: Company, unit_price: int) -> Price:
        product = Product.objects.create(
            name="Box", tax_type=company.product.tax_type, physical=True, created_at=JANUARY
        )
        return Price.objects.create(
            product=product,
            created_at=JANUARY,
            type="fixed_price",
            currency="EUR",
            unit_price=Decimal(unit_price),
            interval="month",
        )

    def test_the_first_decides_and_the_second_is_charged_like_any_invoice(
        self, company: Company, bob: Customer, team: Plan
    ) -> None:
        start(bob, team, items=(ItemCommand(self.goods(company, 500).id),))
        assert statuses() == [(3000, "paid"), (500, "open")]
        charge_due(NOW)
        assert statuses() == [(3000, "paid"), (500, "paid")]
        assert check_books(now=NOW) == ()

    def test_where_only_the_second_costs_something_it_decides(self, company: Company, bob: Customer) -> None:
        """The services are free: no paper of theirs, the goods' is the draft."""
        free = company.plan("Free", company.price(unit_price=Decimal(0)))
        start(bob, free, items=(ItemCommand(self.goods(company, 500).id),))
        assert statuses() == [(500, "paid")]

    def test_a_zero_paper_before_the_charged_one(self, company: Company, bob: Customer, team: Plan) -> None:
        """30.00 off, which the services take up: their paper is paid, the goods are charged."""
        voucher = company.voucher(bob, type="fixed_discount", percent=None)
        voucher.voucher.amounts.create(currency="EUR", amount_minor=3000)
        start(bob, team, items=(ItemCommand(self.goods(company, 500).id),))
        assert sorted(statuses()) == [(0, "paid"), (500, "paid")]
        assert VoucherRedemption.objects.get().remaining == 0
        assert check_books(now=NOW) == ()


class TestRefusals:
    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"price_id": uuid.UUID(int=1)}, "price"),
            ({"seats": 2}, "seat_number"),
            ({"start_at": at("2026-01-31 10:18")}, "start_date"),
            ({"items": (ItemCommand(uuid.UUID(int=1)),)}, "items.0.price"),
            ({"schedule": "year", "currency": "EUR"}, "schedule"),
            ({"schedule": "month", "currency": "USD"}, "schedule"),
            ({"schedule": "month"}, "price"),
            ({"trial": True, "trial_days": 3, "bill_from_at": at("2026-03-01")}, "bill_from"),
        ],
    )
    def test_each_names_its_field_and_nothing_starts(
        self, alice: Customer, team: Plan, values: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(Invalid) as refusal:
            start(alice, team, **values)
        assert field in refusal.value.fields
        assert not Subscription.objects.exists()

    def test_schedule_and_currency_pick_the_only_public_price(
        self, company: Company, alice: Customer, team: Plan, price: Price
    ) -> None:
        team.prices.add(company.price(public=False), company.price(interval="year"), company.price(currency="USD"))
        assert start(alice, team, schedule="month", currency="EUR").items.get().terms.get().price == price
        team.prices.add(company.price())
        with pytest.raises(Invalid, match="More than one"):
            start(alice, team, schedule="month", currency="EUR")

    def test_a_disabled_customer_starts_nothing(self, company: Company, team: Plan) -> None:
        charlie = company.customer("Charlie", status="disabled", disabled_at=JANUARY)
        with pytest.raises(Conflict) as refusal:
            start(charlie, team)
        assert refusal.value.code == "customer_disabled"

    def test_a_retired_plan_is_not_sold(self, alice: Customer, team: Plan) -> None:
        Plan.objects.update(retired_at=JANUARY)
        with pytest.raises(Invalid) as refusal:
            start(alice, team)
        assert "subscription_plan" in refusal.value.fields

    def test_nobody_is_not_found(self, team: Plan) -> None:
        with pytest.raises(NotFound):
            start(Customer(id=uuid.UUID(int=1)), team)
