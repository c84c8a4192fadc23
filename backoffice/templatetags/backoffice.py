"""Amounts, moments, statuses and links in the templates of the joined pages, drawn as in the lists."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Model
from django.utils.safestring import SafeString

from core.staff_pages import columns, words

register = template.Library()


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """Write an amount in minor units."""
    return words.EMPTY if amount_minor is None else words.money_text(amount_minor, currency)


@register.filter
def credit(amount_minor: int, currency: str) -> str:
    """Write the amount of a credit posting, whose column says that it is negative."""
    return words.money_text(-amount_minor, currency)


@register.filter
def price(value: Decimal | None, currency: str) -> str:
    """Write a price in minor units."""
    return words.EMPTY if value is None else words.price_text(value, currency)


@register.filter
def number(value: Decimal | int | None) -> str:
    """Write a quantity, a count or a rate."""
    return words.EMPTY if value is None else words.number_text(value)


@register.filter(name="words")
def in_words(name: str) -> str:
    """Write a stored name in words: `invoice.finalized` as Invoice finalized."""
    return words.field_words(name.replace(".", "_"))


@register.filter
def moment(value: datetime | None) -> str:
    """Draw a moment in UTC."""
    return words.EMPTY if value is None else columns.moment_html(value)


@register.filter
def local(value: datetime | None, zone: str) -> str:
    """Draw a moment as the clocks of a zone show it; the UTC moment stands in the hint."""
    return words.EMPTY if value is None else columns.moment_html(value, zone)


@register.filter
def day(value: date | datetime | None) -> str:
    """Write a calendar day."""
    return words.EMPTY if value is None else f"{value.day} {value:%b %Y}"


@register.filter
def badge(row: Model) -> SafeString:
    """Draw a row's status."""
    status = str(row.status)  # type: ignore[attr-defined]  # every row given to this filter has a status
    return columns.badge_html(status, row.get_status_display())  # type: ignore[attr-defined]  # and so its words


@register.filter
def link(row: Model | None, text: str = "") -> str:
    """Draw a row's name as a link to its page."""
    return columns.link_html(row, text)


@register.filter
def pretty_json(value: Any) -> str:
    """Write a stored structure with indents."""
    return words.json_text(value)
