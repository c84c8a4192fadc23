"""What the search of the whole back office finds beside page names."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from customers.models import Customer
from invoicing.models import CreditNote, Invoice
from subscriptions.models import Plan, Product, Voucher

SHOWN = 6
SEARCHED: tuple[tuple[type[Model], str], ...] = (
    (Customer, "person"),
    (Invoice, "receipt_long"),
    (CreditNote, "undo"),
    (Plan, "sell"),
    (Product, "inventory_2"),
    (Voucher, "redeem"),
)


def find_rows(request: HttpRequest, term: str) -> list[tuple[Model, str]]:
    """Return the newest rows of each kind that match and the reader may view, with the kind's sign."""
    found: list[tuple[Model, str]] = []
    for model, sign in SEARCHED:
        page: Any = admin.site._registry[model]
        if page.has_view_permission(request):
            rows, _ = page.get_search_results(request, page.get_queryset(request).order_by("-pk"), term)
            found += [(row, sign) for row in rows[:SHOWN]]
    return found
