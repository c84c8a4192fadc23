"""The objects of Connectable: users, and Stripe's objects of 2018 as its page has them.

Amounts are integers of minor units, currencies lower case, moments seconds since 1970. Where the page's types
contradict themselves, section 1 of the neighbour shapes decides: `amount_off` is an integer, `lines.data` and `items`
are arrays, a subscription's `discount` is a percentage.
"""

from datetime import date

from integrations.domain.shape import Shape


class Identity(Shape, frozen=True, kw_only=True):
    """An account of a user elsewhere; the engine knows none."""

    connection: str | None
    user_id: str | None
    provider: str | None
    isSocial: bool | None


class User(Shape, frozen=True, kw_only=True):
    """A user: the customer as the product's own people know it."""

    email: str | None
    email_verified: bool | None
    username: str | None
    phone_number: str | None
    phone_verified: bool | None
    user_id: str
    created_at: str
    updated_at: str
    identities: list[Identity]
    picture: str | None
    name: str | None
    nickname: str | None
    multifactor: list[str]
    last_ip: str | None
    last_login: str | None
    logins_count: int | None
    blocked: bool
    given_name: str | None
    family_name: str | None


class Address(Shape, frozen=True, kw_only=True):
    """A postal address."""

    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None


class Shipping(Shape, frozen=True, kw_only=True):
    """Where things are sent to."""

    address: Address
    name: str | None
    phone: str | None


class Coupon(Shape, frozen=True, kw_only=True):
    """A voucher; `percent_off` is null unless it is whole, `duration_in_months` counts the discounted periods."""

    id: str
    object: str = "coupon"
    amount_off: int | None
    created: int
    currency: str | None
    duration: str
    duration_in_months: int | None
    livemode: bool
    max_redemptions: int | None
    percent_off: int | None
    redeem_by: date | None
    times_redeemed: int
    valid: bool


class Discount(Shape, frozen=True, kw_only=True):
    """A customer's use of a voucher."""

    object: str = "discount"
    coupon: Coupon
    customer: str
    end: int | None
    start: int
    subscription: str | None


class Plan(Shape, frozen=True, kw_only=True):
    """A price, with the plan it is sold by; `amount` is null where no single whole amount applies."""

    id: str
    object: str = "plan"
    amount: int | None
    created: int
    currency: str
    interval: str | None
    interval_count: int
    livemode: bool
    nickname: str | None
    product: str
    trial_period_days: int | None


class SubscriptionItem(Shape, frozen=True, kw_only=True):
    """One thing a subscription charges for."""

    id: str
    object: str = "subscription_item"
    created: int
    plan: Plan
    quantity: int
    subscription: str


class Subscription(Shape, frozen=True, kw_only=True):
    """What a customer agreed to; `discount` is the percentage of the voucher in force."""

    id: str
    object: str = "subscription"
    application_fee_percent: float | None
    billing: str
    billing_cycle_anchor: int
    cancel_at_period_end: bool
    canceled_at: int | None
    created: int
    current_period_end: int | None
    current_period_start: int
    customer: str
    days_until_due: int | None
    discount: float | None
    ended_at: int | None
    items: list[SubscriptionItem]
    livemode: bool
    plan: Plan | None
    quantity: int | None
    start: int
    status: str
    tax_percent: int | None
    trial_end: int | None
    trial_start: int | None


class Subscriptions(Shape, frozen=True, kw_only=True):
    """A customer's subscriptions, newest first."""

    object: str = "list"
    data: list[Subscription]
    has_more: bool
    total_count: int
    url: str


class Source(Shape, frozen=True, kw_only=True):
    """A card."""

    id: str
    object: str = "card"
    address_city: str | None
    address_country: str | None
    address_line1: str | None
    address_line1_check: str | None
    address_line2: str | None
    address_state: str | None
    address_zip: str | None
    address_zip_check: str | None
    brand: str
    country: str | None
    customer: str
    cvc_check: str | None
    dynamic_last4: str | None
    exp_month: int | None
    exp_year: int | None
    fingerprint: str | None
    funding: str
    last4: str | None
    name: str | None
    tokenization_method: str | None


class Sources(Shape, frozen=True, kw_only=True):
    """A customer's cards, newest first, or one of them."""

    object: str = "list"
    data: list[Source]
    has_more: bool
    total_count: int
    url: str


class Customer(Shape, frozen=True, kw_only=True):
    """A user's billing; a negative `account_balance` is credit."""

    id: str
    object: str = "customer"
    account_balance: int
    created: int
    currency: str
    default_source: str | None
    delinquent: bool
    description: str | None
    discount: Discount | None
    email: str | None
    invoice_prefix: str | None
    livemode: bool
    shipping: Shipping | None
    subscriptions: Subscriptions
    sources: Sources


class LinePeriod(Shape, frozen=True, kw_only=True):
    """The stretch a line is for."""

    start: int
    end: int


class LineItem(Shape, frozen=True, kw_only=True):
    """A line of an invoice; `subscription` is told where `type` is `invoiceitem`, the page says."""

    id: str
    object: str = "line_item"
    amount: int
    currency: str
    description: str
    discountable: bool
    livemode: bool
    period: LinePeriod
    plan: Plan | None
    proration: bool
    quantity: int | None
    subscription: str | None
    subscription_item: str | None
    type: str


class Lines(Shape, frozen=True, kw_only=True):
    """All lines of an invoice."""

    data: list[LineItem]
    has_more: bool
    object: str = "list"
    url: str


class Invoice(Shape, frozen=True, kw_only=True):
    """What a customer owes for one due moment; balances are negative where they are credit."""

    id: str
    object: str = "invoice"
    amount_due: int
    application_fee: int | None
    attempt_count: int
    attempted: bool
    billing: str
    charge: str | None
    closed: bool
    currency: str
    customer: str
    date: int
    description: str | None
    discount: Discount | None
    due_date: int | None
    ending_balance: int | None
    forgiven: bool
    lines: Lines
    livemode: bool
    next_payment_attempt: int | None
    number: str | None
    paid: bool
    period_end: int
    period_start: int
    receipt_number: str | None
    starting_balance: int
    statement_descriptor: str | None
    subscription: str | None
    subtotal: int
    tax: int | None
    tax_percent: int | None
    total: int
    webhooks_delivered_at: int
