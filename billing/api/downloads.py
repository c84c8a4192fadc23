"""Documents as files."""

import uuid

from django.http import HttpResponse

from billing.operations.documents import get_document
from core.api.fields import WordField
from core.api.serializers import Parameters
from invoicing.api.serializers import FORMATS


class FormatParameters(Parameters):
    """Which paper."""

    format = WordField(FORMATS, required=False)


def answer_file(kind: str, object_id: uuid.UUID, wanted: str) -> HttpResponse:
    """Answer a document as a file."""
    document = get_document(kind, object_id, wanted)
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.filename}"'
    return response
