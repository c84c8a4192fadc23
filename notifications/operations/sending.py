"""Send messages: claim with a lease, draw and hand over outside any transaction, settle. Rows carry the work.

A message whose sender died in the middle is sent again when its lease runs out, under the same Message-ID, by which
mail programs know a double.
"""

import smtplib
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction

from billing.operations.documents import get_document
from core.operations_instance import require_running
from core.redaction import redact_text
from customers.models import Brand
from notifications.domain.messages import MessageKind, next_send_at
from notifications.mailing.drawing import Drawn, Words, draw, language_of, shipped
from notifications.mailing.values import EXAMPLE, NothingToTell, Told, values_of
from notifications.models import Message, MessageTemplate
from notifications.operations.queueing import GONE

AT_ONCE = 20
LEASE = timedelta(minutes=10)
REFUSED_FOR_GOOD = 500

log = structlog.get_logger(__name__)


def send_due(now: datetime, *, limit: int) -> int:
    """Send the messages that are due, at most `limit`, and return how many were sent. Raises InstanceHeld."""
    sent = left = 0
    while left < limit:
        messages = claim(now, limit=min(AT_ONCE, limit - left))
        if not messages:
            return sent
        for message in messages:
            sent += _send_one(message, now)
        left += len(messages)
    return sent


def claim(now: datetime, *, limit: int) -> list[Message]:
    """Claim messages that are due, oldest first, each with a lease. Raises InstanceHeld."""
    require_running()
    with transaction.atomic(durable=True):
        queued = Message.objects.filter(status=Message.Status.QUEUED, due_at__lte=now).exclude(lease_until__gt=now)
        ids = list(
            queued.select_for_update(skip_locked=True).order_by("due_at", "id").values_list("id", flat=True)[:limit]
        )
        Message.objects.filter(id__in=ids).update(lease_until=now + LEASE)
    rows = Message.objects.select_related("fact", "customer__brand__messaging", "customer__test_clock")
    return list(rows.filter(id__in=ids).order_by("due_at", "id"))


def _send_one(message: Message, now: datetime) -> bool:
    try:
        drawn, told = draw_message(message)
        mail = _mail(message, drawn, told)
        get_connection().send_messages([mail])
    except NothingToTell:
        _settle(message, Message.Status.FAILED, now, reason=GONE)
        return False
    except Exception as error:
        if not isinstance(error, OSError | smtplib.SMTPException):
            log.exception("message_not_sent", message=str(message.id))
        _fail(message, error, now)
        return False
    message.subject, message.text, message.html = drawn.subject, drawn.text, drawn.html
    _settle(message, Message.Status.SENT, now)
    return True


def draw_message(message: Message) -> tuple[Drawn, Told]:
    """Return a message in words, with what it is filled from. Raises NothingToTell."""
    if message.customer is None:
        return Drawn(message.subject, message.text, ""), Told({})
    if message.fact is None or message.customer.erased_at is not None:
        raise NothingToTell
    kind = MessageKind(message.kind)
    told = values_of(kind, message.fact, message.customer)
    message.language = language_of(message.customer.locale)
    return draw(find_words(message.customer.brand, kind, message.language), told.values, message.language), told


def find_words(brand: Brand, kind: MessageKind, language: str) -> Words:
    """Return a brand's own words for a message, else those that ship."""
    own = MessageTemplate.objects.filter(brand=brand, kind=kind, language=language).first()
    return Words(own.subject, own.text, own.html) if own is not None else shipped(kind, language)


def draw_preview(template: MessageTemplate) -> Drawn:
    """Return a template filled with examples."""
    values = {**EXAMPLE, "brand_name": template.brand.name, "colour": template.brand.colour}
    return draw(Words(template.subject, template.text, template.html), values, template.language)


def send_test(template: MessageTemplate, recipient: str) -> None:
    """Send a template, filled with examples, to somebody of the staff. Raises what the mail server raises."""
    drawn = draw_preview(template)
    mail = EmailMultiAlternatives(f"[Test] {drawn.subject}", drawn.text, _sender(template.brand), [recipient])
    mail.attach_alternative(drawn.html, "text/html")
    get_connection().send_messages([mail])


def _mail(message: Message, drawn: Drawn, told: Told) -> EmailMultiAlternatives:
    """Return the mail, with the paper that goes with it."""
    customer = message.customer
    brand = customer.brand if customer is not None else None
    messaging = getattr(brand, "messaging", None)
    headers = {
        "Message-ID": f"<{message.id}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        "Auto-Submitted": "auto-generated",
    }
    mail = EmailMultiAlternatives(
        drawn.subject,
        drawn.text,
        _sender(brand),
        [message.recipient],
        headers=headers,
        reply_to=[messaging.reply_to] if messaging is not None and messaging.reply_to else None,
    )
    if drawn.html:
        mail.attach_alternative(drawn.html, "text/html")
    if told.paper is not None:
        paper = get_document(*told.paper)
        mail.attach(paper.filename, paper.content, paper.content_type)
    return mail


def _sender(brand: Brand | None) -> str:
    """Return whom a mail is from: the brand's name and address, else the instance's."""
    default = settings.DEFAULT_FROM_EMAIL
    return default if brand is None else formataddr((brand.name, brand.email or parseaddr(default)[1]))


def _fail(message: Message, error: Exception, now: datetime) -> None:
    """Set the next try, or give it up: at once where the server refuses the recipient for good."""
    due_at = None if _is_final(error) else next_send_at(message.tries + 1, now)
    reason = redact_text(f"{type(error).__name__}: {error}")[:300]
    if due_at is None:
        _settle(message, Message.Status.FAILED, now, reason=reason)
        return
    own = Message.objects.filter(id=message.id, status=Message.Status.QUEUED)
    own.update(tries=message.tries + 1, due_at=due_at, lease_until=None, reason=reason)


def _is_final(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= REFUSED_FOR_GOOD for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= REFUSED_FOR_GOOD


def _settle(message: Message, status: str, now: datetime, *, reason: str = "") -> None:
    """Store what became of a message; one that was erased meanwhile keeps no words."""
    values: dict[str, Any] = {"status": status, "reason": reason, "tries": message.tries + 1}
    if Message.objects.filter(id=message.id).exclude(recipient="").exists():
        values |= {name: getattr(message, name) for name in ("subject", "text", "html", "language")}
    own = Message.objects.filter(id=message.id, status=Message.Status.QUEUED)
    own.update(**values, lease_until=None, settled_at=now)
