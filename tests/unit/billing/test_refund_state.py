"""Every status of a refund times every action."""

import pytest

from billing.domain.refund_state import InvalidRefundTransition, RefundAction, RefundStatus, next_refund_status

ALLOWED = {
    ("started", "authorise"): "authorised",
    ("started", "issue"): "issued",
    ("started", "reject"): "rejected",
    ("authorised", "issue"): "issued",
    ("authorised", "reject"): "rejected",
}


@pytest.mark.parametrize("status", RefundStatus)
@pytest.mark.parametrize("action", RefundAction)
def test_every_move_is_in_the_table_or_refused(status: RefundStatus, action: RefundAction) -> None:
    wanted = ALLOWED.get((status, action))
    if wanted is not None:
        assert next_refund_status(status, action) == wanted
        return
    with pytest.raises(InvalidRefundTransition) as refusal:
        next_refund_status(status, action)
    assert (refusal.value.status, refusal.value.action) == (status, action)
