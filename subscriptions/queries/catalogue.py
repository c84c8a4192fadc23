"""Reads of what is for sale, each with what its answer shows, by a constant number of statements."""

import uuid
from typing import TypeVar

from django.db.models import Model, Prefetch, QuerySet
from django.utils.text import slugify

from core.errors import NotFound
from core.search import text_condition
from subscriptions.models import Feature, Metric, Plan, PlanLimit, Price, Product, TaxType

LONGEST_CODE = 100
Row = TypeVar("Row", bound=Model)


def _found(rows: QuerySet[Row], row_id: uuid.UUID, noun: str) -> Row:
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise NotFound(f"No {noun} has the id {row_id}.")
    return row


def list_products(name: str = "") -> QuerySet[Product]:
    """Return products with their tax type, newest first; `name` matches in any case."""
    products = Product.objects.select_related("tax_type").order_by("-id")
    return products.filter(text_condition("name", name)) if name else products


def get_product(product_id: uuid.UUID) -> Product:
    """Return a product with its tax type. Raises NotFound."""
    return _found(list_products(), product_id, "product")


def find_product(product_id: uuid.UUID) -> Product | None:
    """Return a product, or None."""
    return list_products().filter(id=product_id).first()


def list_prices() -> QuerySet[Price]:
    """Return prices with their metric, newest first."""
    return Price.objects.select_related("metric").prefetch_related("metric__filters").order_by("-id")


def list_prices_of(product_id: uuid.UUID) -> QuerySet[Price]:
    """Return the prices of one product, newest first. Raises NotFound."""
    get_product(product_id)
    return list_prices().filter(product_id=product_id)


def get_price(price_id: uuid.UUID) -> Price:
    """Return a price with its metric. Raises NotFound."""
    return _found(list_prices(), price_id, "price")


def find_price(price_id: uuid.UUID) -> Price | None:
    """Return a price, or None."""
    return Price.objects.filter(id=price_id).first()


def list_plans() -> QuerySet[Plan]:
    """Return plans with product, prices, features and limits, newest first."""
    return (
        Plan.objects.select_related("product__tax_type")
        .prefetch_related(
            Prefetch("prices", queryset=list_prices()),
            Prefetch("features", queryset=Feature.objects.order_by("id")),
            Prefetch("limits", queryset=PlanLimit.objects.select_related("feature").order_by("id")),
        )
        .order_by("-id")
    )


def get_plan(plan_id: uuid.UUID) -> Plan:
    """Return a plan with all that its answer shows. Raises NotFound."""
    return _found(list_plans(), plan_id, "plan")


def find_plan(plan_id: uuid.UUID) -> Plan | None:
    """Return a plan, or None."""
    return Plan.objects.filter(id=plan_id).first()


def find_plan_by_code(code_name: str) -> Plan | None:
    """Return the plan with a code name, or None."""
    return Plan.objects.filter(code_name=code_name).first()


def list_features() -> QuerySet[Feature]:
    """Return features, newest first."""
    return Feature.objects.order_by("-id")


def get_feature(feature_id: uuid.UUID) -> Feature:
    """Return a feature. Raises NotFound."""
    return _found(list_features(), feature_id, "feature")


def find_feature(feature_id: uuid.UUID) -> Feature | None:
    """Return a feature, or None."""
    return Feature.objects.filter(id=feature_id).first()


def find_feature_by_code(code: str) -> Feature | None:
    """Return the feature with a code, or None."""
    return Feature.objects.filter(code=code).first()


def free_feature_code(name: str) -> str:
    """Return a code made of a name, with a number when it is taken."""
    base = slugify(name)[: LONGEST_CODE - 12] or "feature"
    taken = set(Feature.objects.filter(code__startswith=base).values_list("code", flat=True))
    number = 2
    code = base
    while code in taken:
        code = f"{base}-{number}"
        number += 1
    return code


def list_metrics() -> QuerySet[Metric]:
    """Return metrics with their filters, newest first."""
    return Metric.objects.prefetch_related("filters").order_by("-id")


def get_metric(metric_id: uuid.UUID) -> Metric:
    """Return a metric with its filters. Raises NotFound."""
    return _found(list_metrics(), metric_id, "metric")


def find_metric(metric_id: uuid.UUID) -> Metric | None:
    """Return a metric, or None."""
    return Metric.objects.filter(id=metric_id).first()


def find_metric_by_word(word: str) -> Metric | None:
    """Return the metric with a code, else the one with a name if it is the only one, or None."""
    by_code = Metric.objects.filter(code=word).first()
    if by_code is not None:
        return by_code
    named = list(Metric.objects.filter(name=word)[:2])
    return named[0] if len(named) == 1 else None


def list_tax_types() -> QuerySet[TaxType]:
    """Return tax types, newest first."""
    return TaxType.objects.order_by("-id")


def get_tax_type(tax_type_id: uuid.UUID) -> TaxType:
    """Return a tax type. Raises NotFound."""
    return _found(list_tax_types(), tax_type_id, "tax type")


def find_tax_type(tax_type_id: uuid.UUID) -> TaxType | None:
    """Return a tax type, or None."""
    return TaxType.objects.filter(id=tax_type_id).first()


def find_tax_type_by_name(name: str) -> TaxType | None:
    """Return the tax type with a name, or None."""
    return TaxType.objects.filter(name=name).first()
