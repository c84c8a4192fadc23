"""What waits for late usage: a due moment whose documents are drafts, as a value (Billing rules, section 8)."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec.structs import replace as replace_struct

from core.domain.schedule import instant_of, local_wall
from subscriptions.domain.terms import Agreement, Item


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that shows a waiting step: its id is kept by the invoice that takes its place."""

    invoice_id: uuid.UUID
    currency: str
    payment_method_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """One due moment that waits until `finalize_at`; its agreements stand as they stood before it was charged."""

    step_id: uuid.UUID
    moment: datetime
    finalize_at: datetime
    agreements: tuple[Agreement, ...]
    drafts: tuple[Draft, ...]

    @property
    def subscription_ids(self) -> frozenset[uuid.UUID]:
        """Return the subscriptions it charges."""
        return frozenset(agreement.subscription_id for agreement in self.agreements)


def grace_end(moment: datetime, days: int, zone: str) -> datetime:
    """Return when a step that waits is issued: so many local days later, at the same wall time.

    >>> from datetime import UTC
    >>> grace_end(datetime(2026, 3, 28, 9, tzinfo=UTC), 2, "Europe/Berlin").isoformat()  # summer time begins
    '2026-03-30T08:00:00+00:00'
    """
    return instant_of(local_wall(moment, zone) + timedelta(days=days), zone)


def rewind(
    agreement: Agreement, moment: datetime, *, billed_to: datetime | None, dirty_from: datetime | None
) -> Agreement:
    """Return an agreement as it stood at a due moment before that was charged.

    What was agreed to hold from later on is left out: it is charged by the steps after.
    """
    return replace(
        agreement,
        calendar=tuple(version for version in agreement.calendar if version.from_at <= moment),
        items=tuple(item for one in agreement.items if (item := _until(one, moment)) is not None),
        billed_to_at=billed_to,
        dirty_from=dirty_from,
    )


def _until(item: Item, moment: datetime) -> Item | None:
    """Return an item with the versions that had begun at a moment, None when none had."""
    versions = tuple(version for version in item.versions if version.from_at <= moment)
    return replace_struct(item, versions=versions) if versions else None
