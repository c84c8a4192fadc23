"""What tax is owed where, as JSON or CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.fields import CountryField, DayField, NumberField, SlugField, TextField, WholeNumberField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, Parameters
from core.api.views import ApiView, answer_json
from core.errors import Invalid
from customers import queries as customer_queries
from invoicing.queries.tax_report import ReportPeriod, ReportRow, ReportWanted, list_tax_rows

JSON, CSV = "json", "csv"
COLUMNS = (
    "period", "period_start", "brand", "country", "state", "category", "rate", "currency", "net", "tax", "documents",
)  # fmt: skip


class TaxReportParameters(Parameters):
    """Which documents a report is about, and how it is cut and written."""

    first_day = DayField(required=False, help_text="First issue date; 1 January of the last day's year if not sent.")
    last_day = DayField(required=False, help_text="Last issue date, included; today if not sent.")
    period = WordField([str(period) for period in ReportPeriod], required=False, help_text="month if not sent.")
    brand = SlugField(required=False, max_length=60, help_text="A brand's code.")
    country = CountryField(required=False, help_text="Whom the tax is payable to; else where the customer is.")
    format = WordField([JSON, CSV], required=False, help_text="json if not sent.")

    def get_fields(self) -> dict[str, Any]:
        """Name the days as a person would: `from` is a word of Python's own."""
        fields = super().get_fields()
        renamed = {"first_day": "from", "last_day": "to"}
        return {renamed.get(name, name): field for name, field in fields.items()}


class TaxReportRowAnswer(AnswerSerializer):
    """Net and tax of one place, category, rate and currency in one period; amounts in minor units."""

    period = TextField(help_text="2026-03, 2026-Q1 or 2026.")
    period_start = DayField()
    brand = TextField()
    country = TextField(help_text="Whom the tax is payable to; of untaxed lines, where the customer is.")
    state = TextField(help_text="Left out for a country's own tax.")
    category = TextField(help_text="S, Z, E, AE, K, G or O.")
    rate = NumberField(help_text="Percent.")
    currency = TextField()
    net = WholeNumberField(help_text="A line taxed by country and state counts whole in the row of each.")
    tax = WholeNumberField()
    documents = WholeNumberField()


class TaxReportAnswer(AnswerSerializer):
    """A tax report, oldest period first."""

    period = WordField([str(period) for period in ReportPeriod])

    def get_fields(self) -> dict[str, Any]:
        """Add the days and rows, whose names are Python's own or the serializer's."""
        days = {"from": DayField(help_text="First issue date."), "to": DayField(help_text="Last issue date.")}
        return {**days, **super().get_fields(), "data": TaxReportRowAnswer(many=True)}


class TaxReport(ApiView):
    """`/tax/report`."""

    parameters = {"GET": TaxReportParameters}

    @describe("Report tax", gives=TaxReportAnswer, gives_text="text/csv")
    def get(self, request: Request) -> HttpResponse:
        """Net and tax of finalised documents per country, state, rate, category and period; `format=csv` gives a file.

        Invoices count by their issue date, credit notes lower what their own issue date's period owes.
        """
        last_day = self.query.get("to") or self.now.date()
        first_day = self.query.get("from") or date(last_day.year, 1, 1)
        period = ReportPeriod(self.query.get("period", ReportPeriod.MONTH))
        brand = self.query.get("brand", "")
        if brand and customer_queries.find_brand(brand) is None:
            raise Invalid(f"No brand has the code {brand}.", fields={"brand": "is no brand's code"})
        if first_day > last_day:
            raise Invalid("The report ends before it begins.", fields={"to": "must not be before from"})
        found = list_tax_rows(ReportWanted(first_day, last_day, period, brand, self.query.get("country", "")))
        rows = [_written(row, period) for row in found]
        if self.query.get("format") == CSV:
            return _as_file(rows, f"tax-{first_day}-{last_day}.csv")
        report = {"from": first_day, "to": last_day, "period": str(period), "data": rows}
        return answer_json(TaxReportAnswer().to_representation(report))


def _written(row: ReportRow, period: ReportPeriod) -> dict[str, Any]:
    """Return a row by the answer's names."""
    return {
        "period": row.period_name(period),
        "period_start": row.period_start,
        "brand": row.brand,
        "country": row.country,
        "state": row.state or None,
        "category": row.category,
        "rate": row.rate,
        "currency": row.currency,
        "net": row.net_minor,
        "tax": row.tax_minor,
        "documents": row.documents,
    }


def _as_file(rows: Sequence[Mapping[str, Any]], name: str) -> HttpResponse:
    """Answer rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows({**row, "rate": f"{row['rate']:f}"} for row in rows)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
