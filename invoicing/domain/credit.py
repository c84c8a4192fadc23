"""Where credit goes: off the open invoices whose lines it corrects, what is over onto the customer's balance.

Billing rules, section 5, Negative result.
"""

import uuid
from collections.abc import Mapping


def taken_off(credit_minor: int, open_minor: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    """Return by how much a credit lowers each of these open invoices, the oldest first; where it does not reach is out.

    `open_minor` holds what is due on each, all in minor units of one currency.

    >>> old, new = uuid.UUID(int=1), uuid.UUID(int=2)
    >>> [(invoice.int, minor) for invoice, minor in taken_off(1000, {new: 5000, old: 300}).items()]
    [(1, 300), (2, 700)]
    """
    taken: dict[uuid.UUID, int] = {}
    for invoice_id in sorted(open_minor):
        part = min(credit_minor - sum(taken.values()), open_minor[invoice_id])
        if part > 0:
            taken[invoice_id] = part
    return taken
