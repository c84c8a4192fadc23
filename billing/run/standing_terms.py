"""Write how subscriptions stand after their steps: status, boundaries, versions of terms, what became of changes."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from billing.domain.cycle import Step, Transition, period_bounds
from core.behind import execute_behind
from core.copying import copy_rows
from core.domain.outbox import OutboxDraft
from core.identifiers import new_id
from core.operations import emit
from core.rows import array_text
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pending import Applied
from subscriptions.domain.terms import Agreement

SETTLE_SUBSCRIPTIONS = """
UPDATE subscriptions_subscription AS s SET
    status = moved.status, plan_id = moved.plan_id, currency = moved.currency,
    billed_to_at = moved.billed_to_at, next_due_at = moved.next_due_at, dirty_from = NULL,
    current_period_start = moved.period_start, current_period_end = moved.period_end,
    cancel_at = moved.cancel_at, cancel_refund = moved.cancel_refund,
    cancelled_at = coalesce(moved.ended_at, s.cancelled_at), ended_at = coalesce(moved.ended_at, s.ended_at),
    updated_at = %s
FROM unnest(%s::uuid[], %s::varchar[], %s::uuid[], %s::varchar[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::varchar[], %s::timestamptz[])
    AS moved (id, status, plan_id, currency, billed_to_at, next_due_at, period_start, period_end, cancel_at,
              cancel_refund, ended_at)
WHERE s.id = moved.id
"""
SETTLE_CHANGES = """
UPDATE subscriptions_pendingchange AS change SET settled_at = done.at, outcome = done.outcome, failure = done.failure
FROM unnest(%s::uuid[], %s::timestamptz[], %s::varchar[], %s::varchar[]) AS done (id, at, outcome, failure)
WHERE change.id = done.id
"""
MOVE_CHANGES = """
UPDATE subscriptions_pendingchange AS change SET due_at = moved.due_at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS moved (id, due_at) WHERE change.id = moved.id
"""
REVOKE_CHANGES_OF_ENDED = """
UPDATE subscriptions_pendingchange SET settled_at = %s, outcome = 'revoked'
WHERE subscription_id = ANY(%s::uuid[]) AND settled_at IS NULL
"""
TERMS_COLUMNS = (
    "id", "subscription_id", "version", "from_at", "phase", "plan_id", "anchor_wall", "interval", "interval_count",
    "time_zone", "alignment", "resumes", "credits_unused", "reason", "actor", "recorded_at",
)  # fmt: skip
ITEM_COLUMNS = ("id", "subscription_id", "position", "created_at")
ITEM_TERMS_COLUMNS = (
    "id", "item_id", "version", "from_at", "price_id", "quantity", "delta", "change", "proration", "actor",
    "recorded_at",
)  # fmt: skip
EVENT_COLUMNS = ("id", "subscription_id", "from_status", "to_status", "action", "actor", "happened_at")
TRANSITION_EVENTS = {
    "convert_trial": "subscription.trial_converted",
    "end_trial": "subscription.trial_ended",
    "cancel": "subscription.cancelled",
    "pause": "subscription.paused",
    "resume": "subscription.resumed",
}


@dataclass(frozen=True, slots=True)
class Stood:
    """One customer's agreements as they were read, the steps they went through, and who is behind it."""

    agreements: tuple[Agreement, ...]
    steps: tuple[Step, ...]
    actor: str


def settle_subscriptions(stood: Sequence[Stood], *, as_of: datetime) -> None:
    """Write subscriptions, terms, status events and facts of a chunk by a constant number of statements."""
    settled: dict[uuid.UUID, Agreement] = {}
    for one in stood:
        for step in one.steps:
            settled.update((agreement.subscription_id, agreement) for agreement in step.settled)
    if not settled:
        return
    _move(list(settled.values()), [t for one in stood for step in one.steps for t in step.transitions], as_of)
    _write_versions(stood, settled, as_of)
    _move_changes(stood, settled)
    _settle_changes([done for one in stood for step in one.steps for done in step.applied])
    write_transitions([(one.actor, t) for one in stood for step in one.steps for t in step.transitions], as_of=as_of)


def _move_changes(stood: Sequence[Stood], settled: dict[uuid.UUID, Agreement]) -> None:
    """Write the new moments of changes that wait for the end of a period that has moved."""
    before = {one.change_id: one.due_at for each in stood for agreement in each.agreements for one in agreement.pending}
    moved = {
        one.change_id: one.due_at
        for agreement in settled.values()
        for one in agreement.pending
        if before.get(one.change_id, one.due_at) != one.due_at
    }
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(MOVE_CHANGES, [array_text(moved), array_text(moved.values())])


def _move(agreements: Sequence[Agreement], transitions: Sequence[Transition], as_of: datetime) -> None:
    """Write each subscription's row."""
    bounds = [period_bounds(agreement, agreement.billed_to_at or as_of) for agreement in agreements]
    ended = {t.subscription_id: t.at for t in transitions if t.to_status is Status.CANCELLED}
    columns: tuple[Iterable[Any], ...] = (
        [agreement.subscription_id for agreement in agreements],
        [str(agreement.status) for agreement in agreements],
        [agreement.current.plan_id for agreement in agreements],
        [agreement.currency for agreement in agreements],
        [agreement.billed_to_at for agreement in agreements],
        [agreement.next_due_at for agreement in agreements],
        [start for start, _ in bounds],
        [end for _, end in bounds],
        [agreement.cancel_at for agreement in agreements],
        [agreement.cancel_refund for agreement in agreements],
        [ended.get(agreement.subscription_id) for agreement in agreements],
    )
    execute_behind(SETTLE_SUBSCRIPTIONS, [as_of, *map(array_text, columns)])
    if ended:
        execute_behind(REVOKE_CHANGES_OF_ENDED, [as_of, list(ended)])


def _write_versions(stood: Sequence[Stood], settled: dict[uuid.UUID, Agreement], as_of: datetime) -> None:
    """Add the versions of calendars and items, and the items, that the steps began."""
    terms: list[tuple[Any, ...]] = []
    items: list[tuple[Any, ...]] = []
    item_terms: list[tuple[Any, ...]] = []
    for one in stood:
        for before in one.agreements:
            after = settled.get(before.subscription_id)
            if after is None or (after.calendar is before.calendar and after.items is before.items):
                continue
            terms += _new_terms(before, after, one.actor, as_of)
            for item, is_new, versions in _new_versions(before, after):
                if is_new:
                    items.append((item, before.subscription_id, is_new, as_of))
                item_terms += [(*row, one.actor, as_of) for row in versions]
    copy_rows("subscriptions_subscriptionterms", TERMS_COLUMNS, terms)
    copy_rows("subscriptions_subscriptionitem", ITEM_COLUMNS, items)
    copy_rows("subscriptions_itemterms", ITEM_TERMS_COLUMNS, item_terms)


def _new_terms(before: Agreement, after: Agreement, actor: str, as_of: datetime) -> list[tuple[Any, ...]]:
    """Return the rows of the calendar versions that came."""
    known = max(version.version for version in before.calendar)
    return [
        (
            new_id(),
            after.subscription_id,
            version.version,
            version.from_at,
            version.phase,
            version.plan_id,
            version.anchor_wall,
            version.interval.unit if version.interval else "one_off",
            version.interval.count if version.interval else 1,
            version.zone,
            version.alignment,
            version.resumes,
            version.credits_unused,
            version.reason,
            actor,
            as_of,
        )
        for version in after.calendar
        if version.version > known
    ]


def _new_versions(before: Agreement, after: Agreement) -> Iterator[tuple[uuid.UUID, int, list[tuple[Any, ...]]]]:
    """Yield each item with versions that came: its id, its position when it is new (else 0), the versions' rows."""
    known = {item.item_id: item.versions[-1] for item in before.items}
    for item in after.items:
        latest = known.get(item.item_id)
        rows: list[tuple[Any, ...]] = []
        quantity = latest.quantity if latest is not None else 0
        for version in item.versions:
            if latest is not None and version.version <= latest.version:
                continue
            rows.append(
                (
                    new_id(),
                    item.item_id,
                    version.version,
                    version.from_at,
                    version.price.price_id,
                    version.quantity,
                    version.quantity - quantity,
                    version.change,
                    version.proration,
                )
            )
            quantity = version.quantity
        if rows:
            yield item.item_id, item.position if latest is None else 0, rows


def _settle_changes(applied: Sequence[Applied]) -> None:
    """Write what became of pending changes."""
    if not applied:
        return
    columns: tuple[Iterable[Any], ...] = (
        [done.change_id for done in applied],
        [done.at for done in applied],
        ["failed" if done.failure else "applied" for done in applied],
        [done.failure[:400] for done in applied],
    )
    with connection.cursor() as cursor:
        cursor.execute(SETTLE_CHANGES, [*map(list, columns)])


def write_transitions(transitions: Sequence[tuple[str, Transition]], *, as_of: datetime) -> None:
    """Write status events and outbox rows of transitions, each with who is behind it."""
    copy_rows(
        "subscriptions_subscriptionevent",
        EVENT_COLUMNS,
        [
            (new_id(), t.subscription_id, str(t.from_status), str(t.to_status), str(t.action), actor, t.at)
            for actor, t in transitions
        ],
    )
    emit(
        *(
            OutboxDraft(TRANSITION_EVENTS[t.action], "subscription", t.subscription_id, as_of)
            for _, t in transitions
            if t.action in TRANSITION_EVENTS
        )
    )
