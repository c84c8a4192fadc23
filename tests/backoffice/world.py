"""One row of everything for each of n customers, as the rooms would leave them: what the pages are looked at with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from billing.models import (
    BillingRun,
    FoundCharge,
    MassChange,
    MassChangePart,
    ParkedCustomer,
    Payment,
    PaymentAttempt,
    Receipt,
    Refund,
    SimulationRun,
)
from core.identifiers import new_id
from core.models import ApiKey, AuditEntry, ExchangeRate, IdempotencyRecord, Instance, OutboxEvent, TestClock
from customers.models import Agenda, Brand, Customer, DisabledStretch, PaymentMethod
from invoicing.models import (
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    NumberCounter,
    NumberSeries,
    Quote,
    RequestedLine,
    RevenueRecognition,
    StoredDocument,
    TaxClosing,
    TaxCountry,
    TaxRule,
    TaxState,
    TaxTurnover,
    VoucherUse,
    WaitingPart,
    WaitingStep,
)
from ledger.models import Account, CustomerBalance, Entry, Posting
from subscriptions.models import (
    Feature,
    ItemTerms,
    Metric,
    MetricFilter,
    PendingChange,
    Plan,
    PlanLimit,
    Price,
    Product,
    RedemptionPeriod,
    Subscription,
    SubscriptionEvent,
    SubscriptionItem,
    SubscriptionTerms,
    TaxType,
    Voucher,
    VoucherAmount,
    VoucherRedemption,
)
from usage.models import BusySubscription, HourTotal, UsageEvent, UsageLimit

NOW = datetime(2026, 3, 9, 8, 5, tzinfo=UTC)
START = NOW - timedelta(days=31)
PROOF = {
    "price": "0195c000-0000-7000-8000-000000000001",
    "terms": 1,
    "steps": "2 x 5000 = 10000",
    "fraction": [15, 30],
    "tax": {"code": "domestic", "parts": [["rule", "VAT", "DE", "19", 1900]]},
}


@dataclass(frozen=True, slots=True)
class World:
    """The first row of each kind that tests name."""

    customer: Customer
    subscription: Subscription
    invoice: Invoice
    draft: Invoice
    payment: Payment
    metric: Metric


def make_world(count: int = 1, *, since: int = 0) -> World:
    """Store `count` customers with one row of everything; a second call needs another `since`."""
    worlds = [_make_one(number) for number in range(since, since + count)]
    return worlds[0]


def _make_one(number: int) -> World:
    """Store one customer and everything around it."""
    plan, price, metric, tax_type = _make_catalogue(number)
    brand, series = _make_brand(number)
    country = TaxCountry.objects.create(code=_country_code(number), name=f"Country {number}", created_at=START)
    state = TaxState.objects.create(country=country, code="S", name=f"State {number}", created_at=START)
    TaxRule.objects.create(
        country=country, state=state, tax_type=tax_type, rate=19, valid_from=START.date(), created_at=START
    )
    clock = TestClock.objects.create(name=f"Clock {number}", now_at=NOW, created_at=START)
    customer = Customer.objects.create(
        brand=brand,
        email=f"alice{number}@example.com",
        company_name=f"Alice {number} Ltd",
        reference=f"ref-{number}",
        country="DE",
        street_line_one="Lindenstraße 12",
        postcode="10969",
        city="Berlin",
        tax_number="DE136695976",
        test_clock=clock,
        created_at=START,
        updated_at=START,
    )
    Agenda.objects.create(customer=customer, due_at=NOW + timedelta(days=28), test_clock=clock, retry_at=NOW)
    FoundCharge.objects.create(
        provider="sandbox",
        idempotency_key=f"found-{number}",
        external_reference=f"found-{number}",
        customer=customer,
        finding="unknown",
        outcome="succeeded",
        currency="EUR",
        amount_minor=3000,
        charged_at=NOW,
        found_at=NOW,
    )
    ParkedCustomer.objects.create(
        customer=customer, reason="The price has no tax type.", first_failed_at=NOW, last_failed_at=NOW
    )
    card = PaymentMethod.objects.create(
        customer=customer,
        provider="sandbox",
        provider_reference=f"card-{number}",
        brand="Visa",
        last_four="4242",
        expiry_month=4,
        expiry_year=2030,
        is_default=True,
        created_at=START,
    )
    subscription, item = _make_subscription(customer, plan, price)
    DisabledStretch.objects.create(customer=customer, from_at=START, to_at=NOW)
    UsageLimit.objects.create(
        customer=customer, name=f"Warning {number}", amount_minor=2000, action="warning", created_at=START
    )
    BusySubscription.objects.create(subscription_id=subscription.id, noted_at=START)
    HourTotal.objects.create(
        subscription_id=subscription.id,
        metric_id=metric.id,
        hour=START.replace(minute=0),
        event_count=2,
        total=Decimal(7),
        greatest=Decimal(4),
        first_at=START,
        last_at=START,
    )
    UsageEvent.objects.create(
        subscription_id=subscription.id,
        event_id=f"event-{number}",
        metric_id=metric.id,
        value=Decimal("1234.5"),
        properties={"region": "eu"},
        timestamp=NOW,
        received_at=NOW,
    )
    voucher = Voucher.objects.create(name="Spring", type="fixed_discount", code=f"SPRING{number}", created_at=START)
    VoucherAmount.objects.create(voucher=voucher, currency="EUR", amount_minor=500)
    redemption = VoucherRedemption.objects.create(voucher=voucher, customer=customer, remaining=2, redeemed_at=START)
    RedemptionPeriod.objects.create(redemption=redemption, subscription=subscription, until_at=NOW)
    invoice = _make_invoice(customer, series["invoice"], number, card)
    VoucherUse.objects.create(invoice=invoice, redemption=redemption)
    draft = _make_draft(customer)
    _make_quote(customer)
    step = WaitingStep.objects.create(customer=customer, moment=START, finalize_at=NOW, created_at=START)
    WaitingPart.objects.create(step=step, subscription=subscription, billed_from_at=START)
    _make_line(invoice, subscription, item)
    payment = _make_payment(invoice, card, series["receipt"], number)
    _make_credit_note(invoice, subscription, item, series["credit_note"], number)
    mass_change = MassChange.objects.create(
        country="DE",
        new_plan=subscription.plan,
        status="running",
        due_at=NOW,
        created_at=START,
        started_at=NOW,
    )
    MassChangePart.objects.create(
        mass_change=mass_change, subscription=subscription, outcome="failed", reason="No price", settled_at=NOW
    )
    Refund.objects.create(
        customer=customer,
        payment=payment,
        number=1,
        provider="sandbox",
        idempotency_key=f"refund-{number}",
        external_reference=f"re-{number}",
        status="issued",
        currency="EUR",
        amount_minor=100,
        from_balance_minor=100,
        reason="Paid twice",
        calls=1,
        created_at=NOW,
        settled_at=NOW,
    )
    _make_plumbing(number, invoice)
    return World(customer, subscription, invoice, draft, payment, metric)


def _country_code(number: int) -> str:
    """Return a code of two letters that no other number has."""
    return chr(ord("A") + number // 26) + chr(ord("A") + number % 26)


def _make_brand(number: int) -> tuple[Brand, dict[str, NumberSeries]]:
    """Store a brand with its series."""
    brand = Brand.objects.create(
        code=f"brand-{number}",
        name=f"Brand {number}",
        country="DE",
        logo=b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
        logo_type="image/svg+xml",
        created_at=START,
        updated_at=START,
    )
    series = {
        kind: NumberSeries.objects.create(brand=brand, kind=kind, created_at=START) for kind in NumberSeries.Kind.values
    }
    NumberCounter.objects.create(series=series["invoice"], year=2026, last_sequence=number + 1)
    return brand, series


def _make_catalogue(number: int) -> tuple[Plan, Price, Metric, TaxType]:
    """Store a product with a plan, a price, a usage price and its metric."""
    tax_type = TaxType.objects.create(name=f"Services {number}", created_at=START)
    product = Product.objects.create(name=f"Product {number}", tax_type=tax_type, created_at=START)
    metric = Metric.objects.create(name=f"Calls {number}", code=f"calls-{number}", aggregation="sum", created_at=START)
    MetricFilter.objects.create(metric=metric, name="region", value="eu", type="inclusive")
    price = Price.objects.create(
        product=product, type="fixed_price", currency="EUR", unit_price=5000, interval="month", created_at=START
    )
    usage = Price.objects.create(
        product=product,
        type="unit",
        currency="EUR",
        unit_price=Decimal("0.03"),
        interval="month",
        billing_timing="arrears",
        usage=True,
        metric=metric,
        created_at=START,
    )
    feature = Feature.objects.create(name=f"Exports {number}", code=f"exports-{number}", created_at=START)
    plan = Plan.objects.create(product=product, name=f"Team {number}", code_name=f"team-{number}", created_at=START)
    plan.prices.set([price, usage])
    plan.features.set([feature])
    PlanLimit.objects.create(plan=plan, feature=feature, limit=100)
    return plan, price, metric, tax_type


def _make_subscription(customer: Customer, plan: Plan, price: Price) -> tuple[Subscription, SubscriptionItem]:
    """Store a subscription with its terms."""
    subscription = Subscription.objects.create(
        customer=customer,
        plan=plan,
        currency="EUR",
        status="active",
        started_at=START,
        current_period_start=START,
        current_period_end=NOW,
        next_due_at=NOW,
        created_at=START,
        updated_at=START,
    )
    SubscriptionTerms.objects.create(
        subscription=subscription,
        version=1,
        from_at=START,
        phase="paid",
        plan=plan,
        anchor_wall=START.replace(tzinfo=None),
        interval="month",
        interval_count=1,
        time_zone="Europe/Berlin",
        reason="started",
        recorded_at=START,
    )
    item = SubscriptionItem.objects.create(subscription=subscription, position=0, created_at=START)
    ItemTerms.objects.create(
        item=item, version=1, from_at=START, price=price, quantity=2, delta=2, change="started", recorded_at=START
    )
    SubscriptionEvent.objects.create(
        subscription=subscription, to_status="active", action="start", actor="api", happened_at=START
    )
    PendingChange.objects.create(
        subscription=subscription,
        kind="seats",
        quantity=7,
        due_at=NOW + timedelta(days=20),
        at_boundary=True,
        actor="api",
        created_at=NOW,
    )
    return subscription, item


def _make_quote(customer: Customer) -> None:
    """Store an open quote over 50.00 EUR."""
    quote = Quote.objects.create(
        customer=customer,
        name="Set-up",
        status="open",
        currency="EUR",
        sub_total_minor=5000,
        tax_total_minor=0,
        total_minor=5000,
        lines=[],
        expires_at=NOW,
        created_at=START,
        updated_at=START,
    )
    RequestedLine.objects.create(quote=quote, position=1, description="Set-up", amount_minor=5000, currency="EUR")


def _make_invoice(customer: Customer, series: NumberSeries, number: int, card: PaymentMethod) -> Invoice:
    """Store a paid invoice over 119.00 EUR."""
    return Invoice.objects.create(
        customer=customer,
        brand=customer.brand,
        origin="cycle",
        status="paid",
        currency="EUR",
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"INV-2026-{number + 1:06}",
        due_moment_at=NOW,
        issue_date=NOW.date(),
        due_date=NOW.date(),
        supply_start=START,
        supply_end=NOW,
        sub_total_minor=10000,
        tax_total_minor=1900,
        total_minor=11900,
        amount_paid_minor=11900,
        amount_due_minor=0,
        billing_type="card",
        payment_method=card,
        seller={"name": "Brand GmbH", "country": "DE"},
        buyer={"company_name": customer.company_name, "city": "Berlin"},
        locale="en",
        time_zone="Europe/Berlin",
        notes=["Thank you."],
        created_at=NOW,
        finalized_at=NOW,
        paid_at=NOW,
    )


def _make_draft(customer: Customer) -> Invoice:
    """Store a draft over nothing."""
    return Invoice.objects.create(
        customer=customer,
        brand=customer.brand,
        origin="start",
        status="draft",
        currency="EUR",
        due_moment_at=NOW,
        sub_total_minor=0,
        tax_total_minor=0,
        total_minor=0,
        amount_due_minor=0,
        billing_type="card",
        seller={},
        buyer={},
        locale="en",
        time_zone="UTC",
        created_at=NOW,
    )


def _make_line(invoice: Invoice, subscription: Subscription, item: SubscriptionItem) -> None:
    """Store the invoice's one line, with its entry in the books."""
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        subscription=subscription,
        item=item,
        kind="recurring",
        period_start=START,
        period_end=NOW,
        description="Team, two seats",
        quantity=2,
        unit_price=5000,
        currency="EUR",
        amount_minor=10000,
        net_minor=10000,
        tax_minor=1900,
        gross_minor=11900,
        including_tax=False,
        tax_rate=19,
        tax_category="S",
        tax_country="DE",
        proof=PROOF,
    )
    entry = _make_entry("invoice.finalized", "invoice", invoice)
    Posting.objects.bulk_create(
        [
            Posting(
                entry=entry, account=Account.RECEIVABLE, customer=invoice.customer, currency="EUR", amount_minor=11900
            ),
            Posting(entry=entry, account=Account.REVENUE, currency="EUR", amount_minor=-10000),
            Posting(entry=entry, account=Account.TAX_PAYABLE, country="DE", currency="EUR", amount_minor=-1900),
        ]
    )
    CustomerBalance.objects.create(customer=invoice.customer, currency="EUR", balance_minor=250)


