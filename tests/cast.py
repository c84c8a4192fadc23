"""The fixed cast and the company that bills them: rows for tests, made as small as a bill needs."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.operations.start import ItemCommand, StartCommand, start_subscription
from customers.models import Agenda, Brand, Customer, PaymentMethod
from invoicing.models import TaxCountry, TaxRule, TaxState
from subscriptions.models import Metric, Plan, Price, Product, Subscription, TaxType, Voucher, VoucherRedemption

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
UNDUNNED: dict[str, Any] = {"overdue_reminder_days": [], "overdue_disable_days": None}
"""Of a brand whose invoice customers never pay and are billed all the same."""


def at(text: str) -> datetime:
    """Read a UTC moment: `2026-01-31` or `2026-01-31 10:17`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Company:
    """A brand with a catalogue that grows as a test asks for it."""

    brand: Brand
    product: Product
    plans: dict[str, Plan] = field(default_factory=dict)

    def price(self, **values: Any) -> Price:
        """Add a price; 30.00 EUR a month unless said otherwise."""
        defaults: dict[str, Any] = {
            "type": "fixed_price",
            "currency": "EUR",
            "unit_price": Decimal(3000),
            "interval": "month",
            "interval_count": 1,
            "billing_timing": "arrears" if values.get("usage") else "advance",
        }
        return Price.objects.create(product=self.product, created_at=JANUARY, **{**defaults, **values})

    def plan(self, name: str, *prices: Price, **values: Any) -> Plan:
        """Add a plan with its prices."""
        plan = Plan.objects.create(
            product=self.product, name=name, code_name=name.lower(), created_at=JANUARY, **values
        )
        plan.prices.set(prices)
        self.plans[name] = plan
        return plan

    def metric(self, code: str, aggregation: str = "sum", **values: Any) -> Metric:
        """Add a metric."""
        return Metric.objects.create(
            name=code.replace("_", " ").capitalize(), code=code, aggregation=aggregation, created_at=JANUARY, **values
        )

    def customer(self, name: str, **values: Any) -> Customer:
        """Add a customer who pays by invoice unless a card is given."""
        defaults: dict[str, Any] = {
            "brand": self.brand,
            "email": f"{name.lower()}@example.com",
            "billing_type": "invoice",
            "country": "DE",
        }
        customer = Customer.objects.create(name=name, created_at=JANUARY, updated_at=JANUARY, **{**defaults, **values})
        Agenda.objects.create(customer=customer, test_clock=customer.test_clock)
        return customer

    def card(self, customer: Customer, token: str = "tok_visa") -> PaymentMethod:
        """Give a customer a sandbox card and let it be charged."""
        from billing.operations.cards import add_card

        Customer.objects.filter(id=customer.id).update(billing_type="card")
        customer.billing_type = "card"
        return add_card(customer_id=customer.id, token=token, now=JANUARY)

    def tax(self, country: str, rate: str) -> TaxRule:
        """Add a country that collects at one rate."""
        tax_type = TaxType.objects.get(default=True)
        place = TaxCountry.objects.create(
            code=country, name=country, collecting=True, in_eu=True, b2b_reverse_charge=True, created_at=JANUARY
        )
        return TaxRule.objects.create(
            country=place, tax_type=tax_type, rate=Decimal(rate), valid_from=JANUARY.date(), created_at=JANUARY
        )

    def tax_in_quebec(self) -> None:
        """Collect in Canada, outside the EU, at 5 %, and in Quebec at 9.975 % beside it."""
        country = self.tax("CA", "5").country
        TaxCountry.objects.filter(id=country.id).update(in_eu=False)
        quebec = TaxState.objects.create(country=country, code="QC", name="Quebec", collecting=True, created_at=JANUARY)
        TaxRule.objects.create(
            country=country,
            state=quebec,
            tax_type=TaxType.objects.get(default=True),
            rate=Decimal("9.975"),
            valid_from=JANUARY.date(),
            created_at=JANUARY,
        )

    def voucher(self, customer: Customer, **values: Any) -> VoucherRedemption:
        """Give a customer a voucher already redeemed: 50 % once unless said otherwise."""
        defaults: dict[str, Any] = {
            "name": "Half",
            "type": "percentage",
            "percent": Decimal(50),
            "code": str(uuid.uuid4()),
        }
        voucher = Voucher.objects.create(created_at=JANUARY, **{**defaults, **values})
        remaining = {"once": 1, "forever": None}.get(voucher.duration, voucher.duration_count)
        return VoucherRedemption.objects.create(
            voucher=voucher, customer=customer, remaining=remaining, redeemed_at=JANUARY
        )

    def start(
        self,
        customer: Customer,
        plan: Plan,
        price: Price,
        *,
        now: datetime,
        items: tuple[Price, ...] = (),
        **values: Any,
    ) -> Subscription:
        """Start a subscription at a moment."""
        command = StartCommand(
            plan=str(plan.id),
            price_id=price.id,
            items=tuple(ItemCommand(item.id) for item in items),
            **values,
        )
        return start_subscription(customer_id=customer.id, command=command, now=now)


def make_company(**values: Any) -> Company:
    """Make a brand in Germany without tax rules, and its product."""
    defaults: dict[str, Any] = {"code": "default", "name": "Example GmbH", "country": "DE", "tax_number": "DE136695976"}
    brand = Brand.objects.create(created_at=JANUARY, updated_at=JANUARY, **{**defaults, **values})
    tax_type = TaxType.objects.create(name="standard", default=True, digital=True, created_at=JANUARY)
    return Company(brand, Product.objects.create(name="Example", tax_type=tax_type, created_at=JANUARY))
