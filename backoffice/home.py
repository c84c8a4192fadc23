"""What unfold asks of the back office for every page: the home page's figures, the mode's label, the search."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import capfirst
from unfold.dataclasses import SearchResult

from backoffice.navigation import may_view
from backoffice.queries import home, search
from core.clock import wall_now
from core.models import Instance
from core.queries_api_keys import instance_mode
from core.staff_pages.columns import page_url
from core.staff_pages.words import money_text
from customers.models import Customer
from invoicing.models import CreditNote, Invoice


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures that the reader may see to the home page."""
    now = wall_now()
    figures: dict[str, Any] = {"recent_days": home.RECENT_DAYS}
    if may_view(request, "customers", "customer"):
        figures["has_customers"] = home.has_customers()
    if may_view(request, "invoicing", "invoice"):
        figures["open_invoices"] = home.list_open_invoices(now.date())
    if may_view(request, "invoicing", "invoice") and may_view(request, "billing", "payment"):
        figures["recent"] = home.list_recent_figures(now)
    if may_view(request, "billing", "paymentattempt"):
        figures["failed_attempts"] = home.list_failed_attempts(now)
    if may_view(request, "billing", "parkedcustomer"):
        figures["parked"] = home.list_parked_customers()
    if may_view(request, "billing", "billingrun"):
        figures["runs"] = home.list_billing_runs()
    return {**context, "title": "Home", "figures": figures}


def mode_label(request: HttpRequest) -> list[str]:
    """Return the instance's mode and the tone it is shown in: nobody shall take test money for real money."""
    mode = instance_mode()
    return [mode.capitalize(), "warning" if mode == Instance.Mode.TEST else "success"]


def find_anything(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return customers, invoices, plans and vouchers that match."""
    return [
        SearchResult(title=str(row), description=_description(row), link=page_url(row), icon=sign)
        for row, sign in search.find_rows(request, term)
    ]


def _description(row: Model) -> str:
    """Tell one found row from another of the same name."""
    details = []
    if isinstance(row, Customer):
        details = [row.email, row.reference]
    elif isinstance(row, Invoice | CreditNote):
        details = [str(row.customer), money_text(row.total_minor, row.currency)]
    return " · ".join([capfirst(str(row._meta.verbose_name)), *filter(None, details)])
