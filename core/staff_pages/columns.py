"""Columns of lists and fields of pages: callables that read one row and return what is drawn."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.staff_pages.words import EMPTY, field_words, json_text, moment_text, money_text, number_text, price_text

# A name up to this length stays on one line.
SHORT_TEXT = 24

Column = Callable[[Any], str]

# Which tone a status word has; one that is not named here is neutral.
TONES = {
    "good": {"active", "paid", "completed", "succeeded", "finished", "ready", "confirmed", "live"},
    "busy": {"open", "trial_active", "pending", "scheduled", "calling", "running", "advancing", "test"},
    "watch": {
        "incomplete",
        "pending_cancel",
        "paused",
        "overdue_payment_open",
        "partially_refunded",
        "fully_refunded",
        "stopped",
    },
    "bad": {
        "overdue_payment_disabled",
        "blocked",
        "failed",
        "disputed",
        "uncollectible",
        "disabled",
        "malformed",
        "refused",
    },
}


def tone_of(status: str) -> str:
    """Return the tone of a status word: good, busy, watch, bad, or plain."""
    return next((tone for tone, words in TONES.items() if status in words), "plain")


def badge_html(status: str, words: str) -> SafeString:
    """Draw a status as a coloured word."""
    return format_html('<span class="rk-badge rk-{}">{}</span>', tone_of(status), words)


def amount_html(text: str) -> SafeString:
    """Draw a figure; the style sheet sets its cell to the right, with figures of one width."""
    return format_html('<span class="rk-amount">{}</span>', text)


def page_url(target: Model) -> str:
    """Return the address of a row's admin page, empty when its model has none."""
    meta = target._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk])
    except NoReverseMatch:
        return ""


def link_html(target: Model | None, words: str = "") -> str:
    """Draw a row's name as a link to its page."""
    if target is None:
        return EMPTY
    url = page_url(target)
    text = words or str(target)
    kind = "rk-link rk-code" if len(text) <= SHORT_TEXT else "rk-link"
    return format_html('<a class="{}" href="{}">{}</a>', kind, url, text) if url else text


def _read(row: Any, path: str) -> Any:
    """Follow a path of attributes (`invoice__customer`); None where it ends early."""
    for name in path.split("__"):
        if row is None:
            return None
        try:
            row = getattr(row, name)
        except ObjectDoesNotExist:
            return None
    return row


def _named(column: Column, name: str) -> Column:
    """Name a column: Django puts the name into the heading's class."""
    column.__name__ = name
    return column


def money(field: str, label: str = "", *, currency: str = "currency") -> Column:
    """Make a column of an amount in minor units."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        amount = _read(row, field)
        return EMPTY if amount is None else amount_html(money_text(amount, _read(row, currency)))

    return _named(column, f"amount_{field}")


def price(field: str, label: str = "", *, currency: str = "currency") -> Column:
    """Make a column of a price in minor units, with all its places."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        value = _read(row, field)
        return EMPTY if value is None else amount_html(price_text(value, _read(row, currency)))

    return _named(column, f"amount_{field}")


def number(field: str, label: str = "", *, unit: str = "") -> Column:
    """Make a column of a quantity, a count or a rate."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        value = _read(row, field)
        return EMPTY if value is None else amount_html(f"{number_text(value)} {unit}".strip())

    return _named(column, f"amount_{field}")


def link(path: str, label: str = "") -> Column:
    """Make a column that links to the row a foreign key names."""

    @admin.display(description=label or field_words(path.rpartition("__")[2]), ordering=path)
    def column(row: Any) -> str:
        return link_html(_read(row, path))

    return _named(column, f"link_{path}")


def own(column: Column) -> Column:
    """Make a column that draws another one as a link to the row's own page: rows under a row have no other."""

    @admin.display(description=getattr(column, "short_description", ""))
    def linked(row: Any) -> str:
        return format_html('<a class="rk-link" href="{}">{}</a>', page_url(row), column(row))

    return _named(linked, f"own_{column.__name__}")


