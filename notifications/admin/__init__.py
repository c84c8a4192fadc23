"""Pages of telling others."""

from notifications.admin import webhooks  # noqa: F401 - registers its pages
