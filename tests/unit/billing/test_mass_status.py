"""A mass change's statuses: every one times every action."""

import itertools

import pytest

from billing.domain.mass_change import InvalidMassAction, MassAction, MassStatus, next_mass_status
from billing.models import MassChange

S, A = MassStatus, MassAction
ALLOWED = {
    (S.SCHEDULED, A.BEGIN): S.RUNNING,
    (S.SCHEDULED, A.CANCEL): S.CANCELLED,
    (S.RUNNING, A.COMPLETE): S.COMPLETED,
}


@pytest.mark.parametrize(("status", "action"), list(itertools.product(S, A)))
def test_every_status_times_every_action(status: MassStatus, action: MassAction) -> None:
    expected = ALLOWED.get((status, action))
    if expected is not None:
        assert next_mass_status(status, action) is expected
        return
    with pytest.raises(InvalidMassAction, match=str(status)):
        next_mass_status(status, action)


def test_the_rows_know_the_same_statuses() -> None:
    assert set(MassChange._meta.get_field("status").flatchoices) >= {(str(one), str(one).capitalize()) for one in S}
