"""Pages of core's own rows, and of staff."""

from core.admin import rows, staff

__all__ = ["rows", "staff"]
