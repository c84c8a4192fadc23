"""Reads of who is billed. A customer of another path or one that does not exist is the same: not found."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from core.errors import NotFound
from core.search import text_condition
from customers.models import Brand, Customer, PaymentMethod


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What a list of customers is narrowed to; an empty text narrows nothing."""

    email: str = ""
    reference: str = ""
    external_reference: str = ""
    company_name: str = ""
    country: str = ""


def list_customers(wanted: CustomerFilter) -> QuerySet[Customer]:
    """Return the customers that match, newest first, each with its brand."""
    customers = Customer.objects.select_related("brand").order_by("-id")
    for column in ("email", "reference", "external_reference", "company_name"):
        text = getattr(wanted, column)
        if text:
            customers = customers.filter(text_condition(column, text))
    return customers.filter(country=wanted.country) if wanted.country else customers


def find_customer(customer_id: uuid.UUID) -> Customer | None:
    """Return a customer with its brand and clock, or None."""
    return Customer.objects.select_related("brand", "test_clock").filter(id=customer_id).first()


def get_customer(customer_id: uuid.UUID) -> Customer:
    """Return a customer with its brand and clock. Raises NotFound."""
    customer = find_customer(customer_id)
    if customer is None:
        raise NotFound(f"No customer has the id {customer_id}.")
    return customer


def require_customer(customer_id: uuid.UUID) -> None:
    """Raise NotFound unless the customer exists."""
    if not Customer.objects.filter(id=customer_id).exists():
        raise NotFound(f"No customer has the id {customer_id}.")


def lock_customer(customer_id: uuid.UUID) -> Customer:
    """Lock a customer's row until the transaction ends, and return it with its brand and clock.

    It is the lock for that customer's money. Rows that only refer to the customer can still be inserted by others.
    Raises NotFound.
    """
    locked = Customer.objects.select_for_update(no_key=True, of=("self",)).select_related("brand", "test_clock")
    customer = locked.filter(id=customer_id).first()
    if customer is None:
        raise NotFound(f"No customer has the id {customer_id}.")
    return customer


def now_of(customer: Customer, wall_now: datetime) -> datetime:
    """Return the moment it is for a customer: its test clock's when it hangs on one, else the wall's."""
    return wall_now if customer.test_clock is None else customer.test_clock.now_at


def find_brand(code: str) -> Brand | None:
    """Return the brand with a code, or None."""
    return Brand.objects.filter(code=code).first()


def find_brand_by_id(brand_id: uuid.UUID) -> Brand | None:
    """Return the brand with an id, or None."""
    return Brand.objects.filter(id=brand_id).first()


def get_brand(brand_id: uuid.UUID) -> Brand:
    """Return a brand. Raises NotFound."""
    brand = find_brand_by_id(brand_id)
    if brand is None:
        raise NotFound(f"No brand has the id {brand_id}.")
    return brand


def list_brands() -> QuerySet[Brand]:
    """Return all brands, newest first."""
    return Brand.objects.order_by("-id")


def list_payment_methods(customer_id: uuid.UUID) -> QuerySet[PaymentMethod]:
    """Return a customer's cards that were not removed, newest first. Raises NotFound for an unknown customer."""
    require_customer(customer_id)
    return PaymentMethod.objects.filter(customer_id=customer_id, removed_at__isnull=True).order_by("-id")


def get_payment_method(payment_method_id: uuid.UUID, customer_id: uuid.UUID | None = None) -> PaymentMethod:
    """Return a card that was not removed, of the customer when one is named. Raises NotFound."""
    cards = PaymentMethod.objects.filter(id=payment_method_id, removed_at__isnull=True)
    if customer_id is not None:
        cards = cards.filter(customer_id=customer_id)
    card = cards.first()
    if card is None:
        raise NotFound(f"No payment details have the id {payment_method_id}.")
    return card


def customers_by_id(customer_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Customer]:
    """Return customers by id, each with its brand, in one statement."""
    found = Customer.objects.select_related("brand").filter(id__in=set(customer_ids))
    return {customer.id: customer for customer in found}