def plain(field: str, label: str = "") -> Column:
    """Make a column of a value that needs no other words: its choice's, or its text."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        words = getattr(row, f"get_{field}_display", None)
        value = words() if words else _read(row, field)
        return EMPTY if value in (None, "") else str(value)

    return _named(column, f"plain_{field}")


def links(field: str, label: str = "") -> Column:
    """Make a field of links to the rows of a many-to-many relation."""

    @admin.display(description=label or field_words(field))
    def column(row: Any) -> str:
        targets = getattr(row, field).all()
        return format_html_join(", ", "{}", ((link_html(target),) for target in targets)) or EMPTY

    return _named(column, f"links_{field}")


def object_link(kind: str = "object_kind", identity: str = "object_id") -> Column:
    """Make a column that links to the object a fact names by its kind and id.

    The kind is a model's name (`credit_note`); a kind without a page is written out.
    """

    @admin.display(description="Object")
    def column(row: Any) -> str:
        kind_words = str(_read(row, kind)).replace("_", " ")
        target_id: UUID | None = _read(row, identity)
        if target_id is None:
            return kind_words
        wanted = kind_words.replace(" ", "")
        words = f"{kind_words} …{str(target_id)[-8:]}"
        model = next((model for model in admin.site._registry if model._meta.model_name == wanted), None)
        url = page_url(model(pk=target_id)) if model else ""
        return format_html('<a class="rk-link" href="{}">{}</a>', url, words) if url else f"{kind_words} {target_id}"

    return _named(column, "object")


def badge(field: str = "status", label: str = "") -> Column:
    """Make a column of a status, in its tone."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        status = str(_read(row, field))
        owner_path, _, name = field.rpartition("__")
        owner = _read(row, owner_path) if owner_path else row
        words = getattr(owner, f"get_{name}_display", lambda: status)()
        return badge_html(status, words) if status else EMPTY

    return _named(column, f"badge_{field}")


def moment(field: str, label: str = "") -> Column:
    """Make a column of a moment in UTC; the seconds stand in the hint."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        value: datetime | None = _read(row, field)
        return EMPTY if value is None else moment_html(value)

    return _named(column, f"moment_{field}")


def local_moment(field: str, label: str = "") -> Column:
    """Make a column of a wall time, which names no zone."""
    return moment(field, f"{label or field_words(field)} (local)")


def moment_html(value: datetime, zone: str = "") -> SafeString:
    """Draw a moment in UTC, or as the clocks of a zone show it; the UTC moment with its seconds stands in the hint."""
    return format_html(
        '<time class="rk-moment" datetime="{0}" title="{0}">{1}</time>',
        value.isoformat(timespec="seconds"),
        moment_text(value.astimezone(ZoneInfo(zone)) if zone else value),
    )


def day(field: str, label: str = "") -> Column:
    """Make a column of a calendar day."""

    @admin.display(description=label or field_words(field), ordering=field)
    def column(row: Any) -> str:
        value: date | None = _read(row, field)
        return (
            EMPTY if value is None else format_html('<span class="rk-moment">{} {}</span>', value.day, f"{value:%b %Y}")
        )

    return _named(column, f"day_{field}")


def span(start: str, end: str, label: str = "Period") -> Column:
    """Make a column of a half-open period."""

    @admin.display(description=label, ordering=start)
    def column(row: Any) -> str:
        first, last = _read(row, start), _read(row, end)
        if first is None:
            return EMPTY
        until = moment_html(last) if last else "open"
        return format_html("{} → {}", moment_html(first), until)

    return _named(column, f"span_{start}")


def structure(field: str, label: str = "") -> Column:
    """Make a field of a stored structure, with indents."""

    @admin.display(description=label or field_words(field))
    def column(row: Any) -> str:
        value = _read(row, field)
        return EMPTY if value in (None, "", [], {}) else format_html('<pre class="rk-json">{}</pre>', json_text(value))

    return _named(column, f"structure_{field}")


def size(field: str, label: str = "") -> Column:
    """Make a field of the size of stored bytes, which are never drawn themselves."""

    @admin.display(description=label or field_words(field))
    def column(row: Any) -> str:
        value = _read(row, field)
        return f"{len(value):,} bytes" if value else EMPTY

    return _named(column, f"size_{field}")
