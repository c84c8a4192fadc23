"""Every event of the API's list is a fact that some room writes, about an object that the API answers."""

import re

from core.services.folder import REPOSITORY
from notifications.domain.events import EVENT_TYPES
from notifications.objects import DRAWINGS

ROOMS = ("core", "customers", "subscriptions", "usage", "invoicing", "billing")
NOT_THERE_YET = frozenset(
    {
        "checkout.completed",
    }
)
"""Whoever writes one takes it out here."""
NOT_AN_OBJECT = frozenset({"books"})


def written() -> str:
    return "\n".join(
        path.read_text()
        for room in ROOMS
        for path in sorted((REPOSITORY / room).rglob("*.py"))
        if "migrations" not in path.parts
    )


def test_every_event_is_written_but_those_that_are_named_here() -> None:
    source = written()
    missing = {type_ for type_ in EVENT_TYPES if f'"{type_}"' not in source}
    assert missing == NOT_THERE_YET


def test_every_object_of_a_fact_is_drawn() -> None:
    kinds = set(re.findall(r'OutboxDraft\(\s*[^,()]+,\s*"(\w+)"', written()))
    assert len(kinds) > 8
    assert kinds - NOT_AN_OBJECT - {"webhook_endpoint"} <= DRAWINGS.keys()


def test_the_page_names_every_event() -> None:
    page = (REPOSITORY / "docs/api/webhooks.md").read_text()
    assert [type_ for type_ in EVENT_TYPES if f"`{type_}`" not in page] == []
