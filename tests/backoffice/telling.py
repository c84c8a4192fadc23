"""A row of everything that tells others."""

from core.models import OutboxEvent
from invoicing.models import Invoice
from notifications.models import (
    BrandMessaging,
    Message,
    MessageTemplate,
    WebhookBody,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.backoffice.papers import NOW, START


def make_telling(number: int, fact: OutboxEvent, invoice: Invoice) -> None:
    """Store an endpoint with a delivery of a fact, the message about it, a brand's switches and words."""
    BrandMessaging.objects.create(brand=invoice.brand, off_kinds=["receipt"], updated_at=NOW)
    MessageTemplate.objects.create(
        brand=invoice.brand, kind="invoice", language="en", subject="Invoice", text="Here.", updated_at=NOW
    )
    Message.objects.create(
        kind="invoice",
        fact=fact,
        customer=invoice.customer,
        recipient=invoice.customer.email,
        moment_at=NOW,
        due_at=NOW,
        created_at=NOW,
    )
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
