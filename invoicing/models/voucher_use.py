"""Which vouchers an invoice used up: what a void gives back."""

from django.db import models

from core.fields import id_field
from invoicing.models.invoice import Invoice
from subscriptions.models import VoucherRedemption


class VoucherUse(models.Model):
    """One use of a redemption that an invoice consumed; given back once, when the invoice is voided."""

    id = id_field()
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="voucher_uses")
    redemption = models.ForeignKey(VoucherRedemption, on_delete=models.PROTECT, related_name="uses")
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "redemption"], name="one_voucher_use_per_invoice_and_redemption")
        ]

    def __str__(self) -> str:
        return f"{self.redemption_id} on {self.invoice_id}"
