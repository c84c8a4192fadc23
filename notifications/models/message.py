"""Messages to customers and staff: what a brand sends, its own words, and the log."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.fields import id_field
from core.models import OutboxEvent
from customers.models import Brand, Customer
from notifications.domain.messages import MessageKind, Suppressed

KINDS = [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in MessageKind]
ENDPOINT_DISABLED = "webhook_endpoint_disabled"
ALL_KINDS = [*KINDS, (ENDPOINT_DISABLED, "Webhook endpoint disabled")]
LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French"), ("es", "Spanish")]


class BrandMessaging(models.Model):
    """Which messages a brand sends; a brand without a row sends all of them."""

    id = id_field()
    brand = models.OneToOneField(Brand, on_delete=models.CASCADE, related_name="messaging")
    off_kinds = ArrayField(
        models.CharField(max_length=40, choices=KINDS), default=list, blank=True, help_text="What it does not send."
    )
    sends_for_test_clocks = models.BooleanField(
        default=False, help_text="Whether customers on a test clock are sent messages; else they are only logged."
    )
    reply_to = models.EmailField(blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "brand messaging"

    def __str__(self) -> str:
        return f"messages of {self.brand_id}"


class MessageTemplate(models.Model):
    """A brand's own words for a message in a language, in place of those that ship."""

    id = id_field()
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="message_templates")
    kind = models.CharField(max_length=40, choices=KINDS)
    language = models.CharField(max_length=2, choices=LANGUAGES)
    subject = models.CharField(max_length=200)
    text = models.TextField(
        help_text="Paragraphs between blank lines; {{ invoice_number }} and the like are filled in."
    )
    html = models.TextField(blank=True, help_text="The paragraphs as HTML; empty: made from the text.")
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "kind", "language"], name="one_template_per_kind_and_language")
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.language})"


class Message(models.Model):
    """A message to somebody: queued, sent, or why not. Recipient and words can be erased."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        SUPPRESSED = "suppressed", "Suppressed"

    id = id_field()
    kind = models.CharField(max_length=40, choices=ALL_KINDS)
    fact = models.ForeignKey(
        OutboxEvent,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="messages",
        help_text="What it tells.",
    )
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="messages", help_text="Empty: staff."
    )
    recipient = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=400, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    language = models.CharField(max_length=2, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    moment_at = models.DateTimeField(help_text="The moment of the fact, by the customer's clock.")
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was sent, or given up; wall clock.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["fact", "kind"], name="one_message_per_fact_and_kind"),
            models.CheckConstraint(
                condition=models.Q(status="queued", settled_at__isnull=True)
                | models.Q(~models.Q(status="queued"), settled_at__isnull=False, lease_until__isnull=True),
                name="messages_settled_have_a_moment",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="suppressed") | models.Q(reason__in=[str(one) for one in Suppressed]),
                name="suppressed_messages_say_why",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="messages_due", condition=models.Q(status="queued")),
            models.Index(fields=["settled_at"], name="messages_settled"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.customer_id or 'staff'}"
