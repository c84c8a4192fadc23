"""Rows that the billing run would make, made at once: an open invoice in the books, its charge work."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from billing.models import PaymentAttempt
from billing.operations import attempts
from core.identifiers import new_id
from customers.models import Customer, PaymentMethod
from invoicing.domain.giving_back import give_back, spread_gross
from invoicing.domain.postings import CreditUsed
from invoicing.models import CreditNote, Invoice, InvoiceLine, NumberSeries
from invoicing.operations.giving_back import CreditWanted, finish_credits, store_credit
from invoicing.operations.numbering import NumberRequest, allocate_numbers, ensure_series
from invoicing.queries.giving_back import list_line_rests
from ledger.domain.entry import RECEIVABLE, REVENUE, TAX_PAYABLE, EntryDraft, PostingDraft
from ledger.operations import post_entries
from subscriptions.models import Plan, Subscription
from tests.cast import JANUARY, Company

TAX_PERCENT = 19


def make_subscription(
    company: Company, customer: Customer, *, status: str = "active", **values: object
) -> Subscription:
    """Store a subscription without terms: enough to be on an invoice."""
    plan = Plan.objects.filter(code_name="team").first() or company.plan("Team")
    return Subscription.objects.create(
        customer=customer,
        plan=plan,
        currency="EUR",
        status=status,
        started_at=JANUARY,
        current_period_start=JANUARY,
        created_at=JANUARY,
        updated_at=JANUARY,
        **values,
    )


def make_invoice(
    customer: Customer,
    *,
    net_minor: int = 1000,
    currency: str = "EUR",
    subscription: Subscription | None = None,
    at: datetime = JANUARY,
    card: PaymentMethod | None = None,
) -> Invoice:
    """Store a finalised, open invoice of one line at 19 % with its book entry, as the billing run leaves it."""
    brand, tax_minor = customer.brand, net_minor * TAX_PERCENT // 100
    total_minor = net_minor + tax_minor
    with transaction.atomic():
        series = ensure_series(brand=brand, kind=NumberSeries.Kind.INVOICE, now=at)
        (number,) = allocate_numbers([NumberRequest(series, brand.code, at.date())])
        invoice = Invoice.objects.create(
            customer=customer,
            brand=brand,
            origin=Invoice.Origin.CYCLE,
            status=Invoice.Status.OPEN,
            currency=currency,
            series=series,
            number_year=number.year,
            sequence=number.sequence,
            number=number.number,
            due_moment_at=at,
            issue_date=at.date(),
            due_date=at.date(),
            sub_total_minor=net_minor,
            tax_total_minor=tax_minor,
            total_minor=total_minor,
            amount_due_minor=total_minor,
            billing_type=customer.billing_type,
            payment_method=card,
            seller={},
            buyer={},
            locale="en",
            time_zone=customer.zone,
            created_at=at,
            finalized_at=at,
        )
        _add_line(invoice, subscription, at)
        postings = (
            PostingDraft(RECEIVABLE, total_minor, currency, customer.id),
            PostingDraft(REVENUE, -net_minor, currency),
            PostingDraft(TAX_PAYABLE, -tax_minor, currency, country="DE"),
        )
        post_entries([EntryDraft("invoice", "invoice", invoice.id, customer.id, at, at.date(), postings)])
    return invoice


def schedule(invoice: Invoice, card: PaymentMethod | None = None, *, at: datetime = JANUARY) -> PaymentAttempt:
    """Schedule the charge of an invoice, as the billing run does for card customers."""
    with transaction.atomic():
        return attempts.schedule_attempt(invoice=invoice, now=at, card=card)


def credit_invoice(invoice: Invoice, amount_minor: int) -> None:
    """Lower what an open invoice is due, with the book entry of a credit note."""
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update().get(id=invoice.id)
        invoice.amount_credited_minor += amount_minor
        invoice.amount_due_minor -= amount_minor
        if not invoice.amount_due_minor:
            invoice.status, invoice.paid_at = Invoice.Status.PAID, JANUARY
        invoice.save()
        postings = (
            PostingDraft(RECEIVABLE, -amount_minor, invoice.currency, invoice.customer_id),
            PostingDraft(REVENUE, amount_minor, invoice.currency),
        )
        entry = EntryDraft(
            "credit_note", "credit_note", new_id(), invoice.customer_id, JANUARY, JANUARY.date(), postings
        )
        post_entries([entry])


def make_due_charge(company: Company, name: str = "Alice", token: str = "tok_visa") -> PaymentAttempt:
    """Store a customer with card and active subscription, its open invoice of 11.90 EUR, and the charge that is due."""
    customer = company.customer(name)
    card = company.card(customer, token)
    invoice = make_invoice(customer, subscription=make_subscription(company, customer), card=card)
    return schedule(invoice, card)


def invoice_of(attempt: PaymentAttempt) -> Invoice:
    """Return the invoice that an attempt charges."""
    assert attempt.invoice is not None
    return attempt.invoice


def expire_lease(attempt: PaymentAttempt) -> None:
    """Let the lease of a claimed attempt run out, as if its worker had died long ago."""
    PaymentAttempt.objects.filter(id=attempt.id).update(lease_until=JANUARY)


def _add_line(invoice: Invoice, subscription: Subscription | None, at: datetime) -> None:
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        subscription=subscription,
        kind=InvoiceLine.Kind.RECURRING,
        period_start=at,
        period_end=at + timedelta(days=30),
        description="Team",
        quantity=Decimal(1),
        currency=invoice.currency,
        amount_minor=invoice.sub_total_minor,
        net_minor=invoice.sub_total_minor,
        tax_minor=invoice.tax_total_minor,
        gross_minor=invoice.total_minor,
        including_tax=False,
        tax_rate=Decimal(TAX_PERCENT),
        tax_category="S",
        tax_country="DE",
        proof={},
    )


def credit_note_of(invoice: Invoice, gross_minor: int, *, refunded_minor: int = 0) -> CreditNote:
    """Store a credit note over an invoice's lines with its entry; what is not refunded goes to the balance."""
    with transaction.atomic():
        rests = list_line_rests(invoice.id)
        wanted = CreditWanted(
            id=new_id(),
            invoice=Invoice.objects.select_related("brand").get(id=invoice.id),
            origin=CreditNote.Origin.MANUAL,
            given_back=give_back(rests, spread_gross(rests, gross_minor)),
            used=CreditUsed(0, gross_minor - refunded_minor, refunded_minor),
        )
        (note,) = finish_credits([store_credit(wanted, now=JANUARY)], now=JANUARY)
    return note
