"""What was asked for by hand: checked, kept with a draft or a quote, and read as the lines the pure code charges."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from core.errors import Invalid
from core.operations import require_transaction
from invoicing.domain.manual import ItemLine, PlanLine, WantedLine
from invoicing.models import Invoice, Quote, RequestedLine
from subscriptions.models import Plan, Price, TaxType
from subscriptions.queries.terms import list_price_terms


@dataclass(frozen=True, slots=True)
class PlanWanted:
    """A plan's price, with its seats."""

    plan_id: uuid.UUID
    price_id: uuid.UUID
    seats: int = 1


@dataclass(frozen=True, slots=True)
class ItemWanted:
    """An item with an amount of its own, in minor units."""

    description: str
    amount_minor: int
    currency: str
    including_tax: bool = False
    tax_type_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class PaperWanted:
    """What a manual invoice, a draft or a quote shall charge: plans first, then items."""

    plans: tuple[PlanWanted, ...] = ()
    items: tuple[ItemWanted, ...] = ()


def requested_lines(wanted: PaperWanted) -> tuple[RequestedLine, ...]:
    """Return the rows of what is wanted, in order, not stored yet.

    Raises Invalid for a price that is another plan's, usage or retired, for seats of a plan that has none, for nothing
    at all, and for two currencies: they never meet on one invoice.
    """
    faults: dict[str, str] = {}
    rows: list[RequestedLine] = []
    for position, line in enumerate(wanted.plans):
        plan, price = Plan.objects.get(id=line.plan_id), Price.objects.get(id=line.price_id)
        path = f"subscriptions.{position}"
        faults |= {f"{path}.{name}": fault for name, fault in _plan_faults(plan, price, line.seats).items()}
        rows.append(RequestedLine(plan=plan, price=price, seats=line.seats, currency=price.currency))
    rows += [
        RequestedLine(
            description=item.description,
            amount_minor=item.amount_minor,
            currency=item.currency,
            including_tax=item.including_tax,
            tax_type_id=item.tax_type_id,
        )
        for item in wanted.items
    ]
    paths = [f"subscriptions.{n}.price" for n in range(len(wanted.plans))]
    paths += [f"items.{n}.currency" for n in range(len(wanted.items))]
    for path, row in zip(paths, rows, strict=True):
        if row.currency != rows[0].currency:
            faults.setdefault(path, f"is in {row.currency}; the first line is in {rows[0].currency}")
    if not rows:
        faults["items"] = "Give at least one subscription or item."
    if faults:
        raise Invalid("These lines cannot be charged together.", fields=faults)
    for position, row in enumerate(rows, start=1):
        row.position = position
    return tuple(rows)


def _plan_faults(plan: Plan, price: Price, seats: int) -> dict[str, str]:
    """Return what is wrong with one plan's line, by field."""
    faults = {}
    if plan.retired_at is not None:
        faults["plan"] = "This plan is retired."
    if not plan.prices.filter(id=price.id).exists():
        faults["price"] = "It does not belong to this plan."
    elif price.retired_at is not None:
        faults["price"] = "This price is retired."
    elif price.usage:
        faults["price"] = "It is charged for usage, which is not known ahead."
    if seats > 1 and not plan.per_seat:
        faults["seat_number"] = "This plan is not per seat."
    return faults


def store_requested(
    rows: Sequence[RequestedLine], *, invoice: Invoice | None = None, quote: Quote | None = None
) -> None:
    """Keep rows with a draft or a quote in place of those it had, in the caller's transaction."""
    require_transaction()
    delete_requested(invoice_id=invoice.id if invoice else None, quote_id=quote.id if quote else None)
    for row in rows:
        row.invoice, row.quote = invoice, quote
    RequestedLine.objects.bulk_create(rows)


def delete_requested(*, invoice_id: uuid.UUID | None = None, quote_id: uuid.UUID | None = None) -> None:
    """Forget what was asked for on a draft or a quote, in the caller's transaction."""
    require_transaction()
    _of(invoice_id, quote_id).delete()


def list_requested(*, invoice_id: uuid.UUID | None = None, quote_id: uuid.UUID | None = None) -> list[RequestedLine]:
    """Return what was asked for on a draft or a quote, in order."""
    return list(_of(invoice_id, quote_id).select_related("plan", "price", "tax_type").order_by("position"))


def _of(invoice_id: uuid.UUID | None, quote_id: uuid.UUID | None) -> QuerySet[RequestedLine]:
    """Return the rows of one paper."""
    if invoice_id is not None:
        return RequestedLine.objects.filter(invoice_id=invoice_id)
    return RequestedLine.objects.filter(quote_id=quote_id) if quote_id is not None else RequestedLine.objects.none()


def wanted_lines(rows: Sequence[RequestedLine]) -> tuple[WantedLine, ...]:
    """Return rows as the lines that the pure code charges."""
    prices = list_price_terms({row.price_id for row in rows if row.price_id is not None})
    fallback = TaxType.objects.filter(default=True).first()
    lines: list[WantedLine] = []
    for row in rows:
        if row.plan is not None and row.price_id is not None:
            lines.append(PlanLine(row.plan.id, row.plan.name, prices[row.price_id], row.seats or 1))
            continue
        tax_type = row.tax_type or fallback
        lines.append(
            ItemLine(
                description=row.description,
                amount_minor=row.amount_minor or 0,
                currency=row.currency,
                including_tax=row.including_tax,
                tax_type_id=row.tax_type_id,
                digital=tax_type.digital if tax_type else False,
                export=tax_type.export if tax_type else "",
            )
        )
    return tuple(lines)
