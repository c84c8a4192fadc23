"""Change what a brand sends and in which words."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from core.changes import change_row, plain_facts
from core.operations import Actor, AuditDraft, record_audit
from customers.models import Brand
from notifications.mailing.drawing import Words, check_words
from notifications.models import BrandMessaging, MessageTemplate


@transaction.atomic
def save_messaging(brand: Brand, facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> BrandMessaging:
    """Store what a brand sends."""
    messaging = BrandMessaging.objects.select_for_update().filter(brand=brand).first()
    if messaging is None:
        messaging = BrandMessaging.objects.create(brand=brand, **facts, updated_at=now)
        changed: tuple[Any, Any] | None = (None, plain_facts(facts))
    else:
        changed = change_row(messaging, facts, updated_at=now)
    if changed is not None:
        draft = AuditDraft("brand_messaging.changed", "brand", brand.id, before=changed[0], after=changed[1])
        record_audit(actor, [draft], recorded_at=now)
    return messaging


@transaction.atomic
def save_template(template: MessageTemplate, *, actor: Actor, now: datetime) -> MessageTemplate:
    """Store a brand's own words for a message. Raises Invalid when they cannot be drawn."""
    check_words(Words(template.subject, template.text, template.html))
    template.updated_at = now
    template.save()
    draft = AuditDraft("message_template.saved", "message_template", template.id, after={"subject": template.subject})
    record_audit(actor, [draft], recorded_at=now)
    return template


@transaction.atomic
def delete_template(template_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a brand's own words; those that ship are sent again."""
    MessageTemplate.objects.filter(id=template_id).delete()
    draft = AuditDraft("message_template.deleted", "message_template", template_id)
    record_audit(actor, [draft], recorded_at=now)
