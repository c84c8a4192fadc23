"""Cards, as Connectable shows them: its sources."""

from collections.abc import Sequence

from customers.models import Customer, PaymentMethod
from integrations.domain.connectable import Source, Sources
from integrations.domain.connectable_words import UNCHECKED, brand_word
from integrations.queries.connectable_users import facts_of


def show_source(customer: Customer, card: PaymentMethod) -> Source:
    """Return a card with the addresses that were told of it; none of them is checked by anybody here."""
    told = facts_of(customer, "cards").get(str(card.id), {})
    return Source(
        id=str(card.id),
        address_city=told.get("address_city"),
        address_country=told.get("address_country"),
        address_line1=told.get("address_line1"),
        address_line1_check=UNCHECKED if told.get("address_line1") else None,
        address_line2=told.get("address_line2"),
        address_state=told.get("address_state"),
        address_zip=told.get("address_zip"),
        address_zip_check=UNCHECKED if told.get("address_zip") else None,
        brand=brand_word(card.brand),
        country=card.country or told.get("country"),
        customer=str(customer.id),
        cvc_check=None,
        dynamic_last4=None,
        exp_month=card.expiry_month,
        exp_year=card.expiry_year,
        fingerprint=None,
        funding="unknown",
        last4=card.last_four or None,
        name=card.name or None,
        tokenization_method=None,
    )


def show_sources(customer: Customer, cards: Sequence[PaymentMethod]) -> Sources:
    """Return cards as the list that has all of them."""
    shown = [show_source(customer, card) for card in cards]
    url = f"/api/users/{customer.id}/billing/sources"
    return Sources(data=shown, has_more=False, total_count=len(shown), url=url)
