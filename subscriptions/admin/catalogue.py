"""Pages of what is for sale."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, BooleanRadioFilter, ChoicesDropdownFilter

from core.operations import Actor
from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import link, moment, number, own, plain, price
from core.staff_pages.editing import EditedByOperation
from core.staff_pages.filters import MomentRangeFilter
from core.staff_pages.words import EMPTY
from subscriptions.models import Feature, Metric, MetricFilter, Plan, PlanLimit, Price, Product, TaxType
from subscriptions.operations import catalogue as operations
from subscriptions.operations import metrics as metric_operations
from subscriptions.operations import tax_types as tax_type_operations


@admin.display(description="Every")
def interval(row: Any) -> str:
    """Write an interval in words: month, 3 months, once."""
    if row.interval == Price.Interval.ONE_OFF:
        return "once"
    return row.interval if row.interval_count == 1 else f"{row.interval_count} {row.interval}s"


class PriceInline(ReadOnlyInline):
    """A product's prices."""

    model = Price
    fields = (
        own(plain("type")),
        price("unit_price"),
        "currency",
        interval,
        "billing_timing",
        "usage",
        "public",
        moment("retired_at"),
    )


class PlanInline(ReadOnlyInline):
    """A product's plans."""

    model = Plan
    fields = (own(plain("name")), "code_name", "per_seat", "has_trial", "public", moment("retired_at"))


class MetricFilterInline(ReadOnlyInline):
    """What a metric keeps or drops."""

    model = MetricFilter
    fields = ("type", "name", "code", "value")


class PlanLimitInline(ReadOnlyInline):
    """How much of each feature a plan allows."""

    model = PlanLimit
    fields = (link("feature"), number("limit"))
    list_select_related = ("feature",)


@admin.register(TaxType)
class TaxTypeAdmin(EditedByOperation):
    """Kinds of supply."""

    edited_fields = ("name",)
    list_display = ("name", "default", "digital", "export", moment("created_at"))
    search_fields = ("name",)
    search_help_text = "Name"
    empty_words = (
        "A tax type says which tax rule a product follows. Load the rates with: manage.py load_example examples/"
    )

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Change a tax type."""
        return tax_type_operations.update_tax_type(row_id, changes, actor=actor, now=now)


@admin.register(Product)
class ProductAdmin(EditedByOperation):
    """What is sold."""

    edited_fields = ("name", "external_reference")
    list_display = (
        "name",
        link("tax_type"),
        number("tax_rate", "Own tax rate", unit="%"),
        "physical",
        "external_reference",
        moment("created_at"),
    )
    list_filter = (("physical", BooleanRadioFilter), ("created_at", MomentRangeFilter))
    list_select_related = ("tax_type",)
    inlines = (PlanInline, PriceInline)
    search_fields = ("name", "external_reference")
    search_help_text = "Name or reference"
    empty_words = (
        "Make a product with POST /api/v1/products, or load the example company: manage.py load_example examples/"
    )

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Change a product."""
        return operations.update_product(row_id, changes, actor=actor, now=now)


@admin.register(Metric)
class MetricAdmin(EditedByOperation):
    """How usage is measured."""

    edited_fields = ("name",)
    list_display = ("name", "code", "aggregation", "aggregation_property", moment("created_at"))
    list_filter = (("aggregation", ChoicesDropdownFilter),)
    inlines = (MetricFilterInline,)
    search_fields = ("name", "code")
    search_help_text = "Name or code"
    empty_words = "A usage price needs a metric. Make one with POST /api/v1/metrics."

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Change a metric."""
        return metric_operations.update_metric(row_id, changes, actor=actor, now=now)


@admin.register(MetricFilter)
class MetricFilterAdmin(ReadOnlyAdmin):
    """What metrics keep or drop."""

    list_display = ("__str__", link("metric"), "type", "name", "value")
    list_select_related = ("metric",)
    search_fields = ("name", "value")
    related_search = ("metric",)
    search_help_text = "Property, value or metric"
    empty_words = "A metric without filters counts every event of its code."


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """Amounts for quantities; their numbers never change."""

    list_display = (
        link("product"),
        "type",
        price("unit_price"),
        "currency",
        interval,
        "billing_timing",
        link("metric"),
        "public",
        moment("retired_at"),
    )
    list_display_links = ("type",)
    list_filter = (
        ("type", ChoicesDropdownFilter),
        ("currency", AllValuesCheckboxFilter),
        ("interval", ChoicesDropdownFilter),
        ("usage", BooleanRadioFilter),
        ("public", BooleanRadioFilter),
        ("created_at", MomentRangeFilter),
    )
    list_select_related = ("product", "metric")
    search_fields = ("external_reference",)
    related_search = ("product",)
    search_help_text = "Product or reference"
    empty_words = "Make a price with POST /api/v1/prices. It never changes: a new amount is a new price."


@admin.register(Feature)
class FeatureAdmin(EditedByOperation):
    """What plans grant or limit."""

    edited_fields = ("name", "description")
    list_display = ("name", "code", "description", moment("created_at"))
    search_fields = ("name", "code")
    search_help_text = "Name or code"
    empty_words = "A feature is what a plan grants; a limit says how much of it."

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Change a feature."""
        return operations.update_feature(row_id, changes, actor=actor, now=now)


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    """Offers."""

    list_display = (
        "name",
        "code_name",
        link("product"),
        "per_seat",
        "has_trial",
        number("trial_length_days", "Trial days"),
        "public",
        moment("retired_at"),
    )
    list_filter = (
        ("per_seat", BooleanRadioFilter),
        ("has_trial", BooleanRadioFilter),
        ("public", BooleanRadioFilter),
        ("created_at", MomentRangeFilter),
    )
    list_select_related = ("product",)
    inlines = (PlanLimitInline,)
    search_fields = ("name", "code_name")
    related_search = ("product",)
    search_help_text = "Name, code or product"
    empty_words = "Make a plan with POST /api/v1/plans, from a product and its prices."


@admin.register(PlanLimit)
class PlanLimitAdmin(ReadOnlyAdmin):
    """How much of a feature a plan allows."""

    list_display = ("__str__", link("plan"), link("feature"), number("limit"))
    list_select_related = ("plan", "feature")
    related_search = ("plan", "feature")
    search_help_text = "Plan or feature"
    ordering = ("-id",)
    empty_words = f"A feature without a limit is unlimited in its plans {EMPTY} set a limit when making the plan."
