"""Whether real money moves here."""

from django.conf import settings


def is_live() -> bool:
    """Tell whether this instance is live, not for tests."""
    return bool(settings.INSTANCE_MODE == "live")
