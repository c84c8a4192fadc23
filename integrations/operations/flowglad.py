"""Flowglad's write: a customer made once for an `externalId`, however often it is asked for."""

from datetime import datetime

from django.db import connection, transaction

from core.operations import Actor
from customers import operations as customer_operations
from customers.domain.customer import CustomerDraft
from customers.models import Customer
from integrations.queries.agreed import find_customer_by_reference


def ensure_customer(draft: CustomerDraft, *, actor: Actor, now: datetime) -> tuple[Customer, bool]:
    """Return the customer with the draft's reference, made when there is none, and whether it was made.

    Two who ask at once get the same one: clients retry, and pages of one visitor race. One that is there stays as it
    is.
    """
    with transaction.atomic():
        lock_reference(draft.reference)
        found = find_customer_by_reference(draft.reference)
        if found is not None:
            return found, False
        return customer_operations.create_customer(draft, actor=actor, now=now), True


def lock_reference(reference: str) -> None:
    """Let one transaction at a time look for a reference and make its customer: there is no row yet to lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"customer:{reference}"])
