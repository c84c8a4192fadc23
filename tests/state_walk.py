"""The walk over a state machine: every status times every action, against its table of allowed moves."""

from collections.abc import Callable, Mapping
from enum import Enum
from itertools import product
from typing import Any

import pytest


def check_every_move(
    next_status: Callable[[Any, Any], Any],
    allowed: Mapping[tuple[Any, Any], Any],
    refusal: type[Exception],
    *,
    statuses: type[Enum],
    actions: type[Enum],
) -> None:
    """Fail unless every move of the table leads where it says, and every other is refused, naming what was tried."""
    for status, action in product(statuses, actions):
        if (status, action) in allowed:
            assert next_status(status, action) == allowed[status, action], (status, action)
            continue
        with pytest.raises(refusal) as refused:
            next_status(status, action)
        assert (vars(refused.value)["status"], vars(refused.value)["action"]) == (status, action)
