"""Give back what an invoice used up of vouchers."""

import uuid
from datetime import datetime

from core.operations import require_transaction
from invoicing.models import Invoice, InvoiceLine, VoucherUse
from subscriptions.models import VoucherRedemption


def return_vouchers(invoice_id: uuid.UUID, *, now: datetime) -> None:
    """Give every redemption that an invoice used up one invoice more, once; the customer is locked by the caller.

    One that ended because it was used up runs again. The periods that the invoice opened and a repeating voucher
    counted are counted no more: what is charged inside them is not discounted. Raises RuntimeError outside a
    transaction.
    """
    require_transaction()
    invoice = Invoice.objects.get(id=invoice_id)
    uses = VoucherUse.objects.filter(invoice_id=invoice_id, returned_at__isnull=True)
    for redemption in VoucherRedemption.objects.select_for_update().filter(uses__in=uses).order_by("id"):
        if redemption.remaining is None:
            continue
        if not redemption.remaining:
            redemption.ended_at = None
        redemption.remaining += 1
        redemption.save(update_fields=["remaining", "ended_at"])
        _uncount_periods(redemption, invoice)
    uses.update(returned_at=now)


def _uncount_periods(redemption: VoucherRedemption, invoice: Invoice) -> None:
    """Forget the periods that an invoice opened; where a later one counted another period, that one stays."""
    own = InvoiceLine.objects.filter(invoice=invoice, subscription__isnull=False).values("subscription_id")
    later = VoucherUse.objects.filter(
        redemption=redemption, returned_at__isnull=True, invoice__due_moment_at__gt=invoice.due_moment_at
    )
    counted_later = InvoiceLine.objects.filter(
        invoice_id__in=later.values("invoice_id"), subscription__isnull=False
    ).values("subscription_id")
    opened = redemption.periods.filter(subscription_id__in=own, until_at__gt=invoice.due_moment_at)
    opened.exclude(subscription_id__in=counted_later).delete()
