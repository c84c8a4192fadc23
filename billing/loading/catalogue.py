"""What is for sale: products, metrics, prices, features, plans and vouchers."""

from datetime import datetime
from functools import partial
from typing import Any

from rest_framework import serializers

from billing.loading import references
from billing.loading.surroundings import LOADER
from billing.loading.tables import Table
from core.api.fields import SlugField, TextField
from subscriptions.api import inputs
from subscriptions.domain.voucher import AmountWanted, VoucherWanted
from subscriptions.operations import catalogue, metrics, vouchers
from subscriptions.operations.catalogue import LimitWanted, PlanWanted
from subscriptions.operations.metrics import FilterWanted
from subscriptions.queries import catalogue as queries
from subscriptions.queries.vouchers import find_manual_voucher


class ProductRow(inputs.ProductInput):
    """A product; its files name it by `external_reference`."""

    external_reference = TextField()


class PriceRow(inputs.PriceInput):
    """A price of a product; its files name it by `external_reference`."""

    external_reference = TextField()
    product = references.product_field()


class FeatureRow(inputs.FeatureInput):
    """A feature; its files name it by `code`."""

    code = SlugField(max_length=100)


class PlanRow(inputs.PlanInput):
    """A plan; products and prices are named as their own files name them."""

    product = references.product_field()
    prices = serializers.ListField(child=references.price_field(), max_length=inputs.LONGEST_LIST)


class VoucherRow(inputs.VoucherInput):
    """A voucher with a code."""

    code = TextField(max_length=60)


def catalogue_tables(now: datetime) -> list[Table]:
    """Return the tables of the catalogue in the order in which their rows need each other."""
    return [
        Table(
            "products",
            ProductRow,
            ("external_reference",),
            lambda key, _: references.find_product(key[0]) is not None,
            lambda values: catalogue.create_product(values, actor=LOADER, now=now),
        ),
        Table(
            "metrics",
            inputs.MetricInput,
            ("code",),
            lambda key, _: queries.list_metrics().filter(code=key[0]).exists(),
            partial(_store_metric, now),
        ),
        Table(
            "prices",
            PriceRow,
            ("external_reference",),
            lambda key, _: references.find_price(key[0]) is not None,
            partial(_store_price, now),
        ),
        Table(
            "features",
            FeatureRow,
            ("code",),
            lambda key, _: queries.find_feature_by_code(key[0]) is not None,
            lambda values: catalogue.create_feature(values, actor=LOADER, now=now),
        ),
        Table(
            "plans",
            PlanRow,
            ("code_name",),
            lambda key, _: queries.find_plan_by_code(key[0]) is not None,
            partial(_store_plan, now),
        ),
        Table(
            "vouchers",
            VoucherRow,
            ("code",),
            lambda key, _: find_manual_voucher(key[0]) is not None,
            partial(_store_voucher, now),
            any_case=True,
        ),
    ]


def _store_metric(now: datetime, values: dict[str, Any]) -> None:
    filters = [FilterWanted(**wanted) for wanted in values.pop("filters", ())]
    metrics.create_metric(values, actor=LOADER, now=now, filters=filters)


def _store_price(now: datetime, values: dict[str, Any]) -> None:
    product, active = values.pop("product"), values.pop("active", True)
    price = catalogue.create_price(inputs.price_wanted(product.id, values), actor=LOADER, now=now)
    if not active:
        catalogue.update_price(price.id, active=False, actor=LOADER, now=now)


def _store_plan(now: datetime, values: dict[str, Any]) -> None:
    product, active = values.pop("product"), values.pop("active", True)
    wanted = PlanWanted(
        product_id=product.id,
        name=values.pop("name"),
        code_name=values.pop("code_name"),
        price_ids=[price.id for price in values.pop("prices")],
        feature_ids=[feature.id for feature in values.pop("features", ())],
        limits=[LimitWanted(limit["feature"].id, limit["limit"]) for limit in values.pop("limits", ())],
        facts=values,
    )
    plan = catalogue.create_plan(wanted, actor=LOADER, now=now)
    if not active:
        catalogue.update_plan(plan.id, catalogue.PlanChanges(active=False), actor=LOADER, now=now)


def _store_voucher(now: datetime, values: dict[str, Any]) -> None:
    amounts = [
        AmountWanted(amount["currency"], amount.get("amount"), amount.get("minimum"))
        for amount in values.pop("amounts", ())
    ]
    plan_ids = [plan.id for plan in values.pop("plans", ())]
    wanted = VoucherWanted(amounts=amounts, plan_ids=plan_ids, **values)
    vouchers.create_voucher(wanted, actor=LOADER, now=now)
