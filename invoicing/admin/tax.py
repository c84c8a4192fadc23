"""Pages of tax by place and date."""

from django.contrib import admin
from unfold.contrib.filters.admin import BooleanRadioFilter, RangeDateFilter, RelatedDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import day, link, moment, money, number
from invoicing.models import TaxClosing, TaxCountry, TaxRule, TaxState, TaxTurnover

EMPTY_WORDS = (
    "The EU, UK, Swiss and Norwegian rates ship with Reckoner. Load them with: manage.py load_example examples/"
)
RATE = number("rate", unit="%")


class TaxStateInline(ReadOnlyInline):
    """A country's states."""

    model = TaxState
    fields = ("code", "name", "collecting", moment("collecting_since"))


class TaxRuleInline(ReadOnlyInline):
    """A place's rates."""

    model = TaxRule
    fields = (RATE, link("tax_type"), link("state"), day("valid_from"), day("valid_until"))
    list_select_related = ("tax_type", "state")


@admin.register(TaxCountry)
class TaxCountryAdmin(ReadOnlyAdmin):
    """Countries."""

    list_display = ("code", "name", "collecting", moment("collecting_since"), "in_eu", "b2b_reverse_charge", "currency")
    list_filter = (
        ("collecting", BooleanRadioFilter),
        ("in_eu", BooleanRadioFilter),
        ("b2b_reverse_charge", BooleanRadioFilter),
    )
    inlines = (TaxRuleInline, TaxStateInline)
    search_fields = ("code", "name")
    search_help_text = "Code or name"
    empty_words = EMPTY_WORDS


@admin.register(TaxState)
class TaxStateAdmin(ReadOnlyAdmin):
    """States, provinces and regions."""

    list_display = ("code", "name", link("country"), "collecting", moment("collecting_since"))
    list_filter = (("country", RelatedDropdownFilter), ("collecting", BooleanRadioFilter))
    list_select_related = ("country",)
    inlines = (TaxRuleInline,)
    search_fields = ("code", "name")
    related_search = ("country",)
    search_help_text = "Code, name or country"
    empty_words = "States with a rate of their own are the operator's: none ship with Reckoner."


@admin.register(TaxRule)
class TaxRuleAdmin(ReadOnlyAdmin):
    """Rates with their dates."""

    list_display = (link("country"), link("state"), link("tax_type"), RATE, day("valid_from"), day("valid_until"))
    list_display_links = (RATE,)
    list_filter = (
        ("country", RelatedDropdownFilter),
        ("tax_type", RelatedDropdownFilter),
        ("valid_from", RangeDateFilter),
    )
    list_select_related = ("country", "state", "tax_type")
    related_search = ("country", "state", "tax_type")
    search_help_text = "Country, state or tax type"
    empty_words = EMPTY_WORDS


@admin.register(TaxTurnover)
class TaxTurnoverAdmin(ReadOnlyAdmin):
    """What was sold to a place on a closed day."""

    list_display = (
        day("day"),
        link("brand"),
        "country",
        "region",
        "payments",
        money("net_minor", "net"),
        money("consumers_net_minor", "to consumers"),
    )
    list_filter = (("day", RangeDateFilter), ("brand", RelatedDropdownFilter))
    list_select_related = ("brand",)
    related_search = ("brand",)
    search_fields = ("=country",)
    search_help_text = "Country or brand"
    empty_words = "A day's sales appear once it is over: the worker closes it, or manage.py bill."


@admin.register(TaxClosing)
class TaxClosingAdmin(ReadOnlyAdmin):
    """Up to which day a brand's documents are in the tax turnover."""

    list_display = (link("brand"), day("closed_until"))
    list_display_links = None
    list_select_related = ("brand",)
    related_search = ("brand",)
    search_help_text = "Brand"
    empty_words = "A brand appears when its first day is closed."
