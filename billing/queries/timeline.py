"""Everything that happened to subscriptions, in one line of time: terms, items, statuses, plans, documents, dunning."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from billing.models import DunningStep
from core.domain.money import Money, format_money
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from subscriptions.domain.pending import ChangeKind
from subscriptions.models import ItemTerms, PendingChange, SubscriptionEvent, SubscriptionTerms

TERMS, ITEM, STATUS, PLANNED, INVOICE, CREDIT_NOTE, DUNNING = (
    "terms",
    "item",
    "status",
    "pending_change",
    "invoice",
    "credit_note",
    "dunning",
)
KINDS = (TERMS, ITEM, STATUS, PLANNED, INVOICE, CREDIT_NOTE, DUNNING)
LOCALE = "en"


@dataclass(frozen=True, slots=True)
class Happening:
    """One step of a subscription's history, in words; `object_id` is the row, or the document, that tells of it."""

    at: datetime
    kind: str
    what: str
    details: str
    actor: str = ""
    object_id: uuid.UUID | None = None


def list_timelines(subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[Happening, ...]]:
    """Return what happened to each subscription, oldest first, by a constant number of statements.

    Of what happened at one moment terms stand first, then items, statuses, planned changes, documents and dunning.
    """
    found: dict[uuid.UUID, list[Happening]] = {subscription_id: [] for subscription_id in subscription_ids}
    for source in (_terms, _items, _statuses, _planned, _documents, _dunning):
        for subscription_id, happening in source(subscription_ids):
            found[subscription_id].append(happening)
    return {one: tuple(sorted(mine, key=lambda happening: happening.at)) for one, mine in found.items()}


Told = Iterator[tuple[uuid.UUID, Happening]]


def _terms(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield the versions of calendars."""
    versions = SubscriptionTerms.objects.filter(subscription_id__in=subscription_ids).select_related("plan")
    for one in versions:
        what = f"Terms {one.version}: {one.get_phase_display().lower()}"
        details = f"{one.plan}, {one.reason.replace('_', ' ')}"
        yield one.subscription_id, Happening(one.from_at, TERMS, what, details, one.actor, one.id)


def _items(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield the versions of items, changes of seats among them."""
    versions = ItemTerms.objects.filter(item__subscription_id__in=subscription_ids)
    for one in versions.select_related("item", "price__product", "price__metric").order_by("item__position", "version"):
        seats = f", {one.delta:+} seats" if one.delta and one.change != ItemTerms.Change.STARTED else ""
        what = f"Item {one.item.position}: {one.get_change_display().lower()}"
        details = f"{one.quantity} × {one.price.metric or one.price.product}{seats}"
        yield one.item.subscription_id, Happening(one.from_at, ITEM, what, details, one.actor, one.item_id)


def _statuses(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield the statuses that were left for others."""
    for one in SubscriptionEvent.objects.filter(subscription_id__in=subscription_ids):
        words = " → ".join(status.replace("_", " ") for status in (one.from_status, one.to_status) if status)
        what = one.action.replace("_", " ").capitalize()
        yield one.subscription_id, Happening(one.happened_at, STATUS, what, words, one.actor, one.id)


def _planned(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield the changes that were planned, and what became of each."""
    changes = PendingChange.objects.filter(subscription_id__in=subscription_ids).order_by("id")
    for one in changes.select_related("plan"):
        details = f"{_planned_words(one)}, {'with the next cycle' if one.at_boundary else 'on a date'}"
        due = f"{details}: {one.due_at:%Y-%m-%d %H:%M} UTC"
        yield one.subscription_id, Happening(one.created_at, PLANNED, "Change planned", due, one.actor, one.id)
        if one.settled_at is not None:
            what = f"Planned change {one.outcome}"
            details = ", ".join(filter(None, (_planned_words(one), one.failure)))
            yield one.subscription_id, Happening(one.settled_at, PLANNED, what, details, object_id=one.id)


def _planned_words(change: PendingChange) -> str:
    """Return what a planned change changes."""
    if change.kind == ChangeKind.PLAN:
        return f"plan {change.plan}"
    if change.kind == ChangeKind.SEATS:
        return f"{change.quantity} seats"
    return f"item to {change.quantity}" if change.quantity else "item ends"


def _documents(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield the invoices and credit notes with lines of the subscriptions; drafts have not happened yet."""
    issued = InvoiceLine.objects.filter(subscription_id__in=subscription_ids, invoice__finalized_at__isnull=False)
    issued = issued.order_by("subscription_id", "invoice_id")
    pairs = list(issued.values_list("subscription_id", "invoice_id").distinct())
    invoices = Invoice.objects.in_bulk({invoice_id for _, invoice_id in pairs})
    for subscription_id, invoice_id in _in_order(pairs):
        one = invoices[invoice_id]
        details = f"{_amount(one.total_minor, one.currency)}, {one.get_status_display().lower()}"
        at = one.finalized_at or one.created_at
        yield subscription_id, Happening(at, INVOICE, f"Invoice {one.number}", details, object_id=one.id)
    given_back = CreditNoteLine.objects.filter(subscription_id__in=subscription_ids).order_by(
        "subscription_id", "credit_note_id"
    )
    pairs = list(given_back.values_list("subscription_id", "credit_note_id").distinct())
    notes = CreditNote.objects.in_bulk({note_id for _, note_id in pairs})
    for subscription_id, note_id in _in_order(pairs):
        note = notes[note_id]
        details = _amount(note.total_minor, note.currency)
        what = f"Credit note {note.number}"
        yield subscription_id, Happening(note.created_at, CREDIT_NOTE, what, details, object_id=note.id)


def _dunning(subscription_ids: Collection[uuid.UUID]) -> Told:
    """Yield what was done about unpaid invoices with lines of the subscriptions: retries with what came of them."""
    lines = InvoiceLine.objects.filter(
        subscription_id__in=subscription_ids, invoice__dunning_processes__isnull=False
    ).order_by("subscription_id", "invoice_id")
    charged: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for subscription_id, invoice_id in lines.values_list("subscription_id", "invoice_id").distinct():
        if subscription_id is not None:
            charged[invoice_id].append(subscription_id)
    steps = DunningStep.objects.filter(process__invoice_id__in=charged).select_related("process__invoice", "attempt")
    for step in steps.order_by("id"):
        invoice = step.process.invoice
        number = f" {step.number}" if step.number else ""
        what = f"Dunning of {invoice.number}: {step.get_kind_display().lower()}{number}"
        attempt = step.attempt
        outcome = [attempt.status, attempt.failure_reason] if attempt is not None else [step.details]
        if step.kind == DunningStep.Kind.BEGIN:
            outcome = [step.process.get_kind_display().lower()]
        details = ", ".join(word.replace("_", " ") for word in outcome if word)
        for subscription_id in charged[invoice.id]:
            yield subscription_id, Happening(step.happened_at, DUNNING, what, details, object_id=invoice.id)


def _in_order(pairs: Iterable[tuple[uuid.UUID | None, uuid.UUID]]) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
    """Yield subscriptions with their documents, in the order of the ids, which is that of time."""
    return ((one, document) for one, document in sorted(pairs, key=lambda pair: pair[1]) if one is not None)


def _amount(amount_minor: int, currency: str) -> str:
    """Return an amount as a person reads it."""
    return format_money(Money(amount_minor, currency), LOCALE)
