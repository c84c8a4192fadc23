"""Windows of usage."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from usage.domain.aggregation import Aggregation, Meter
from usage.domain.window import UsageWindow

MARCH, APRIL = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)


def window(aggregation: Aggregation = Aggregation.SUM, **fields: Any) -> UsageWindow:
    return UsageWindow(
        **{
            "key": 1,
            "subscription_id": uuid.UUID(int=1),
            "metric_id": uuid.UUID(int=2),
            "meter": Meter(aggregation),
            "start": MARCH,
            "end": APRIL,
            **fields,
        }
    )


def test_a_window_may_begin_with_the_first_event() -> None:
    assert window().free_events == 0
    assert window(start=None).start is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"end": MARCH}, "end after its start"),
        ({"start": APRIL, "end": MARCH}, "end after its start"),
        ({"start": MARCH.replace(tzinfo=None)}, "aware"),
        ({"start": None, "end": APRIL.replace(tzinfo=None)}, "aware"),
        ({"free_events": -1}, "negative"),
        ({"aggregation": Aggregation.WEIGHTED_SUM, "start": None}, "weighted sum"),
    ],
)
def test_a_window_that_no_events_could_answer_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        window(**fields)
