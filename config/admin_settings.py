"""How the admin looks: django-unfold's settings, and the formats of days and moments."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static


def _style(request: HttpRequest) -> str:
    """Return the address of the back office's own style sheet."""
    return static("backoffice/admin.css")


def _favicon(request: HttpRequest) -> str:
    """Return the address of the sign in the browser's tab."""
    return static("backoffice/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Reckoner",
    "SITE_HEADER": "Reckoner",
    "SITE_SUBHEADER": "Back office · times are UTC",
    "SITE_SYMBOL": "receipt_long",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _favicon}],
    "STYLES": [_style],
    "ENVIRONMENT": "backoffice.home.mode_label",
    "DASHBOARD_CALLBACK": "backoffice.home.home_context",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .015 195)",
            "100": "oklch(93% .03 195)",
            "200": "oklch(87% .055 195)",
            "300": "oklch(79% .08 195)",
            "400": "oklch(69% .09 195)",
            "500": "oklch(58% .085 195)",
            "600": "oklch(50% .075 195)",
            "700": "oklch(43% .065 195)",
            "800": "oklch(37% .055 195)",
            "900": "oklch(31% .045 195)",
            "950": "oklch(22% .035 195)",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "backoffice.navigation.navigation",
    },
    "COMMAND": {"search_models": False, "search_callback": "backoffice.home.find_anything", "show_history": False},
}
# 22 Nov 2026, 14:05 - unambiguous for readers on both sides of an ocean.
FORMAT_MODULE_PATH = "config.formats"
# Where a login without an address to go on to leads.
LOGIN_REDIRECT_URL = "admin:index"
