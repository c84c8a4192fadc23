"""Whole tables as files."""

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from billing.operations.exporting import export_csv, require_table
from billing.queries.exports import TABLES
from core.api.fields import WordField
from core.api.schema import describe
from core.api.serializers import Parameters
from core.api.views import ApiView
from core.domain.access import Scope

CSV = "csv"
CONTENT_TYPE = "text/csv; charset=utf-8"


class ExportParameters(Parameters):
    """How a table is written."""

    format = WordField([CSV], required=False, help_text="csv if not sent.")


class Export(ApiView):
    """`/export/{table}`."""

    parameters = {"GET": ExportParameters}
    scopes = {"*": Scope.ADMIN}

    @describe(
        "Export a table",
        gives_text="text/csv",
        parameters=(OpenApiParameter("table", str, OpenApiParameter.PATH, enum=list(TABLES)),),
    )
    def get(self, request: Request, table: str) -> HttpResponse | StreamingHttpResponse:
        """Every row as it is stored, as of one moment; amounts in minor units, JSON in its columns.

        The file is sent while it is read. That it was asked for, and by which key, goes into the audit trail.
        """
        require_table(table)
        response: HttpResponse | StreamingHttpResponse
        if request.method == "HEAD":
            response = HttpResponse(content_type=CONTENT_TYPE)
        else:
            rows = export_csv(table, actor=self.actor, now=self.now)
            response = StreamingHttpResponse(rows, content_type=CONTENT_TYPE)
        response["Content-Disposition"] = f'attachment; filename="{table}.csv"'
        return response
