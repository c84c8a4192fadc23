"""Products, prices and tax types."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import emptied
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from subscriptions.api.inputs import NameParameters, PriceChanges, PriceInput, ProductInput, TaxTypeInput, price_wanted
from subscriptions.api.serializers import PriceAnswer, ProductAnswer, TaxTypeAnswer
from subscriptions.operations import catalogue as operations
from subscriptions.operations import tax_types
from subscriptions.queries import catalogue


class ProductList(ApiView):
    """`/product`."""

    parameters = {"GET": NameParameters}

    @describe("List products", gives=ProductAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_products(self.query.get("name", "")), ProductAnswer)

    @describe(
        "Create a product", takes=ProductInput, gives=ProductAnswer, status=201, request_example={"name": "Cloud"}
    )
    def post(self, request: Request) -> HttpResponse:
        """Without a tax type the default one holds."""
        facts = self.read(ProductInput)
        product = operations.create_product(facts, actor=self.actor, now=self.now)
        return answer_created(ProductAnswer, product, "product")


class ProductDetail(ApiView):
    """`/product/{id}`."""

    @describe("Read a product", gives=ProductAnswer)
    def get(self, request: Request, product_id: uuid.UUID) -> HttpResponse:
        """One product."""
        return answer_json(ProductAnswer().to_representation(catalogue.get_product(product_id)))

    @describe("Change a product", takes=ProductInput, changes=True, gives=ProductAnswer, status=202)
    def put(self, request: Request, product_id: uuid.UUID) -> HttpResponse:
        """What is left out stays."""
        catalogue.get_product(product_id)
        changes = emptied(self.read(ProductInput, partial=True), "external_reference")
        product = operations.update_product(product_id, changes, actor=self.actor, now=self.now)
        return answer_json(ProductAnswer().to_representation(product), 202)


PRICE_EXAMPLE = {"amount": 1000, "currency": "EUR", "recurring": True, "schedule": "month"}


class ProductPriceList(ApiView):
    """`/product/{id}/price`."""

    parameters = {"GET": ListParameters}

    @describe("List a product's prices", gives=PriceAnswer, lists=True)
    def get(self, request: Request, product_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_prices_of(product_id), PriceAnswer)

    @describe("Create a price", takes=PriceInput, gives=PriceAnswer, status=201, request_example=PRICE_EXAMPLE)
    def post(self, request: Request, product_id: uuid.UUID) -> HttpResponse:
        """Its numbers never change; a new amount is a new price."""
        catalogue.get_product(product_id)
        values = self.read(PriceInput)
        price = operations.create_price(price_wanted(product_id, values), actor=self.actor, now=self.now)
        if values.get("active") is False:
            price = operations.update_price(price.id, active=False, actor=self.actor, now=self.now)
        return answer_created(PriceAnswer, price, "price")


class PriceList(ApiView):
    """`/price`."""

    parameters = {"GET": ListParameters}

    @describe("List prices", gives=PriceAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Of all products, newest first."""
        return self.list_of(catalogue.list_prices(), PriceAnswer)


class PriceDetail(ApiView):
    """`/price/{id}`."""

    @describe("Read a price", gives=PriceAnswer)
    def get(self, request: Request, price_id: uuid.UUID) -> HttpResponse:
        """One price."""
        return answer_json(PriceAnswer().to_representation(catalogue.get_price(price_id)))

    @describe("Change a price", takes=PriceChanges, changes=True, gives=PriceAnswer)
    def put(self, request: Request, price_id: uuid.UUID) -> HttpResponse:
        """`public`, `active` and `metadata` only: its numbers are passed over."""
        catalogue.get_price(price_id)
        changes = self.read(PriceChanges, partial=True)
        price = operations.update_price(price_id, actor=self.actor, now=self.now, **changes)
        return answer_json(PriceAnswer().to_representation(price))

    @describe("Retire a price", status=204)
    def delete(self, request: Request, price_id: uuid.UUID) -> HttpResponse:
        """It can no longer be chosen; subscriptions that have it keep it."""
        operations.update_price(price_id, active=False, actor=self.actor, now=self.now)
        return answer_nothing()


class TaxTypeList(ApiView):
    """`/tax/type`."""

    parameters = {"GET": ListParameters}

    @describe("List tax types", gives=TaxTypeAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_tax_types(), TaxTypeAnswer)

    @describe("Create a tax type", takes=TaxTypeInput, gives=TaxTypeAnswer, status=201)
    def post(self, request: Request) -> HttpResponse:
        """As the default it takes the place of the one before."""
        tax_type = tax_types.create_tax_type(self.read(TaxTypeInput), actor=self.actor, now=self.now)
        return answer_created(TaxTypeAnswer, tax_type, "tax/type")


class TaxTypeDetail(ApiView):
    """`/tax/type/{id}`."""

    @describe("Read a tax type", gives=TaxTypeAnswer)
    def get(self, request: Request, tax_type_id: uuid.UUID) -> HttpResponse:
        """One tax type."""
        return answer_json(TaxTypeAnswer().to_representation(catalogue.get_tax_type(tax_type_id)))

    @describe("Change a tax type", takes=TaxTypeInput, changes=True, gives=TaxTypeAnswer)
    def put(self, request: Request, tax_type_id: uuid.UUID) -> HttpResponse:
        """What is left out stays."""
        catalogue.get_tax_type(tax_type_id)
        changes = self.read(TaxTypeInput, partial=True)
        tax_type = tax_types.update_tax_type(tax_type_id, changes, actor=self.actor, now=self.now)
        return answer_json(TaxTypeAnswer().to_representation(tax_type))

    @describe("Delete a tax type", status=204, errors=(409,))
    def delete(self, request: Request, tax_type_id: uuid.UUID) -> HttpResponse:
        """409 when a product or a rule has it."""
        tax_types.delete_tax_type(tax_type_id, actor=self.actor, now=self.now)
        return answer_nothing()
