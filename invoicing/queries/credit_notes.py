"""Reads of credit notes with what their answers show, by a constant number of statements."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from core.errors import NotFound
from core.search import text_condition
from invoicing.models import CreditNote, CreditNoteLine


@dataclass(frozen=True, slots=True)
class CreditNoteFilter:
    """What a list of credit notes is narrowed to; what is empty narrows nothing."""

    origin: str = ""
    customer_id: uuid.UUID | None = None
    invoice_id: uuid.UUID | None = None
    number: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


def list_credit_notes(wanted: CreditNoteFilter | None = None) -> QuerySet[CreditNote]:
    """Return credit notes with their customer and lines, newest first."""
    wanted = wanted or CreditNoteFilter()
    lines = Prefetch("lines", queryset=CreditNoteLine.objects.order_by("position"))
    notes = CreditNote.objects.select_related("customer__brand", "voided_by").prefetch_related(lines)
    if wanted.origin:
        notes = notes.filter(origin=wanted.origin)
    if wanted.customer_id is not None:
        notes = notes.filter(customer_id=wanted.customer_id)
    if wanted.invoice_id is not None:
        of_invoice = CreditNoteLine.objects.filter(credit_note=OuterRef("pk"), invoice_id=wanted.invoice_id)
        notes = notes.filter(Exists(of_invoice))
    if wanted.number:
        notes = notes.filter(text_condition("number", wanted.number))
    if wanted.created_from is not None:
        notes = notes.filter(created_at__gte=wanted.created_from)
    if wanted.created_to is not None:
        notes = notes.filter(created_at__lt=wanted.created_to)
    return notes.order_by("-id")


def get_credit_note(credit_note_id: uuid.UUID) -> CreditNote:
    """Return a credit note with its customer and lines. Raises NotFound."""
    note = list_credit_notes().filter(id=credit_note_id).first()
    if note is None:
        raise NotFound(f"No credit note has the id {credit_note_id}.")
    return note
