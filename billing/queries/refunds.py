"""Reads of refunds, and the locks that refunding takes."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Now

from billing.domain.postings import PAYMENT
from billing.domain.refund_state import OPEN_REFUND_STATUSES
from billing.domain.refunds import Refundable
from billing.models import Payment, Refund
from core.errors import NotFound
from invoicing.models import InvoiceLine
from ledger.models import Account, CustomerBalance, Posting

GIVES_BACK = (Payment.Status.COMPLETED, Payment.Status.PARTIALLY_REFUNDED)


def list_refunds(customer_id: uuid.UUID | None = None) -> QuerySet[Refund]:
    """Return refunds with their customer, newest first, of one customer when it is named."""
    refunds = Refund.objects.select_related("customer__brand").order_by("-id")
    return refunds if customer_id is None else refunds.filter(customer_id=customer_id)


def get_refund(refund_id: uuid.UUID) -> Refund:
    """Return a refund with its customer. Raises NotFound."""
    refund = list_refunds().filter(id=refund_id).first()
    if refund is None:
        raise NotFound(f"No refund has the id {refund_id}.")
    return refund


def lock_refund(refund_id: uuid.UUID) -> Refund:
    """Lock a refund, its customer locked by the caller, and return it with its payment; it must exist."""
    return Refund.objects.select_for_update(of=("self",)).select_related("payment").get(id=refund_id)


def lock_payment(payment_id: uuid.UUID) -> Payment:
    """Lock a payment, its customer locked by the caller; it must exist."""
    return Payment.objects.select_for_update().get(id=payment_id)


def lock_payments_of(invoice_ids: Collection[uuid.UUID]) -> list[Payment]:
    """Lock the payments of invoices that may still give something back, newest first; their customer is locked."""
    return _newest_first(Payment.objects.select_for_update().filter(invoice_id__in=invoice_ids))


def list_payments_of(invoice_ids: Collection[uuid.UUID]) -> list[Payment]:
    """Return the payments of invoices that may still give something back, newest first."""
    return _newest_first(Payment.objects.filter(invoice_id__in=invoice_ids))


def _newest_first(payments: QuerySet[Payment]) -> list[Payment]:
    giving = payments.filter(status__in=GIVES_BACK).order_by("id")
    in_order = sorted(giving, key=lambda payment: (payment.completed_at, payment.id), reverse=True)
    return [payment for payment in in_order if payment.refunded_minor < payment.amount_minor]


def refundable(payments: Sequence[Payment]) -> list[Refundable]:
    """Return what each payment may give back: what of it stands on the balance was not given for the invoice."""
    surplus_minor = surpluses([payment.id for payment in payments])
    return [
        Refundable(payment.id, payment.amount_minor - payment.refunded_minor - surplus_minor[payment.id])
        for payment in payments
    ]


def list_paid_by(invoice_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[uuid.UUID, int]]:
    """Return what lines of invoices gave back of other invoices, gross, and of those behind them, back to the first.

    By invoice, and by the one it corrects; an invoice is among them also when it gave nothing back.
    """
    found: dict[uuid.UUID, dict[uuid.UUID, int]] = {}
    wanted = set(invoice_ids)
    while wanted:
        found |= {invoice_id: {} for invoice_id in wanted}
        lines = InvoiceLine.objects.filter(invoice_id__in=wanted, corrects__isnull=False, gross_minor__lt=0)
        given_back = lines.order_by("id").values_list("invoice_id", "corrects_id", "gross_minor")
        for invoice_id, corrected, gross in given_back:
            if corrected is not None:
                found[invoice_id][corrected] = found[invoice_id].get(corrected, 0) - gross
        wanted = {one for invoice_id in wanted for one in found[invoice_id]} - found.keys()
    return found


def count_refunds(payment_id: uuid.UUID) -> int:
    """Return how many refunds a payment has, rejected ones too."""
    return Refund.objects.filter(payment_id=payment_id).count()


def surpluses(payment_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return, by payment, what of it stands on the customer's balance, in minor units.

    That is what was over when it came in and what a provider did not pay out, less what refunds took from the balance.
    """
    found = dict.fromkeys(payment_ids, 0)
    came_in = Posting.objects.filter(
        entry__object_id__in=list(found), entry__kind=PAYMENT, account=Account.CUSTOMER_BALANCE
    )
    for payment_id, minor in came_in.values_list("entry__object_id").annotate(Sum("amount_minor")):
        found[payment_id] -= minor
    refunds = Refund.objects.filter(payment_id__in=list(found)).values("payment_id")
    rejected = Sum("amount_minor", filter=Q(status=Refund.Status.REJECTED), default=0)
    for row in refunds.annotate(taken=Sum("from_balance_minor"), rejected=rejected):
        found[row["payment_id"]] += row["rejected"] - row["taken"]
    return {payment_id: max(minor, 0) for payment_id, minor in found.items()}


def sum_from_balance(invoice_id: uuid.UUID) -> int:
    """Return what standing refunds of an invoice's payments took from the customer's balance, in minor units."""
    standing = Refund.objects.filter(payment__invoice_id=invoice_id).exclude(status=Refund.Status.REJECTED)
    return int(standing.aggregate(minor=Sum("from_balance_minor", default=0))["minor"])


def usable_balance(customer_id: uuid.UUID, currency: str) -> int:
    """Return what a customer may use in a currency, in minor units; negative: it owes a debit."""
    found = CustomerBalance.objects.filter(customer_id=customer_id, currency=currency)
    return found.values_list("balance_minor", flat=True).first() or 0


def lock_open_refunds(
    *,
    limit: int,
    paused_providers: Collection[str],
    refund_id: uuid.UUID | None = None,
    customer_id: uuid.UUID | None = None,
) -> list[Refund]:
    """Lock refunds whose outcome is not known and whom nobody holds a lease on, leaving out what others lock."""
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    wanted = Refund.objects.filter(is_free, status__in=OPEN_REFUND_STATUSES).exclude(provider__in=paused_providers)
    if refund_id is not None:
        wanted = wanted.filter(id=refund_id)
    if customer_id is not None:
        wanted = wanted.filter(customer_id=customer_id)
    locked = wanted.select_for_update(skip_locked=True, of=("self",), no_key=True).select_related("payment")
    return list(locked.order_by("id")[:limit])