def _make_entry(kind: str, object_kind: str, invoice: Invoice) -> Entry:
    """Store an entry without postings."""
    return Entry.objects.create(
        kind=kind,
        object_kind=object_kind,
        object_id=invoice.id,
        customer=invoice.customer,
        posted_at=NOW,
        accounting_date=NOW.date(),
    )


def _make_payment(invoice: Invoice, card: PaymentMethod, series: NumberSeries, number: int) -> Payment:
    """Store a payment with its receipt, after a failed try."""
    payment = Payment.objects.create(
        customer=invoice.customer,
        invoice=invoice,
        payment_method=card,
        provider="sandbox",
        external_reference=f"charge-{number}",
        status="completed",
        currency="EUR",
        amount_minor=11900,
        created_at=NOW,
        completed_at=NOW,
    )
    common = {
        "customer": invoice.customer,
        "invoice": invoice,
        "payment_method": card,
        "provider": "sandbox",
        "currency": "EUR",
        "amount_minor": 11900,
        "due_at": NOW,
        "created_at": NOW,
        "settled_at": NOW,
    }
    PaymentAttempt.objects.create(
        **common,
        number=1,
        idempotency_key=f"try-1-{number}",
        status="failed",
        failure_reason="lack_of_funds",
        failure_message="Insufficient funds.",
    )
    PaymentAttempt.objects.create(
        **common, number=2, idempotency_key=f"try-2-{number}", status="succeeded", payment=payment
    )
    Receipt.objects.create(
        payment=payment,
        brand=invoice.brand,
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"RCP-2026-{number + 1:06}",
        issue_date=NOW.date(),
        created_at=NOW,
    )
    return payment


