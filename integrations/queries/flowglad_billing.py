"""Everything about a customer, as Flowglad's one call shows it, by a constant number of statements."""

from datetime import datetime

from core.errors import NotFound
from customers import queries as customer_queries
from customers.models import Customer, PaymentMethod
from integrations.domain import flowglad as shapes
from integrations.domain.flowglad_words import COUNTRIES, CURRENCIES, CURRENT_STATUSES, STATUS
from integrations.domain.shape import instant, instant_or_none
from integrations.queries.agreed import Agreed, find_customer_by_reference, list_agreed
from integrations.queries.flowglad_catalogue import Catalogue, interval_of, read_catalogue, unit_price
from integrations.queries.flowglad_history import list_invoices
from integrations.queries.flowglad_invoices import show_invoices
from integrations.queries.flowglad_purchases import show_purchases
from integrations.queries.flowglad_usage import MeterBalances, read_balances
from integrations.queries.mode import is_live
from subscriptions.domain.lifecycle import LIVE_STATUSES, Status
from subscriptions.models import Price


def get_customer(external_id: str) -> Customer:
    """Return the oldest customer with a reference. Raises NotFound, for erased ones too."""
    customer = find_customer_by_reference(external_id)
    if customer is None:
        raise NotFound("No customer has this externalId.")
    return customer


def get_billing(customer: Customer, now: datetime) -> shapes.Billing:
    """Return the whole history of a customer; what is in a currency the neighbour does not know is left out.

    `now` is the customer's own moment.
    """
    agreed = [one for one in list_agreed(customer, now) if one.subscription.currency in CURRENCIES]
    catalogue = read_catalogue(customer, agreed)
    cards = list(customer_queries.list_payment_methods(customer.id))
    default = next((str(card.id) for card in cards if card.is_default), None)
    balances = read_balances([one for one in agreed if STATUS[one.subscription.status] in CURRENT_STATUSES], now)
    subscriptions = [_subscription(one, catalogue, default, balances) for one in agreed]
    current = [one for one in subscriptions if one.current]
    invoices = list_invoices(customer)
    shown = catalogue.show()
    return shapes.Billing(
        customer=show_customer(customer),
        subscriptions=subscriptions,
        invoices=show_invoices(customer, invoices, agreed),
        payment_methods=[_payment_method(customer, card) for card in cards],
        purchases=show_purchases(customer, agreed, invoices),
        current_subscriptions=current,
        catalog=shown,
        pricing_model=shown,
        current_subscription=current[0] if current else None,
        billing_portal_url=None,
    )


def show_customer(customer: Customer) -> shapes.Customer:
    """Return a customer."""
    address = _address(customer)
    is_known = any(getattr(address, part) for part in address.__struct_fields__)
    billing_address = shapes.BillingAddress(
        name=customer.company_name or customer.name or None,
        first_name=None,
        last_name=None,
        address=address,
        phone=None,
    )
    return shapes.Customer(
        id=str(customer.id),
        created_at=instant(customer.created_at),
        updated_at=instant(customer.updated_at),
        livemode=is_live(),
        organization_id=str(customer.brand_id),
        email=customer.email,
        name=customer.name or customer.company_name,
        invoice_number_base=None,
        archived=customer.status == Customer.Status.DISABLED,
        logo_url=None,
        icon_url=None,
        domain=None,
        billing_address=billing_address if is_known else None,
        external_id=customer.reference,
        user_id=None,
        catalog_id=str(customer.brand_id),
    )


def _address(customer: Customer) -> shapes.Address:
    return shapes.Address(
        line1=customer.street_line_one or None,
        line2=customer.street_line_two or None,
        city=customer.city or None,
        state=customer.region or None,
        postal_code=customer.postcode or None,
        country=customer.country if customer.country in COUNTRIES else None,
    )


def _payment_method(customer: Customer, card: PaymentMethod) -> shapes.PaymentMethod:
    name = card.name or customer.name or customer.company_name or None
    return shapes.PaymentMethod(
        id=str(card.id),
        created_at=instant(card.created_at),
        updated_at=instant(card.created_at),
        livemode=is_live(),
        customer_id=str(customer.id),
        billing_details=shapes.BillingDetails(
            name=name,
            email=customer.email or None,
            address=shapes.CardAddress(name=name, address=_address(customer)),
        ),
        type="card",
        default=card.is_default,
        payment_method_data={
            "brand": card.brand or None,
            "last4": card.last_four or None,
            "expMonth": card.expiry_month,
            "expYear": card.expiry_year,
            "country": card.country or None,
        },
        metadata={},
    )


def _subscription(
    agreed: Agreed, catalogue: Catalogue, default_card: str | None, balances: MeterBalances
) -> shapes.Subscription:
    row, main = agreed.subscription, agreed.main
    status = STATUS[Status(row.status)]
    price = main.price if main is not None else None
    added = {item.id: item.created_at for item in row.items.all()}
    items = [
        shapes.SubscriptionItem(
            id=str(item.id),
            created_at=instant(added[item.id]),
            updated_at=instant(row.updated_at),
            livemode=is_live(),
            subscription_id=str(row.id),
            name=catalogue.price(item.price).name,
            added_date=instant(added[item.id]),
            price_id=str(item.price.id),
            unit_price=unit_price(item.price),
            quantity=item.quantity,
            metadata={},
            price=catalogue.price(item.price),
        )
        for item in agreed.items
    ]
    return shapes.Subscription(
        id=str(row.id),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
        livemode=is_live(),
        customer_id=str(row.customer_id),
        organization_id=str(catalogue.customer.brand_id),
        status=status,
        default_payment_method_id=str(row.payment_method_id) if row.payment_method_id else default_card,
        backup_payment_method_id=None,
        trial_end=instant_or_none(row.trial_end_at),
        current_billing_period_start=instant(row.current_period_start),
        current_billing_period_end=instant_or_none(row.current_period_end),
        metadata=row.metadata,
        canceled_at=instant_or_none(row.cancelled_at or row.ended_at),
        cancel_scheduled_at=instant_or_none(row.cancel_at) if row.status in LIVE_STATUSES else None,
        price_id=str(price.id) if price is not None else None,
        run_billing_at_period_start=price is None or price.billing_timing == Price.Timing.ADVANCE,
        interval=interval_of(price) if price is not None else None,
        interval_count=price.interval_count if price is not None and interval_of(price) is not None else None,
        billing_cycle_anchor_date=instant(agreed.anchor_at),
        name=row.plan.name,
        current=status in CURRENT_STATUSES,
        subscription_items=items,
        experimental=shapes.Experimental(
            feature_items=[
                shapes.FeatureItem(slug=feature.code, name=feature.name) for feature in row.plan.features.all()
            ],
            usage_meter_balances=balances.get(row.id, []),
        ),
    )
