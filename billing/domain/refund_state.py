"""The refund's states and the moves between them (Billing rules, section 11).

Started: its row is written; the provider may have been asked. Authorised: the provider took it on and has not paid it
out yet. Issued: paid out. Rejected: the provider will not pay it out.
"""

from enum import StrEnum


class RefundStatus(StrEnum):
    """What a refund is."""

    STARTED = "started"
    AUTHORISED = "authorised"
    ISSUED = "issued"
    REJECTED = "rejected"


class RefundAction(StrEnum):
    """What can happen to a refund."""

    AUTHORISE = "authorise"
    ISSUE = "issue"
    REJECT = "reject"


class InvalidRefundTransition(ValueError):
    """An action that the refund's status does not allow."""

    def __init__(self, status: RefundStatus, action: RefundAction) -> None:
        super().__init__(f"A refund that is {status} does not allow: {action}.")
        self.status = status
        self.action = action


OPEN_REFUND_STATUSES = frozenset({RefundStatus.STARTED, RefundStatus.AUTHORISED})
"""A refund whose outcome is not known yet."""

_MOVES: dict[tuple[RefundStatus, RefundAction], RefundStatus] = {
    (RefundStatus.STARTED, RefundAction.AUTHORISE): RefundStatus.AUTHORISED,
    (RefundStatus.STARTED, RefundAction.ISSUE): RefundStatus.ISSUED,
    (RefundStatus.STARTED, RefundAction.REJECT): RefundStatus.REJECTED,
    (RefundStatus.AUTHORISED, RefundAction.ISSUE): RefundStatus.ISSUED,
    (RefundStatus.AUTHORISED, RefundAction.REJECT): RefundStatus.REJECTED,
}


def next_refund_status(status: str, action: RefundAction) -> RefundStatus:
    """Return the status an action leads to.

    Raises InvalidRefundTransition for every move that is not in the table: an outcome is final.

    >>> next_refund_status("started", RefundAction.ISSUE)
    <RefundStatus.ISSUED: 'issued'>
    """
    current = RefundStatus(status)
    try:
        return _MOVES[current, action]
    except KeyError:
        raise InvalidRefundTransition(current, action) from None
