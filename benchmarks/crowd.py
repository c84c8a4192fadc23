"""What runs in a process of its own before calls are timed: a few customers with a bill each among a crowd of rows."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, models

from benchmarks.billing_tasks import bill
from benchmarks.databases import tidy, without_indexes
from benchmarks.population import EVENTS_A_MONTH, populate
from benchmarks.processes import Gate
from core.clock import wall_now
from customers.models import Customer
from invoicing.models import Invoice
from subscriptions.models import Price, Subscription

# Everybody is in the second month, and has the bill of the first.
AGE = timedelta(days=40)
# Rows of the crowd stand in the tables' indexes as others do; they have no lines, terms or items, and nobody asks for
# theirs.
_OWN: Mapping[type[models.Model], Mapping[str, str]] = {
    Customer: {
        "id": "md5('customer' || n)::uuid",
        "email": "'someone-' || n || '@example.com'",
        "name": "'Somebody ' || n",
        "reference": "'someone-' || n",
    },
    Subscription: {"id": "md5('subscription' || n)::uuid", "customer_id": "md5('customer' || n)::uuid"},
    Invoice: {
        "id": "md5('invoice' || n)::uuid",
        "customer_id": "md5('customer' || n)::uuid",
        "number": "'CROWD-' || n",
        "sequence": "1000000000 + n",
    },
}


@dataclass(frozen=True, slots=True)
class Known:
    """A customer with everything, who may be asked about and written to."""

    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    invoice_id: uuid.UUID
    price_id: uuid.UUID
    reference: str


def gather(gate: Gate, count: int) -> list[Known]:
    """Add so many customers with a subscription, usage and a bill each, known by a reference; return them."""
    populate(gate, count, wall_now() - AGE, EVENTS_A_MONTH)
    bill(lambda: None, wall_now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customers_customer SET reference = 'known-' || id")
    invoices = dict(Invoice.objects.values_list("customer_id", "id"))
    price = Price.objects.get(type=Price.Type.FIXED_PRICE)
    return [
        Known(one.customer_id, one.id, invoices[one.customer_id], price.id, f"known-{one.customer_id}")
        for one in Subscription.objects.order_by("id")
    ]


def crowd(gate: Gate, model_name: str, count: int) -> None:
    """Copy one row of a table so many times; its indexes are made afterwards."""
    gate()
    model = next(one for one in _OWN if one.__name__ == model_name)
    table = model._meta.db_table
    own = _OWN[model]
    columns = [str(field.column) for field in model._meta.concrete_fields]
    made = ", ".join(own.get(column, f'one."{column}"') for column in columns)
    named = ", ".join(f'"{column}"' for column in columns)
    with without_indexes(table), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({named}) SELECT {made}"  # noqa: S608 - names of our own models
            f" FROM (SELECT * FROM {table} LIMIT 1) one, generate_series(1, %s) n",
            [count],
        )
    tidy(table)
