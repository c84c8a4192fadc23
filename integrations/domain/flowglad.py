"""The objects of Flowglad, as the page of its call has them; amounts are integers of minor units.

`slug`, `experimental`, `pricingModel`, `currentSubscription` and `billingPortalUrl` stand beside the page's fields, for
newer clients.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, field

from integrations.domain import flowglad_words as words
from integrations.domain.shape import Shape


def _one_of(choices: tuple[str, ...]) -> Meta:
    return Meta(extra_json_schema={"enum": list(choices)})


Currency = Annotated[str, _one_of(words.CURRENCIES)]
Country = Annotated[str, _one_of(words.COUNTRIES)]
Interval = Annotated[str, _one_of(words.INTERVALS)]
PriceType = Annotated[str, _one_of(words.PRICE_TYPES)]
SubscriptionStatus = Annotated[str, _one_of(words.SUBSCRIPTION_STATUSES)]
InvoiceStatus = Annotated[str, _one_of(words.INVOICE_STATUSES)]
InvoiceType = Annotated[str, _one_of(words.INVOICE_TYPES)]
TaxType = Annotated[str, _one_of(words.TAX_TYPES)]
PurchaseStatus = Annotated[str, _one_of(words.PURCHASE_STATUSES)]
PaymentMethodType = Annotated[str, _one_of(words.PAYMENT_METHOD_TYPES)]
ErrorCode = Annotated[str, _one_of(tuple(words.ERROR_CODES.values()))]


class Record(Shape, frozen=True, kw_only=True, rename="camel"):
    """What every row of the neighbour has."""

    id: str
    created_at: datetime
    updated_at: datetime
    livemode: bool


class Error(Shape, frozen=True, kw_only=True, rename="camel"):
    """What went wrong; clients make a customer on `NOT_FOUND`."""

    code: ErrorCode
    message: str


class Address(Shape, frozen=True, kw_only=True):
    """A postal address."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None


class BillingAddress(Shape, frozen=True, kw_only=True, rename="camel"):
    """Where a customer is billed."""

    name: str | None
    first_name: str | None
    last_name: str | None
    address: Address
    phone: str | None


class Customer(Record, frozen=True, kw_only=True, rename="camel"):
    """A customer; `externalId` is its reference."""

    organization_id: str
    email: str
    name: str
    invoice_number_base: str | None
    archived: bool
    logo_url: str | None = field(name="logoURL")
    icon_url: str | None = field(name="iconURL")
    domain: str | None
    billing_address: BillingAddress | None
    external_id: str
    user_id: str | None
    catalog_id: str


class Price(Record, frozen=True, kw_only=True, rename="camel"):
    """A price; `unitPrice` is 0 where no single whole amount applies."""

    interval_unit: Interval | None
    name: str | None
    interval_count: int | None
    type: PriceType
    trial_period_days: int | None
    setup_fee_amount: int | None
    is_default: bool
    unit_price: int
    product_id: str
    active: bool
    currency: Currency
    slug: str


class DisplayFeature(Shape, frozen=True, kw_only=True):
    """Something a plan of the product grants."""

    enabled: bool
    label: str
    details: str | None


class Product(Record, frozen=True, kw_only=True, rename="camel"):
    """What is sold, with its prices, the oldest first."""

    name: str
    description: str | None
    image_url: str | None = field(name="imageURL")
    organization_id: str
    display_features: list[DisplayFeature]
    active: bool
    singular_quantity_label: str | None
    plural_quantity_label: str | None
    catalog_id: str
    prices: list[Price]
    default_price: Price
    slug: str


class Catalog(Record, frozen=True, kw_only=True, rename="camel"):
    """What can be bought, and what the customer has."""

    organization_id: str
    is_default: bool
    name: str
    products: list[Product]


class FeatureItem(Shape, frozen=True, kw_only=True):
    """A feature that a subscription grants."""

    type: str = "toggle"
    slug: str
    name: str


class UsageMeterBalance(Shape, frozen=True, kw_only=True, rename="camel"):
    """What is left of a metered feature in the running period."""

    slug: str
    name: str
    available_balance: int


class Experimental(Shape, frozen=True, kw_only=True, rename="camel"):
    """What newer clients ask of a subscription."""

    feature_items: list[FeatureItem]
    usage_meter_balances: list[UsageMeterBalance]