def _make_credit_note(
    invoice: Invoice, subscription: Subscription, item: SubscriptionItem, series: NumberSeries, number: int
) -> None:
    """Store a credit note of 11.90 EUR against the invoice."""
    note = CreditNote.objects.create(
        customer=invoice.customer,
        brand=invoice.brand,
        origin="change",
        currency="EUR",
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"CN-2026-{number + 1:06}",
        issue_date=NOW.date(),
        sub_total_minor=1000,
        tax_total_minor=190,
        total_minor=1190,
        to_invoices_minor=0,
        to_balance_minor=1190,
        seller={},
        buyer={},
        locale="en",
        time_zone="UTC",
        reason="One seat fewer",
        created_at=NOW,
    )
    CreditNoteLine.objects.create(
        credit_note=note,
        invoice=invoice,
        position=1,
        subscription=subscription,
        item=item,
        kind="credit",
        period_start=START,
        period_end=NOW,
        description="Unused time",
        quantity=1,
        currency="EUR",
        amount_minor=-1000,
        net_minor=-1000,
        tax_minor=-190,
        gross_minor=-1190,
        including_tax=False,
        tax_rate=19,
        tax_category="S",
        proof={},
    )


def _make_plumbing(number: int, invoice: Invoice) -> None:
    """Store core's own rows, a run and a document."""
    Instance.objects.get_or_create(id=1, defaults={"mode": "test", "created_at": START})
    key = ApiKey.objects.create(
        name=f"Key {number}", prefix="rk_test_abc", key_hash=f"hash-{number}", pepper_name="first", created_at=START
    )
    IdempotencyRecord.objects.create(
        api_key=key, key=f"key-{number}", method="POST", path="/api/v1/events", body_hash="x", created_at=NOW
    )
    OutboxEvent.objects.create(
        event_id=new_id(), type="invoice.finalized", object_kind="invoice", object_id=invoice.id, created_at=NOW
    )
    AuditEntry.objects.create(
        recorded_at=NOW, actor_kind="system", action="invoice.finalized", object_kind="invoice", object_id=invoice.id
    )
    RevenueRecognition.objects.create(
        brand=invoice.brand,
        currency="EUR",
        account="revenue",
        month=START.date().replace(day=1),
        recognised_minor=1000,
        deferred_minor=2000,
        recorded_at=NOW,
    )
    TaxClosing.objects.get_or_create(brand=invoice.brand, defaults={"closed_until": START.date()})
    TaxTurnover.objects.create(
        brand=invoice.brand,
        country="DE",
        day=START.date(),
        currency="EUR",
        payments=1,
        net_minor=10000,
        consumers_net_minor=0,
    )
    ExchangeRate.objects.create(
        currency="USD",
        day=START.date() - timedelta(days=ExchangeRate.objects.count()),
        per_euro=Decimal("1.1573"),
        source="European Central Bank",
        created_at=NOW,
    )
    StoredDocument.objects.create(
        object_kind="invoice",
        object_id=invoice.id,
        content_type="application/pdf",
        storage_name=f"invoices/{invoice.id}.pdf",
        sha256="0" * 64,
        size_bytes=81920,
        created_at=NOW,
    )
    SimulationRun.objects.create(months=12, usage="last_period", created_at=NOW)
    BillingRun.objects.create(
        as_of=NOW,
        status="finished",
        trigger="tick",
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        heartbeat_at=NOW,
        customers=1,
        invoices=1,
    )
