"""Pages of telling others."""

from notifications.admin import messages, webhooks

__all__ = ["messages", "webhooks"]
