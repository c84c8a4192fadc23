"""Changing facts of a row so that what was there and what is there now can be told."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model


def plain(value: Any) -> Any:
    """Return a value as JSON keeps it."""
    if isinstance(value, Model):
        return str(value.pk)
    return value if isinstance(value, str | int | bool | dict | list | None) else str(value)


def plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as JSON keeps them."""
    return {name: plain(value) for name, value in facts.items()}


def change_row(row: Model, wanted: Mapping[str, Any], **further: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Save the wanted facts that differ from the row's, with `further` ones if any does.

    Returns them before and after, as JSON keeps them, or None when nothing differs: then nothing is written.
    """
    before = {name: getattr(row, name) for name in wanted}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    if not changed:
        return None
    for name, value in {**changed, **further}.items():
        setattr(row, name, value)
    row.save(update_fields=[*changed, *further])
    return {name: plain(before[name]) for name in changed}, plain_facts(changed)
