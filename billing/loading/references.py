"""How rows of files name other rows: by the words people gave them, or by their ids."""

import uuid
from collections.abc import Callable
from typing import Any

from core.api.fields import ReferenceField
from core.errors import Invalid
from customers import queries as customer_queries
from customers.models import Customer
from subscriptions.models import Price, Product, Subscription
from subscriptions.queries import catalogue

REFERENCE = "reference"
"""Where a loaded subscription's metadata keeps the name its file gave it."""


def find_product(reference: str) -> Product | None:
    """Return the product with an external reference, the oldest of several, or None."""
    return Product.objects.filter(external_reference=reference).order_by("id").first()


def find_price(reference: str) -> Price | None:
    """Return the price with an external reference, the oldest of several, or None."""
    return Price.objects.filter(external_reference=reference).order_by("id").first()


def find_customer(reference: str) -> Customer | None:
    """Return the customer with a reference, the oldest of several, or None."""
    found = Customer.objects.select_related("brand", "test_clock").filter(reference=reference)
    return found.order_by("id").first()


class SubscriptionIndex:
    """The subscriptions that files may name: by the reference they were loaded under, or by id."""

    def __init__(self) -> None:
        loaded = Subscription.objects.filter(metadata__has_key=REFERENCE)
        self._ids: dict[str, uuid.UUID] = dict(loaded.values_list(f"metadata__{REFERENCE}", "id"))

    def add(self, reference: str, subscription_id: uuid.UUID) -> None:
        """Remember a subscription that was loaded."""
        self._ids[reference] = subscription_id

    def find(self, word: str) -> uuid.UUID | None:
        """Return the id of the subscription that a word names, or None."""
        found = self._ids.get(word)
        if found is None:
            try:
                found = uuid.UUID(word)
            except ValueError:
                return None
            if not Subscription.objects.filter(id=found).exists():
                return None
            self._ids[word] = found
        return found

    def get(self, word: str) -> uuid.UUID:
        """Return the id of the subscription that a word names. Raises Invalid."""
        found = self.find(word)
        if found is None:
            fault = f"no subscription is known by {word[:100]!r}"
            raise Invalid("There is no such subscription.", fields={"subscription": fault})
        return found


def _field(
    noun: str, find: Callable[[uuid.UUID], Any], find_by_word: Callable[[str], Any]
) -> Callable[..., ReferenceField]:
    def make(**options: Any) -> ReferenceField:
        return ReferenceField(noun=noun, find=find, find_by_word=find_by_word, names=("id", REFERENCE), **options)

    return make


product_field = _field("product", catalogue.find_product, find_product)
price_field = _field("price", catalogue.find_price, find_price)
customer_field = _field("customer", customer_queries.find_customer, find_customer)
