"""Rows of what was used, and of what may be."""

from usage.models.event import UsageEvent
from usage.models.limit import UsageLimit

__all__ = ["UsageEvent", "UsageLimit"]
