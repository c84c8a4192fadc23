"""Signatures of webhooks (Standard Webhooks 1.0.0)."""

from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook


def signature_headers(message_id: str, sent_at: datetime, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """Return the three headers of a message, signed with each secret that is valid.

    >>> from datetime import UTC
    >>> headers = signature_headers("msg_1", datetime(2026, 1, 1, tzinfo=UTC), "{}", ["whsec_c2VjcmV0"])
    >>> headers["webhook-timestamp"], headers["webhook-signature"]
    ('1767225600', 'v1,QGxpGbjRoL8txXelFWC4IEtME42gS+j6BV6K56kn8oo=')
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, sent_at, body) for secret in secrets),
    }
