"""Users, as Connectable shows them."""

from typing import Any

from core.api.fields import instant_text
from core.errors import NotFound
from customers.models import Customer
from integrations.domain.connectable import User
from integrations.models import ConnectableProfile
from integrations.queries.agreed import find_customer


def get_user(word: str) -> Customer:
    """Return the customer whom a path names, by id or by reference. Raises NotFound, for erased ones too."""
    customer = find_customer(word)
    if customer is None:
        raise NotFound("No user has this id.")
    return customer


def get_user_with_billing(word: str) -> Customer:
    """Return the customer whom a path names and who has billing. Raises NotFound."""
    customer = get_user(word)
    profile = profile_of(customer)
    if profile.billing_removed_at is not None:
        raise NotFound("The user has no billing.", code="no_billing")
    return customer


def profile_of(customer: Customer) -> ConnectableProfile:
    """Return what only Connectable knows of a customer; an empty one where it knows nothing."""
    found = getattr(customer, "connectable_profile", None)
    return found if isinstance(found, ConnectableProfile) else ConnectableProfile(customer=customer)


def facts_of(customer: Customer, part: str) -> dict[str, Any]:
    """Return one part of what only Connectable knows: `user`, `billing` or `cards`."""
    found: dict[str, Any] = profile_of(customer).facts.get(part, {})
    return found


def show_user(customer: Customer) -> User:
    """Return a customer as a user."""
    told = facts_of(customer, "user")
    return User(
        email=customer.email or None,
        email_verified=None,
        username=told.get("username"),
        phone_number=told.get("phone_number"),
        phone_verified=None,
        user_id=str(customer.id),
        created_at=instant_text(customer.created_at),
        updated_at=instant_text(customer.updated_at),
        identities=[],
        picture=told.get("picture"),
        name=customer.name or None,
        nickname=told.get("nickname"),
        multifactor=[],
        last_ip=None,
        last_login=None,
        logins_count=None,
        blocked=customer.status == Customer.Status.DISABLED,
        given_name=told.get("given_name"),
        family_name=told.get("family_name"),
    )
