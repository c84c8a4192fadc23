"""The papers of one customer and what was paid on them, as rows: for the pages to be looked at with."""

from datetime import UTC, datetime, timedelta

from billing.models import (
    Payment,
    PaymentAttempt,
    Receipt,
)
from customers.models import Customer, PaymentMethod
from invoicing.models import (
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    NumberSeries,
    Quote,
    RequestedLine,
)
from ledger.models import Account, CustomerBalance, Entry, Posting
from subscriptions.models import (
    Subscription,
    SubscriptionItem,
)

NOW = datetime(2026, 3, 9, 8, 5, tzinfo=UTC)
START = NOW - timedelta(days=31)
PROOF = {
    "price": "0195c000-0000-7000-8000-000000000001",
    "terms": 1,
    "steps": "2 x 5000 = 10000",
    "fraction": [15, 30],
    "tax": {"code": "domestic", "parts": [["rule", "VAT", "DE", "19", 1900]]},
}


def make_quote(customer: Customer) -> None:
    """Store an open quote over 50.00 EUR."""
    quote = Quote.objects.create(
        customer=customer,
        name="Set-up",
        status="open",
        currency="EUR",
        sub_total_minor=5000,
        tax_total_minor=0,
        total_minor=5000,
        lines=[],
        expires_at=NOW,
        created_at=START,
        updated_at=START,
    )
    RequestedLine.objects.create(quote=quote, position=1, description="Set-up", amount_minor=5000, currency="EUR")


def make_invoice(customer: Customer, series: NumberSeries, number: int, card: PaymentMethod) -> Invoice:
    """Store a paid invoice over 119.00 EUR."""
    return Invoice.objects.create(
        customer=customer,
        brand=customer.brand,
        origin="cycle",
        status="paid",
        currency="EUR",
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"INV-2026-{number + 1:06}",
        due_moment_at=NOW,
        issue_date=NOW.date(),
        due_date=NOW.date(),
        supply_start=START,
        supply_end=NOW,
        sub_total_minor=10000,
        tax_total_minor=1900,
        total_minor=11900,
        amount_paid_minor=11900,
        amount_due_minor=0,
        billing_type="card",
        payment_method=card,
        seller={"name": "Brand GmbH", "country": "DE"},
        buyer={"company_name": customer.company_name, "city": "Berlin"},
        locale="en",
        time_zone="Europe/Berlin",
        notes=["Thank you."],
        created_at=NOW,
        finalized_at=NOW,
        paid_at=NOW,
    )


def make_draft(customer: Customer) -> Invoice:
    """Store a draft over nothing."""
    return Invoice.objects.create(
        customer=customer,
        brand=customer.brand,
        origin="start",
        status="draft",
        currency="EUR",
        due_moment_at=NOW,
        sub_total_minor=0,
        tax_total_minor=0,
        total_minor=0,
        amount_due_minor=0,
        billing_type="card",
        seller={},
        buyer={},
        locale="en",
        time_zone="UTC",
        created_at=NOW,
    )


def make_line(invoice: Invoice, subscription: Subscription, item: SubscriptionItem) -> None:
    """Store the invoice's one line, with its entry in the books."""
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        subscription=subscription,
        item=item,
        kind="recurring",
        period_start=START,
        period_end=NOW,
        description="Team, two seats",
        quantity=2,
        unit_price=5000,
        currency="EUR",
        amount_minor=10000,
        net_minor=10000,
        tax_minor=1900,
        gross_minor=11900,
        including_tax=False,
        tax_rate=19,
        tax_category="S",
        tax_country="DE",
        proof=PROOF,
    )
    entry = make_entry("invoice.finalized", "invoice", invoice)
    Posting.objects.bulk_create(
        [
            Posting(
                entry=entry, account=Account.RECEIVABLE, customer=invoice.customer, currency="EUR", amount_minor=11900
            ),
            Posting(entry=entry, account=Account.REVENUE, currency="EUR", amount_minor=-10000),
            Posting(entry=entry, account=Account.TAX_PAYABLE, country="DE", currency="EUR", amount_minor=-1900),
        ]
    )
    CustomerBalance.objects.create(customer=invoice.customer, currency="EUR", balance_minor=250)


def make_entry(kind: str, object_kind: str, invoice: Invoice) -> Entry:
    """Store an entry without postings."""
    return Entry.objects.create(
        kind=kind,
        object_kind=object_kind,
        object_id=invoice.id,
        customer=invoice.customer,
        posted_at=NOW,
        accounting_date=NOW.date(),
    )


def make_payment(invoice: Invoice, card: PaymentMethod, series: NumberSeries, number: int) -> Payment:
    """Store a payment with its receipt, after a failed try."""
    payment = Payment.objects.create(
        customer=invoice.customer,
        invoice=invoice,
        payment_method=card,
        provider="sandbox",
        external_reference=f"charge-{number}",
        status="completed",
        currency="EUR",
        amount_minor=11900,
        created_at=NOW,
        completed_at=NOW,
    )
    common = {
        "customer": invoice.customer,
        "invoice": invoice,
        "payment_method": card,
        "provider": "sandbox",
        "currency": "EUR",
        "amount_minor": 11900,
        "due_at": NOW,
        "created_at": NOW,
        "settled_at": NOW,
    }
    PaymentAttempt.objects.create(
        **common,
        number=1,
        idempotency_key=f"try-1-{number}",
        status="failed",
        failure_reason="lack_of_funds",
        failure_message="Insufficient funds.",
    )
    PaymentAttempt.objects.create(
        **common, number=2, idempotency_key=f"try-2-{number}", status="succeeded", payment=payment
    )
    Receipt.objects.create(
        payment=payment,
        brand=invoice.brand,
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"RCP-2026-{number + 1:06}",
        issue_date=NOW.date(),
        created_at=NOW,
    )
    return payment


def make_credit_note(
    invoice: Invoice, subscription: Subscription, item: SubscriptionItem, series: NumberSeries, number: int
) -> None:
    """Store a credit note of 11.90 EUR against the invoice."""
    note = CreditNote.objects.create(
        customer=invoice.customer,
        brand=invoice.brand,
        origin="change",
        currency="EUR",
        series=series,
        number_year=2026,
        sequence=number + 1,
        number=f"CN-2026-{number + 1:06}",
        issue_date=NOW.date(),
        sub_total_minor=1000,
        tax_total_minor=190,
        total_minor=1190,
        to_invoices_minor=0,
        to_balance_minor=1190,
        seller={},
        buyer={},
        locale="en",
        time_zone="UTC",
        reason="One seat fewer",
        created_at=NOW,
    )
    CreditNoteLine.objects.create(
        credit_note=note,
        invoice=invoice,
        position=1,
        subscription=subscription,
        item=item,
        kind="credit",
        period_start=START,
        period_end=NOW,
        description="Unused time",
        quantity=1,
        currency="EUR",
        amount_minor=-1000,
        net_minor=-1000,
        tax_minor=-190,
        gross_minor=-1190,
        including_tax=False,
        tax_rate=19,
        tax_category="S",
        proof={},
    )