class SubscriptionItem(Record, frozen=True, kw_only=True, rename="camel"):
    """One thing a subscription charges for."""

    subscription_id: str
    name: str | None
    added_date: datetime
    price_id: str
    unit_price: int
    quantity: int
    metadata: dict[str, Any]
    price: Price


class Subscription(Record, frozen=True, kw_only=True, rename="camel"):
    """What a customer agreed to."""

    customer_id: str
    organization_id: str
    status: SubscriptionStatus
    default_payment_method_id: str | None
    backup_payment_method_id: str | None
    trial_end: datetime | None
    current_billing_period_start: datetime
    current_billing_period_end: datetime | None
    metadata: dict[str, Any]
    canceled_at: datetime | None
    cancel_scheduled_at: datetime | None
    price_id: str | None
    run_billing_at_period_start: bool
    interval: Interval | None
    interval_count: int | None
    billing_cycle_anchor_date: datetime
    name: str
    current: bool
    subscription_items: list[SubscriptionItem]
    experimental: Experimental


class Invoice(Record, frozen=True, kw_only=True, rename="camel"):
    """An invoice: a `purchase` has a `purchaseId`, a `subscription` two ids of its own, else there is none."""

    purchase_id: str | None
    invoice_number: str
    invoice_date: datetime
    billing_period_id: str | None
    due_date: datetime | None
    customer_id: str
    organization_id: str
    status: InvoiceStatus
    billing_interval: Interval | None
    subscription_id: str | None
    billing_period_start_date: datetime | None
    billing_period_end_date: datetime | None
    billing_interval_count: int | None
    billing_anchor_date: datetime | None
    owner_membership_id: str | None
    pdf_url: str | None = field(name="pdfURL")
    receipt_pdf_url: str | None = field(name="receiptPdfURL")
    memo: str | None
    bank_payment_only: bool
    type: InvoiceType
    currency: Currency
    tax_amount: int
    subtotal: int
    tax_type: TaxType
    tax_country: Country | None
    tax_state: str | None
    tax_rate_percentage: str | None
    application_fee: int | None


class InvoiceLineItem(Record, frozen=True, kw_only=True, rename="camel"):
    """A line; `price` times `quantity` is its net amount."""

    invoice_id: str
    quantity: int
    price_id: str | None
    description: str
    price: int


class InvoiceWithLines(Shape, frozen=True, kw_only=True, rename="camel"):
    """An invoice and its lines."""

    invoice: Invoice
    invoice_line_items: list[InvoiceLineItem]


class CardAddress(Shape, frozen=True, kw_only=True):
    """The address of who pays, with the name."""

    name: str | None
    address: Address


class BillingDetails(Shape, frozen=True, kw_only=True):
    """Who pays with a card."""

    name: str | None
    email: str | None
    address: CardAddress


class PaymentMethod(Record, frozen=True, kw_only=True, rename="camel"):
    """A card."""

    customer_id: str
    billing_details: BillingDetails
    type: PaymentMethodType
    default: bool
    payment_method_data: dict[str, Any]
    metadata: dict[str, Any]


class Purchase(Record, frozen=True, kw_only=True, rename="camel"):
    """One price that a customer bought: an item of a subscription. Values are gross, of its first invoice."""

    name: str
    status: PurchaseStatus
    customer_id: str
    organization_id: str
    billing_cycle_anchor: datetime | None
    price_id: str
    quantity: int
    price_type: PriceType
    trial_period_days: int | None
    price_per_billing_cycle: int | None
    interval_unit: Interval | None
    interval_count: int | None
    first_invoice_value: int
    total_purchase_value: int | None
    bank_payment_only: bool
    purchase_date: datetime
    end_date: datetime | None
    proposal: str | None
    archived: bool
    billing_address: str | None
    metadata: dict[str, Any]


class Billing(Shape, frozen=True, kw_only=True, rename="camel"):
    """Everything about a customer."""

    customer: Customer
    subscriptions: list[Subscription]
    invoices: list[InvoiceWithLines]
    payment_methods: list[PaymentMethod]
    purchases: list[Purchase]
    current_subscriptions: list[Subscription]
    catalog: Catalog
    pricing_model: Catalog
    current_subscription: Subscription | None
    billing_portal_url: str | None


class FoundCustomer(Shape, frozen=True, kw_only=True):
    """A customer that was asked for."""

    customer: Customer


class MadeCustomer(Shape, frozen=True, kw_only=True):
    """A customer that was made, or was there."""

    data: FoundCustomer
