"""The invoice's states and the moves between them (Billing rules, section 8, Status)."""

from enum import StrEnum

from core.errors import Conflict


class InvoiceStatus(StrEnum):
    """What an invoice is."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class InvoiceAction(StrEnum):
    """What can be done to an invoice.

    `pay` is what leaves nothing due: a payment, a balance or a discount that covers it, a credit note over the rest.
    `reopen` asks again for what a credit note had lowered it by: that was voided.
    """

    FINALIZE = "finalize"
    PAY = "pay"
    VOID = "void"
    WRITE_OFF = "write_off"
    REOPEN = "reopen"


class InvalidInvoiceTransition(Conflict):
    """An action that the invoice's status does not allow."""

    code = "invoice_status"

    def __init__(self, status: InvoiceStatus, action: InvoiceAction) -> None:
        super().__init__(f"An invoice that is {status} does not allow: {action.replace('_', ' ')}.")
        self.status = status
        self.action = action


_MOVES: dict[tuple[InvoiceStatus, InvoiceAction], InvoiceStatus] = {
    (InvoiceStatus.DRAFT, InvoiceAction.FINALIZE): InvoiceStatus.OPEN,
    (InvoiceStatus.OPEN, InvoiceAction.PAY): InvoiceStatus.PAID,
    (InvoiceStatus.OPEN, InvoiceAction.VOID): InvoiceStatus.VOID,
    (InvoiceStatus.OPEN, InvoiceAction.WRITE_OFF): InvoiceStatus.UNCOLLECTIBLE,
    # Covered by a balance or a discount: nothing was paid, so it can be taken back. What was paid is the amounts' to
    # say, and refuses it (section 8: nothing paid, else 409).
    (InvoiceStatus.PAID, InvoiceAction.VOID): InvoiceStatus.VOID,
    (InvoiceStatus.PAID, InvoiceAction.REOPEN): InvoiceStatus.OPEN,
    # A debt given up, and paid after all. A part of it leaves the status as it is.
    (InvoiceStatus.UNCOLLECTIBLE, InvoiceAction.PAY): InvoiceStatus.PAID,
}


def next_invoice_status(status: str, action: InvoiceAction) -> InvoiceStatus:
    """Return the status an action leads to.

    Raises InvalidInvoiceTransition, a Conflict, when the table of Billing rules, section 8, has no such move.

    >>> next_invoice_status(InvoiceStatus.OPEN, InvoiceAction.WRITE_OFF)
    <InvoiceStatus.UNCOLLECTIBLE: 'uncollectible'>
    >>> next_invoice_status("void", InvoiceAction.PAY)
    Traceback (most recent call last):
    ...
    invoicing.domain.invoice_state.InvalidInvoiceTransition: An invoice that is void does not allow: pay.
    """
    current = InvoiceStatus(status)
    try:
        return _MOVES[current, action]
    except KeyError:
        raise InvalidInvoiceTransition(current, action) from None


def status_when_issued(amount_due_minor: int) -> InvoiceStatus:
    """Return the status a draft takes when it is finalised: open, or paid at once when nothing is left to pay.

    >>> status_when_issued(1000), status_when_issued(0)
    (<InvoiceStatus.OPEN: 'open'>, <InvoiceStatus.PAID: 'paid'>)
    """
    issued = next_invoice_status(InvoiceStatus.DRAFT, InvoiceAction.FINALIZE)
    return issued if amount_due_minor > 0 else next_invoice_status(issued, InvoiceAction.PAY)
