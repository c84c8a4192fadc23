"""Pages of vouchers."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import link, moment, money, number
from core.staff_pages.filters import MomentRangeFilter
from subscriptions.models import RedemptionPeriod, Voucher, VoucherAmount, VoucherRedemption


class VoucherAmountInline(ReadOnlyInline):
    """A voucher's amounts."""

    model = VoucherAmount
    fields = ("currency", money("amount_minor"), money("minimum_minor"))


@admin.register(Voucher)
class VoucherAdmin(ReadOnlyAdmin):
    """Discounts and credits that customers redeem."""

    list_display = (
        "__str__",
        "name",
        "type",
        number("percent", unit="%"),
        "duration",
        number("maximum_redemptions"),
        moment("expires_at"),
        moment("disabled_at"),
    )
    list_filter = (
        ("type", ChoicesDropdownFilter),
        ("duration", ChoicesDropdownFilter),
        ("entry", ChoicesDropdownFilter),
        ("expires_at", MomentRangeFilter),
    )
    inlines = (VoucherAmountInline,)
    search_fields = ("code", "name")
    search_help_text = "Code or name"
    empty_words = (
        "A voucher gives a discount or a credit. The example company has several: manage.py load_example examples/"
    )


@admin.register(VoucherAmount)
class VoucherAmountAdmin(ReadOnlyAdmin):
    """What vouchers are worth in each currency."""

    list_display = (link("voucher"), "currency", money("amount_minor"), money("minimum_minor"))
    list_display_links = ("currency",)
    list_select_related = ("voucher",)
    related_search = ("voucher",)
    search_help_text = "Voucher"
    ordering = ("-id",)
    empty_words = "Vouchers over a fixed amount name one for each currency."


@admin.register(VoucherRedemption)
class VoucherRedemptionAdmin(ReadOnlyAdmin):
    """Who redeemed what."""

    list_display = (
        link("voucher"),
        link("customer"),
        moment("redeemed_at"),
        number("remaining", "Invoices left"),
        moment("ended_at"),
    )
    list_display_links = None
    list_filter = (("redeemed_at", MomentRangeFilter), ("ended_at", MomentRangeFilter))
    list_select_related = ("voucher", "customer")
    related_search = ("voucher", "customer")
    search_help_text = "Voucher or customer"
    empty_words = "A redemption appears when a customer uses a voucher's code."


@admin.register(RedemptionPeriod)
class RedemptionPeriodAdmin(ReadOnlyAdmin):
    """The periods that repeating vouchers counted."""

    list_display = (link("redemption"), link("subscription"), moment("until_at"))
    list_display_links = None
    list_filter = (("until_at", MomentRangeFilter),)
    list_select_related = (
        "redemption__voucher",
        "redemption__customer",
        "subscription__plan",
        "subscription__customer",
    )
    related_search = ("redemption", "subscription")
    search_help_text = "Redemption or subscription"
    empty_words = "A counted period appears when a repeating voucher serves the invoice that opens it."
