"""What must be true of the books after any test that moves money."""

from collections import Counter

from django.db.models import Sum

from billing.models import Dispute, Payment, PaymentAttempt, Receipt, Refund
from invoicing.models import Invoice
from ledger.models import CustomerBalance, Posting


def assert_books_balance() -> None:
    """Fail unless postings sum to zero, receivable equals open invoices and balances equal their account."""
    assert not sum(Posting.objects.values_list("amount_minor", flat=True))
    accounts = Counter(
        {row["account"]: row["sum"] for row in Posting.objects.values("account").annotate(sum=Sum("amount_minor"))}
    )
    open_minor = sum(Invoice.objects.exclude(status="draft").values_list("amount_due_minor", flat=True))
    totals = CustomerBalance.objects.aggregate(balance=Sum("balance_minor"), receivable=Sum("receivable_minor"))
    assert accounts["receivable"] == open_minor == (totals["receivable"] or 0)
    assert -accounts["customer_balance"] == (totals["balance"] or 0)
    paid_minor = sum(Payment.objects.exclude(status="pending").values_list("amount_minor", flat=True))
    refunds = Counter(
        {row["status"]: row["sum"] for row in Refund.objects.values("status").annotate(sum=Sum("amount_minor"))}
    )
    held_minor = sum(Dispute.objects.values_list("held_minor", flat=True))
    assert accounts["provider_clearing"] + accounts["processor_fees"] == paid_minor - refunds["issued"] - held_minor
    assert -accounts["refunds_payable"] == refunds["started"] + refunds["authorised"]
    standing = sum(Refund.objects.exclude(status="rejected").values_list("amount_minor", flat=True))
    assert sum(Payment.objects.values_list("refunded_minor", flat=True)) == standing


def assert_charges_are_whole() -> None:
    """Fail unless every payment has its receipt, receipts have no gap, and nothing pending is left without a call."""
    completed = Payment.objects.exclude(status="pending")
    assert Receipt.objects.count() == completed.count() == Receipt.objects.filter(payment__in=completed).count()
    sequences = sorted(Receipt.objects.values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))
    pending = set(Payment.objects.filter(status="pending").values_list("id", flat=True))
    calling = PaymentAttempt.objects.filter(status="calling")
    assert pending == set(calling.values_list("payment_id", flat=True))
