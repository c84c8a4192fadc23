"""Pages of who is billed. The joined customer page stands in `backoffice/`, on top of the one here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from core.operations import Actor
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment
from core.staff_pages.editing import EditedByOperation
from core.staff_pages.filters import MomentRangeFilter, UsedValuesFilter, used_values
from customers import operations
from customers.models import Agenda, Brand, Customer, DisabledStretch, PaymentMethod


class CountryFilter(UsedValuesFilter):
    """Offers the countries that customers are in."""

    title = "country"
    parameter_name = "country"

    def used(self) -> list[str]:
        """Return the country codes, by the index on country."""
        return used_values(Customer, "country")


class CustomerAdmin(ReadOnlyAdmin):
    """Customers; registered by `backoffice`, whose page joins the rooms."""

    list_display = (
        "__str__",
        "email",
        badge(),
        "country",
        link("brand"),
        "billing_type",
        "reference",
        moment("created_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("brand", RelatedDropdownFilter),
        CountryFilter,
        ("billing_type", ChoicesDropdownFilter),
        ("type", ChoicesDropdownFilter),
        ("created_at", MomentRangeFilter),
    )
    list_select_related: tuple[str, ...] = ("brand",)
    search_fields = ("email", "company_name", "name", "reference", "external_reference")
    search_help_text = "E-mail, company, name, reference or id"
    empty_words = (
        "Load the example company with: manage.py load_example examples/ – "
        "or make a customer with POST /api/v1/customers."
    )


class BrandForm(forms.ModelForm):  # type: ignore[type-arg]  # takes no parameters when it runs
    """A brand's looks and texts."""

    colour = forms.RegexField(r"^#[0-9a-fA-F]{6}$", help_text="As #1f3a5f.", widget=UnfoldAdminTextInputWidget)
    accent_colour = forms.RegexField(r"^#[0-9a-fA-F]{6}$", help_text="As #2f7f79.", widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = Brand
        fields = ()
        labels = {"iban": "IBAN", "bic": "BIC"}


@admin.register(Brand)
class BrandAdmin(EditedByOperation):
    """Sellers: looks, texts, dunning and announcements can be changed; what decides tax and dates stays."""

    form = BrandForm
    edited_fields = (
        "name",
        "legal_name",
        "street_line_one",
        "street_line_two",
        "postcode",
        "city",
        "email",
        "colour",
        "accent_colour",
        "footer",
        "payment_instructions",
        "iban",
        "bic",
        "dunning_retry_days",
        "dunning_final_action",
        "overdue_reminder_days",
        "overdue_disable_days",
        "announce_trial_days",
        "announce_renewal_days",
        "announce_expiring_cards",
    )
    list_display = (
        "name",
        "code",
        "legal_name",
        "country",
        "currency",
        "time_zone",
        "vat_registered",
        moment("created_at"),
    )
    search_fields = ("name", "code", "legal_name")
    search_help_text = "Name or code"
    empty_words = (
        "A brand is the seller on every invoice. Load the example company with: manage.py load_example examples/"
    )

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Change a brand."""
        return operations.update_brand(row_id, changes, actor=actor, now=now)


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ReadOnlyAdmin):
    """Cards kept by payment providers."""

    list_display = (
        "__str__",
        link("customer"),
        "provider",
        "expiry_month",
        "expiry_year",
        "is_default",
        moment("created_at"),
        moment("removed_at"),
    )
    list_filter = (("is_default", BooleanRadioFilter), ("created_at", MomentRangeFilter))
    list_select_related = ("customer",)
    search_fields = ("=provider_reference", "=last_four")
    related_search = ("customer",)
    search_help_text = "Last four digits, provider's reference or customer"
    empty_words = "A card appears when a customer adds one, or by POST /api/v1/customers/ID/payment-methods."


@admin.register(Agenda)
class AgendaAdmin(ReadOnlyAdmin):
    """When each customer is due next."""

    list_display = (link("customer"), moment("due_at"), moment("retry_at"), link("test_clock"))
    list_display_links = None
    list_filter = (("due_at", MomentRangeFilter), ("retry_at", MomentRangeFilter))
    list_select_related = ("customer", "test_clock")
    related_search = ("customer",)
    search_help_text = "Customer"
    empty_words = "A customer stands here as soon as a subscription has something ahead."


@admin.register(DisabledStretch)
class DisabledStretchAdmin(ReadOnlyAdmin):
    """When customers were disabled and charged nothing."""

    list_display = (link("customer"), moment("from_at"), moment("to_at"))
    list_display_links = None
    list_select_related = ("customer",)
    related_search = ("customer",)
    search_help_text = "Customer"
    empty_words = "A stretch appears when a disabled customer is enabled again."
