"""Rows of what was used, and of what may be."""

from usage.models.event import UsageEvent
from usage.models.limit import UsageLimit
from usage.models.totals import BusySubscription, HourTotal

__all__ = ["BusySubscription", "HourTotal", "UsageEvent", "UsageLimit"]
