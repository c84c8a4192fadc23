"""Draw documents once and keep them: a finalised document never changes."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from core.clock import wall_now
from core.errors import Invalid
from invoicing.documents.renderer import WeasyPrintRenderer
from invoicing.domain.document import Document, DocumentStatus
from invoicing.models import StoredDocument
from invoicing.queries import documents as document_queries

PDF = "pdf"
PDF_TYPE = "application/pdf"
renderer = WeasyPrintRenderer()


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A drawn document."""

    content_type: str
    content: bytes
    filename: str


def get_document(object_kind: str, object_id: uuid.UUID, file_format: str = PDF) -> DocumentFile:
    """Return an invoice or credit note as a file, drawn when first asked for.

    An invoice has one paper as issued and one as paid; each is drawn once and kept with its hash. A draft is drawn
    afresh each time and not kept. Raises NotFound, Invalid for a format or kind there is none of.
    """
    if file_format != PDF:
        raise Invalid("There is no such format.", fields={"format": "pdf is what there is."})
    if object_kind == "invoice":
        invoice = document_queries.get_invoice(object_id)
        settlement = document_queries.settlement_of(invoice)
        document = document_queries.document_of_invoice(invoice, settlement)
        version = "pdf-paid" if settlement.payments else PDF
    elif object_kind == "credit_note":
        document = document_queries.document_of_credit_note(document_queries.get_credit_note(object_id))
        version = PDF
    else:
        raise Invalid("There is no such document.", fields={"kind": f"{object_kind} has no paper here."})
    if document.status is DocumentStatus.DRAFT:
        return DocumentFile(PDF_TYPE, renderer.render(document), "draft.pdf")
    return stored_document(object_kind, object_id, version, lambda: document)


def stored_document(object_kind: str, object_id: uuid.UUID, version: str, read: Callable[[], Document]) -> DocumentFile:
    """Return the kept rendering of a document, drawn now when it is the first time.

    Two who ask at once may both draw; one rendering is kept and both return it.
    """
    document = read()
    filename = f"{_safe(document.number)}.pdf"
    stored = StoredDocument.objects.filter(object_kind=object_kind, object_id=object_id, format=version).first()
    if stored is None:
        content = renderer.render(document)
        name = default_storage.save(f"{object_kind}/{object_id}/{version}-{filename}", ContentFile(content))
        stored, made = StoredDocument.objects.get_or_create(
            object_kind=object_kind,
            object_id=object_id,
            format=version,
            defaults={
                "content_type": PDF_TYPE,
                "storage_name": name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "size_bytes": len(content),
                "created_at": wall_now(),
            },
        )
        if made:
            return DocumentFile(PDF_TYPE, content, filename)
        default_storage.delete(name)
    with default_storage.open(stored.storage_name) as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise RuntimeError(f"{stored.storage_name} is not the document that was stored")
    return DocumentFile(stored.content_type, content, filename)


def _safe(number: str) -> str:
    """Return a number as a file name."""
    kept = (character if character.isalnum() or character in "-_." else "-" for character in number)
    return "".join(kept) or "document"
