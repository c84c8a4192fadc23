"""Who is billed: customers."""

import uuid
from datetime import datetime
from typing import Any

from billing.loading import references
from billing.loading.surroundings import LOADER
from billing.loading.tables import Table
from core.api.fields import TextField
from customers import operations
from customers.api.serializers import CustomerInput, customer_facts
from customers.domain.customer import CustomerDraft


class CustomerRow(CustomerInput):
    """A customer; the files name it by `reference`."""

    reference = TextField()


def customer_table(test_clock_id: uuid.UUID | None, now: datetime) -> Table:
    """Return the table of customers, who hang on the clock when one is given."""

    def store(values: dict[str, Any]) -> None:
        address = values.pop("address", {})
        facts = {**customer_facts(values), **address}
        if test_clock_id is not None:
            facts["test_clock_id"] = test_clock_id
        operations.create_customer(CustomerDraft(**facts), actor=LOADER, now=now)

    return Table(
        "customers", CustomerRow, ("reference",), lambda key, _: references.find_customer(key[0]) is not None, store
    )
