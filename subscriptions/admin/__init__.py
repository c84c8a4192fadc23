"""Pages of what was agreed."""

from subscriptions.admin import agreed, catalogue, vouchers

__all__ = ["agreed", "catalogue", "vouchers"]
