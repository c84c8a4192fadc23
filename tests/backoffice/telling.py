"""A row of everything that tells others."""

from core.models import OutboxEvent
from notifications.models import WebhookBody, WebhookDelivery, WebhookEndpoint
from tests.backoffice.papers import NOW, START


def make_telling(number: int, fact: OutboxEvent) -> None:
    """Store an endpoint with a delivery of a fact."""
    endpoint = WebhookEndpoint.objects.create(
        url=f"https://hooks{number}.example.com/",
        events=["invoice.*"],
        secret="sealed",
        created_at=START,
        updated_at=START,
    )
    WebhookBody.objects.create(fact=fact, text="{}", drawn_at=NOW)
    WebhookDelivery.objects.create(
        endpoint=endpoint,
        fact=fact,
        event_id=fact.event_id,
        type=fact.type,
        object_kind=fact.object_kind,
        object_id=fact.object_id,
        due_at=NOW,
        created_at=NOW,
    )
