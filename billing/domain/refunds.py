"""What may be given back from payments, and what stands behind it on paper (Billing rules, sections 5, 8 and 11).

All amounts are minor units of one currency.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment that money came in by, and what of it was not given back yet."""

    payment_id: uuid.UUID
    rest_minor: int


def spread(amount_minor: int, payments: Sequence[Refundable]) -> dict[uuid.UUID, int]:
    """Return how much each payment gives back of an amount, in the order of the payments; what they lack is left out.

    Raises ValueError for an amount below 0.

    >>> old, new = uuid.UUID(int=1), uuid.UUID(int=2)
    >>> [(paid.int, minor) for paid, minor in spread(900, (Refundable(new, 500), Refundable(old, 700))).items()]
    [(2, 500), (1, 400)]
    """
    if amount_minor < 0:
        raise ValueError("an amount to spread is not below 0")
    parts: dict[uuid.UUID, int] = {}
    left_minor = amount_minor
    for payment in payments:
        part = min(left_minor, payment.rest_minor)
        if part > 0:
            parts[payment.payment_id] = part
            left_minor -= part
    return parts


@dataclass(frozen=True, slots=True)
class PaidInvoice:
    """What paid an invoice: payments, the newest first, and what its lines gave back of other invoices, by those."""

    payments: Sequence[Refundable] = ()
    gives_back_minor: Mapping[uuid.UUID, int] = field(default_factory=dict)


def pay_back(
    amount_minor: int, parts_minor: Mapping[uuid.UUID, int], invoices: Mapping[uuid.UUID, PaidInvoice]
) -> dict[uuid.UUID, int]:
    """Return how much each payment gives back of an amount; what they lack is left out.

    `parts_minor` says what of it corrects which invoice. Each part goes back to the payments of that invoice, the
    newest invoice and payment first; what those lack, to the payments of the invoices whose lines it gave back, for
    that paid the rest of it: never more than that, and than was paid.

    32.00 were paid, a change gave 16.00 back and charged 32.00: 16.00 were paid. The end gives 32.00 back:

    >>> old, new = uuid.UUID(int=1), uuid.UUID(int=2)
    >>> first = PaidInvoice([Refundable(old, 3200)])
    >>> second = PaidInvoice([Refundable(new, 1600)], {old: 1600})
    >>> [(paid.int, minor) for paid, minor in pay_back(3200, {new: 3200}, {old: first, new: second}).items()]
    [(2, 1600), (1, 1600)]
    """
    rests = {payment.payment_id: payment.rest_minor for one in invoices.values() for payment in one.payments}
    found: dict[uuid.UUID, int] = {}

    def draw(invoice_id: uuid.UUID, minor: int, trail: tuple[uuid.UUID, ...]) -> int:
        """Take an amount from what paid an invoice, and return how much of it there was."""
        invoice = invoices.get(invoice_id)
        if invoice is None or invoice_id in trail:
            return 0
        left = minor
        payments = [Refundable(one.payment_id, rests[one.payment_id]) for one in invoice.payments]
        for payment_id, part in spread(left, payments).items():
            rests[payment_id] -= part
            found[payment_id] = found.get(payment_id, 0) + part
            left -= part
        for other, given_minor in sorted(invoice.gives_back_minor.items(), reverse=True):
            left -= draw(other, min(left, given_minor), (*trail, invoice_id))
        return minor - left

    left_minor = amount_minor
    for invoice_id, part_minor in sorted(parts_minor.items(), reverse=True):
        left_minor -= draw(invoice_id, min(left_minor, part_minor), ())
    return found


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands behind a refund of one payment.

    `surplus_minor` is what of the payment went onto the customer's balance and was not taken from there by a refund,
    `balance_minor` what the customer may use now, `invoice_minor` what its invoice still charges on paper, and
    `debit_minor` the debit that the invoice took from the balance and the payment paid off.
    """

    surplus_minor: int = 0
    balance_minor: int = 0
    invoice_minor: int = 0
    debit_minor: int = 0


@dataclass(frozen=True, slots=True)
class Backing:
    """How a refund is given back on paper: from the customer's balance, and by a credit note over the invoice."""

    from_balance_minor: int
    credited_minor: int


def back_refund(amount_minor: int, cover: Cover) -> Backing | None:
    """Return what stands behind a refund, None when there is not enough: it was credited or used up before.

    What the payment put onto the balance goes first, then a credit note over what its invoice charges (Billing rules,
    section 8), then whatever credit the customer has, and a debit that the payment paid off comes back.

    A transfer of 1500 for an invoice of 1190 put 310 onto the balance; after a credit note of 100 onto the balance an
    invoice of 1000 charges 900.

    >>> back_refund(310, Cover(surplus_minor=310, balance_minor=310, invoice_minor=1190))
    Backing(from_balance_minor=310, credited_minor=0)
    >>> back_refund(1500, Cover(surplus_minor=310, balance_minor=310, invoice_minor=1190))
    Backing(from_balance_minor=310, credited_minor=1190)
    >>> back_refund(1000, Cover(balance_minor=100, invoice_minor=900))
    Backing(from_balance_minor=100, credited_minor=900)
    >>> back_refund(1000, Cover(balance_minor=40, invoice_minor=900)) is None
    True
    """
    usable_minor = max(cover.balance_minor, 0)
    surplus_minor = min(amount_minor, cover.surplus_minor, usable_minor)
    credited_minor = min(amount_minor - surplus_minor, cover.invoice_minor)
    rest_minor = amount_minor - surplus_minor - credited_minor
    if rest_minor > usable_minor - surplus_minor + cover.debit_minor:
        return None
    return Backing(surplus_minor + rest_minor, credited_minor)


def settled_payment_status(amount_minor: int, refunded_minor: int) -> str:
    """Return what a completed payment is after its refunds: two halves are fully refunded.

    >>> settled_payment_status(1000, 0), settled_payment_status(1000, 500), settled_payment_status(1000, 1000)
    ('completed', 'partially_refunded', 'fully_refunded')
    """
    if not refunded_minor:
        return "completed"
    return "fully_refunded" if refunded_minor >= amount_minor else "partially_refunded"


def refund_key(provider: str, charge: str, number: int) -> str:
    """Write the provider's idempotency key of a payment's n-th refund; `charge` is the provider's own word for it.

    The amount is not in it: a database restored from a backup that refunds the same payment again arrives at the same
    key, and the provider answers with the refund already made, or refuses another amount.

    >>> refund_key("sandbox", "ch_1", 2)
    'refund:sandbox:ch_1:2'
    """
    return f"refund:{provider}:{charge}:{number}"
