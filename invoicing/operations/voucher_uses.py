"""Give back what an invoice used up of vouchers."""

import uuid
from datetime import datetime

from core.operations import require_transaction
from invoicing.models import VoucherUse
from subscriptions.models import VoucherRedemption


def return_vouchers(invoice_id: uuid.UUID, *, now: datetime) -> None:
    """Give every redemption that an invoice used up one invoice more, once; the customer is locked by the caller.

    One that ended because it was used up runs again. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    uses = VoucherUse.objects.filter(invoice_id=invoice_id, returned_at__isnull=True)
    for redemption in VoucherRedemption.objects.select_for_update().filter(uses__in=uses).order_by("id"):
        if redemption.remaining is None:
            continue
        if not redemption.remaining:
            redemption.ended_at = None
        redemption.remaining += 1
        redemption.save(update_fields=["remaining", "ended_at"])
    uses.update(returned_at=now)
