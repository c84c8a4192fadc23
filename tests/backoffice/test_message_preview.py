"""The page that shows a message: its HTML stands whole inside a frame without rights, its text is text."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import Message, MessageTemplate
from tests.cast import make_company

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HTML = '<!doctype html><html lang="en"><p class="words">Thank you & good-bye</p><script>alert(1)</script></html>'


def test_a_message_is_shown_as_it_was_sent(alice: Client) -> None:
    message = Message.objects.create(
        kind="invoice",
        recipient="ada@example.com",
        subject="Invoice <b>1</b>",
        text="Thank you\n<script>alert(2)</script>",
        html=HTML,
        status="sent",
        moment_at=NOW,
        due_at=NOW,
        settled_at=NOW,
        created_at=NOW,
    )
    page = alice.get(reverse("admin:notifications_message_preview", args=[message.id])).content.decode()
    (framed,) = re.findall(r'<iframe title="HTML" sandbox="" srcdoc="([^"]*)"', page)
    assert unescape(framed) == HTML
    assert "<script>alert" not in page
    assert "Invoice &lt;b&gt;1&lt;/b&gt;" in page
    assert "Invoice to ada@example.com" in page


def test_a_template_is_shown_filled_with_examples(alice: Client) -> None:
    brand = make_company().brand
    template = MessageTemplate.objects.create(
        brand=brand,
        kind="invoice",
        language="en",
        subject="Yours",
        text="Dear you",
        html='<p class="a">Dear you</p>',
        updated_at=NOW,
    )
    page = alice.get(reverse("admin:notifications_messagetemplate_preview", args=[template.id])).content.decode()
    (framed,) = re.findall(r'srcdoc="([^"]*)"', page)
    assert '<p class="a">Dear you</p>' in unescape(framed)
