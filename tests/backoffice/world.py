"""One row of everything for each of n customers, as the rooms would leave them: what the pages are looked at with."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from billing.models import (
    Announcement,
    BillingRun,
    Dispute,
    DunningProcess,
    DunningStep,
    FoundCharge,
    MassChange,
    MassChangePart,
    ParkedCustomer,
    ParkedInvoice,
    Payment,
    ProviderNotice,
    Refund,
    SimulationRun,
)
from core.identifiers import new_id
from core.models import ApiKey, AuditEntry, ExchangeRate, IdempotencyRecord, Instance, OutboxEvent, TestClock
from customers.models import Agenda, Brand, Customer, DisabledStretch, PaymentMethod
from invoicing.models import (
    Invoice,
    NumberCounter,
    NumberSeries,
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
from tests.backoffice.papers import (
    NOW,
    START,
    make_credit_note,
    make_draft,
    make_invoice,
    make_line,
    make_payment,
    make_quote,
)
from tests.backoffice.telling import make_telling
from usage.models import BusySubscription, HourTotal, UsageEvent, UsageLimit


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
    invoice = make_invoice(customer, series["invoice"], number, card)
    VoucherUse.objects.create(invoice=invoice, redemption=redemption)
    draft = make_draft(customer)
    make_quote(customer)
    step = WaitingStep.objects.create(customer=customer, moment=START, finalize_at=NOW, created_at=START)
    WaitingPart.objects.create(step=step, subscription=subscription, billed_from_at=START)
    make_line(invoice, subscription, item)
    payment = make_payment(invoice, card, series["receipt"], number)
    make_credit_note(invoice, subscription, item, series["credit_note"], number)
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
    Dispute.objects.create(
        customer=customer,
        payment=payment,
        provider="stripe",
        external_reference=f"dp-{number}",
        status="lost",
        reason="fraudulent",
        currency="EUR",
        amount_minor=100,
        held_minor=100,
        fee_minor=1500,
        moves=1,
        respond_by=NOW,
        opened_at=NOW,
        closed_at=NOW,
    )
    ProviderNotice.objects.create(
        provider="stripe",
        event_id=f"evt-{number}",
        type="charge.dispute.closed",
        subject="dispute",
        reference=f"dp-{number}",
        status="failed",
        tries=12,
        failure="No payment has the disputed charge.",
        happened_at=NOW,
        received_at=NOW,
        settled_at=NOW,
    )
    process = DunningProcess.objects.create(
        customer=customer,
        invoice=invoice,
        kind="card",
        status="open",
        days=[3, 6],
        finish_with="cancel",
        time_zone="UTC",
        payment_method=card,
        last_reason="lack_of_funds",
        next_step="retry",
        next_number=1,
        next_at=NOW + timedelta(days=3),
        started_at=NOW,
    )
    DunningStep.objects.create(process=process, kind="begin", happened_at=NOW)
    ParkedInvoice.objects.create(
        invoice=invoice, reason="LookupError: no zone", first_failed_at=NOW, last_failed_at=NOW, retry_at=NOW
    )
    Announcement.objects.create(
        kind="card_month", customer=customer, payment_method=card, about_at=NOW, announced_at=NOW
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


def _make_plumbing(number: int, invoice: Invoice) -> None:
    """Store core's own rows, a run and a document."""
    Instance.objects.get_or_create(id=1, defaults={"mode": "test", "created_at": START})
    key = ApiKey.objects.create(
        name=f"Key {number}", prefix="rk_test_abc", key_hash=f"hash-{number}", pepper_name="first", created_at=START
    )
    IdempotencyRecord.objects.create(
        api_key=key, key=f"key-{number}", method="POST", path="/api/v1/events", body_hash="x", created_at=NOW
    )
    fact = OutboxEvent.objects.create(
        event_id=new_id(), type="invoice.finalized", object_kind="invoice", object_id=invoice.id, created_at=NOW
    )
    make_telling(number, fact, invoice)
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
