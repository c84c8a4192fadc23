"""Take in what payment providers tell of their own accord: verified, stored once, answered fast; handled later.

The row says which object something happened to. Whoever handles it asks the provider how the object stands now, so that
notices may come late, twice, and in any order.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from billing.models import ProviderNotice
from billing.providers.registry import get_provider
from core.operations import Actor, AuditDraft, record_audit


def receive(provider: str, body: bytes, headers: Mapping[str, str], *, now: datetime) -> bool:
    """Store a webhook that its provider signed; return whether it is new. `now` is the wall's moment.

    Raises UnknownProvider, NotSupported, WebhookRefused; then nothing was stored.
    """
    notice = get_provider(provider).parse_webhook(body, headers)
    row = ProviderNotice(
        provider=provider,
        event_id=notice.event_id,
        type=notice.type[:100],
        subject=notice.subject,
        reference=notice.reference[:255],
        status=ProviderNotice.Status.RECEIVED,
        happened_at=notice.happened_at,
        received_at=now,
    )
    with transaction.atomic():
        before = ProviderNotice.objects.filter(provider=provider, event_id=notice.event_id).exists()
        # Two that arrive at once: the second finds the first, or leaves it be.
        ProviderNotice.objects.bulk_create([row], ignore_conflicts=True)
    return not before


def replay(notice_ids: Iterable[uuid.UUID], *, actor: Actor, now: datetime) -> int:
    """Have notices handled once more, whatever became of them; return how many."""
    with transaction.atomic():
        notices = ProviderNotice.objects.select_for_update().filter(id__in=list(notice_ids))
        found = list(notices.values_list("id", flat=True))
        ProviderNotice.objects.filter(id__in=found).update(
            status=ProviderNotice.Status.RECEIVED, tries=0, failure="", lease_until=None, settled_at=None
        )
        record_audit(
            actor, [AuditDraft("provider_notice.replayed", "provider_notice", one) for one in found], recorded_at=now
        )
    return len(found)
