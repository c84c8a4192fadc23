"""How a brand's documents are numbered."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.fields import IdField, InstantField, ReferenceField, TextField, WordField
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from core.errors import Invalid
from customers import queries as customer_queries
from invoicing.models import NumberSeries
from invoicing.operations import number_series as operations
from invoicing.operations.numbering import DEFAULT_FORMATS
from invoicing.queries import numbering as queries


class NumberSeriesAnswer(AnswerSerializer):
    """A format of numbers for one kind of document of one brand."""

    id = IdField()
    brand = TextField(source="brand.code", help_text="The brand's code.")
    kind = WordField(NumberSeries.Kind.choices)
    format = TextField(help_text="Places: {seq}, {seq:06}, {year}, {month}, {brand}, {random:8}.")
    reset = WordField(NumberSeries.Reset.choices)
    created_at = InstantField()


class NumberSeriesInput(InputSerializer):
    """What a series can be told to be."""

    answered = frozenset({"id", "created_at"})

    brand = ReferenceField(
        noun="brand",
        find=customer_queries.find_brand_by_id,
        find_by_word=customer_queries.find_brand,
        names=("code", "id"),
    )
    kind = WordField(NumberSeries.Kind.choices)
    format = TextField(required=False, max_length=60)
    reset = WordField(NumberSeries.Reset.choices, required=False)


class NumberSeriesParameters(ListParameters):
    """What a list of series is narrowed by."""

    brand = IdField(required=False)


class NumberSeriesList(ApiView):
    """`/number-series`."""

    parameters = {"GET": NumberSeriesParameters}

    @describe("List number series", gives=NumberSeriesAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first. A series that is not here yet is made with its first document."""
        return self.list_of(queries.list_series(self.query.get("brand")), NumberSeriesAnswer)

    @describe(
        "Create a number series",
        takes=NumberSeriesInput,
        gives=NumberSeriesAnswer,
        status=201,
        errors=(409,),
        request_example={"brand": "acme", "kind": "invoice", "format": "A{year}-{seq:05}", "reset": "yearly"},
    )
    def post(self, request: Request) -> HttpResponse:
        """Before the first document of its kind. 409 when the brand has one."""
        values = self.read(NumberSeriesInput)
        series = operations.create_series(
            brand_id=values["brand"].id,
            kind=values["kind"],
            format_text=values.get("format") or DEFAULT_FORMATS[values["kind"]],
            reset=values.get("reset", NumberSeries.Reset.YEARLY),
            actor=self.actor,
            now=self.now,
        )
        return answer_created(NumberSeriesAnswer, series, "number-series")


class NumberSeriesDetail(ApiView):
    """`/number-series/{id}`."""

    @describe("Read a number series", gives=NumberSeriesAnswer)
    def get(self, request: Request, series_id: uuid.UUID) -> HttpResponse:
        """One series."""
        return answer_json(NumberSeriesAnswer().to_representation(queries.get_series(series_id)))

    @describe("Change a number series", takes=NumberSeriesInput, changes=True, gives=NumberSeriesAnswer)
    def put(self, request: Request, series_id: uuid.UUID) -> HttpResponse:
        """The count goes on; numbers given stay. Brand and kind stay too."""
        series = queries.get_series(series_id)
        values = self.read(NumberSeriesInput, partial=True)
        brand, kind = values.pop("brand", series.brand), values.pop("kind", series.kind)
        faults = {"brand": "cannot be changed"} if brand.id != series.brand_id else {}
        faults |= {"kind": "cannot be changed"} if kind != series.kind else {}
        if faults:
            raise Invalid("Brand and kind of a series stay.", fields=faults)
        changed = operations.update_series(series_id, values, actor=self.actor, now=self.now)
        return answer_json(NumberSeriesAnswer().to_representation(changed))

    @describe("Delete a number series", status=204, errors=(409,))
    def delete(self, request: Request, series_id: uuid.UUID) -> HttpResponse:
        """409 when it has numbered a document."""
        operations.delete_series(series_id, actor=self.actor, now=self.now)
        return answer_nothing()
