"""Stripe's webhooks: the signature over the raw body, and what the event is about."""

import json
from collections.abc import Sequence

import stripe

from billing.providers.base import Notice, Subject, WebhookRefused
from billing.providers.stripe_words import identity, moment, subject_of

TOLERANCE_SECONDS = 300


def read_notice(body: bytes, signature: str, *, secrets: Sequence[str], is_live: bool) -> Notice:
    """Return what an event tells, once one of the secrets signed exactly this body within the last five minutes.

    Several secrets are valid while they are being replaced. Raises WebhookRefused, also for the other mode's event.
    """
    if not any(_signed(body, signature, secret) for secret in secrets):
        raise WebhookRefused("The signature is wrong, too old, or missing.")
    try:
        event = json.loads(body)
        thing = event["data"]["object"]
        subject = subject_of(event["type"])
        notice = Notice(
            event_id=event["id"],
            type=event["type"],
            subject=subject,
            reference=identity(thing) if subject is not Subject.OTHER else str(thing.get("id", "")),
            happened_at=moment(event["created"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WebhookRefused("This is no event.") from None
    if bool(event.get("livemode")) != is_live:
        raise WebhookRefused("The event is of the other mode (live, test).")
    return notice


def _signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
