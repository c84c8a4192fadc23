"""Rows of who is billed."""

from customers.models.agenda import Agenda
from customers.models.brand import Brand
from customers.models.customer import Customer, DisabledStretch
from customers.models.payment_method import PaymentMethod

__all__ = ["Agenda", "Brand", "Customer", "DisabledStretch", "PaymentMethod"]
