"""Windows: which events a question about usage is about, and how they are read.

Billing rules, section 4: the window is the billed period, nothing else.
"""

import uuid
from collections.abc import Hashable
from datetime import datetime

from msgspec import Struct

from usage.domain.aggregation import Aggregation, Meter


class UsageWindow(Struct, frozen=True):
    """The events of one metric of one subscription from `start` (included) to `end` (excluded), and their meter.

    `key` names the answer. With `start` None the window begins with the first event: the totals of continuous metrics,
    the levels that carry over. Raises ValueError for a window that ends before it starts, a moment that is not aware, a
    negative number of free events, and a weighted sum without a start, whose level would last no known time.
    """

    key: Hashable
    subscription_id: uuid.UUID
    metric_id: uuid.UUID
    meter: Meter
    start: datetime | None
    end: datetime
    free_events: int = 0

    def __post_init__(self) -> None:
        """Refuse a window that no events could answer."""
        if any(moment is not None and moment.tzinfo is None for moment in (self.start, self.end)):
            raise ValueError(f"a window is bounded by aware moments: {self.start} - {self.end}")
        if self.start is not None and self.end <= self.start:
            raise ValueError(f"a window must end after its start: {self.start} - {self.end}")
        if self.start is None and self.meter.aggregation == Aggregation.WEIGHTED_SUM:
            raise ValueError("a weighted sum needs the start of its window")
        if self.free_events < 0:
            raise ValueError(f"the number of free events must not be negative: {self.free_events}")
