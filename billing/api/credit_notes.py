"""What is given back on paper, and given up: credit notes, voids, debts; and the transfers that come in."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request

from billing.api.downloads import FormatParameters, answer_file
from billing.api.serializers import PaymentAnswer
from billing.operations import credits, payments, write_offs
from billing.operations.credits import CreditNoteCommand
from billing.queries import payments as payment_queries
from core.api.fields import (
    AmountField,
    CurrencyField,
    DayField,
    FlagField,
    IdField,
    InstantField,
    MomentField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_created, answer_json
from core.domain.schedule import start_of_day
from customers import queries as customers_queries
from customers.api.serializers import CustomerAnswer
from invoicing.api.serializers import InvoiceAnswer
from invoicing.models import CreditNote
from invoicing.queries import credit_notes as credit_note_queries
from invoicing.queries import invoices as invoice_queries
from invoicing.queries.credit_notes import CreditNoteFilter

LONGEST_REASON = 200


class CreditNoteLineAnswer(AnswerSerializer):
    """What is given back of one charge; amounts in minor units, positive."""

    description = TextField()
    invoice = IdField(source="invoice_id", help_text="The invoice that charged it.")
    currency = TextField()
    total = serializers.SerializerMethodField()
    sub_total = serializers.SerializerMethodField()
    tax_total = serializers.SerializerMethodField()
    tax_rate = NumberField(help_text="Percent.")

    def get_total(self, line: Any) -> int:
        """Return the gross."""
        return -int(line.gross_minor)

    def get_sub_total(self, line: Any) -> int:
        """Return the net."""
        return -int(line.net_minor)

    def get_tax_total(self, line: Any) -> int:
        """Return the tax."""
        return -int(line.tax_minor)


class CreditNoteAnswer(AnswerSerializer):
    """An amount given back on paper; in minor units. Of one that voids another it is negative."""

    id = IdField()
    number = TextField()
    origin = WordField(CreditNote.Origin.choices, help_text="What brought it about.")
    currency = TextField()
    customer = CustomerAnswer()
    sub_total = WholeNumberField(source="sub_total_minor", min_value=None)
    tax_total = WholeNumberField(source="tax_total_minor", min_value=None)
    total = WholeNumberField(source="total_minor", min_value=None)
    to_invoices = WholeNumberField(source="to_invoices_minor", min_value=None, help_text="What lowered open invoices.")
    to_balance = WholeNumberField(
        source="to_balance_minor", min_value=None, help_text="What went to the customer's balance."
    )
    refunded = WholeNumberField(source="refunded_minor", min_value=None, help_text="What is paid out.")
    reason = TextField()
    voids = IdField(source="voids_id", help_text="The credit note that it takes back.")
    voided_by = serializers.SerializerMethodField(help_text="The credit note that takes it back.")
    issue_date = DayField()
    created_at = InstantField()
    lines = CreditNoteLineAnswer(many=True)

    def get_voided_by(self, note: CreditNote) -> uuid.UUID | None:
        """Return the id of the credit note that takes it back."""
        reversal = getattr(note, "voided_by", None)
        return None if reversal is None else reversal.id


class CreditNoteListParameters(ListParameters):
    """What a list of credit notes is narrowed by."""

    origin = WordField(CreditNote.Origin.choices, required=False)
    customer = IdField(required=False)
    invoice = IdField(required=False)
    number = TextField(required=False, allow_blank=True, max_length=80)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


class CreditedLineInput(InputSerializer):
    """What is given back of a line, gross."""

    answered = frozenset(CreditNoteLineAnswer().fields)

    line = WholeNumberField(min_value=1, max_value=1_000_000, help_text="Its place on the invoice, from 1.")
    amount = AmountField(min_value=1)


class CreditNoteInput(InputSerializer):
    """A credit note by hand: a gross over all lines of an invoice, or one for each of some lines; minor units."""

    answered = frozenset(CreditNoteAnswer().fields)

    invoice = IdField()
    amount = AmountField(min_value=1, required=False)
    lines = serializers.ListField(child=CreditedLineInput(), required=False, min_length=1, max_length=1000)
    reason = TextField(required=False, allow_blank=True, max_length=LONGEST_REASON)
    pay_out = FlagField(required=False, help_text="Refund what is over, as far as the invoice was paid.")

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between amount and lines."""
        sent = {"amount", "lines"} & self.sent_names
        if len(sent) != 1:
            return {"amount": "cannot be sent together with lines" if sent else "is required without lines"}
        positions = [line["line"] for line in values.get("lines", ())]
        return {"lines": "must name each line once"} if len(positions) > len(set(positions)) else {}


class ReasonInput(InputSerializer):
    """Why."""

    reason = TextField(required=False, allow_blank=True, max_length=LONGEST_REASON)


class VoidInput(ReasonInput):
    """What becomes of the lines."""

    rebill = FlagField(required=False, help_text="The next billing run bills the lines again.")


class TransferInput(InputSerializer):
    """A transfer that came in; minor units."""

    answered = frozenset(PaymentAnswer().fields)

    amount = AmountField(min_value=1)
    currency = CurrencyField(required=False, help_text="The invoice's, unless sent.")
    paid_at = MomentField(required=False, help_text="Now, unless sent.")
    reference = TextField(
        required=False, allow_blank=True, max_length=255, help_text="The bank's own: the same one is refused twice."
    )


class CreditNoteList(ApiView):
    """`/credit-note`."""

    parameters = {"GET": CreditNoteListParameters}

    @describe("List credit notes", gives=CreditNoteAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        wanted = CreditNoteFilter(
            origin=self.query.get("origin", ""),
            customer_id=self.query.get("customer"),
            invoice_id=self.query.get("invoice"),
            number=self.query.get("number", ""),
            created_from=self.query.get("created_from"),
            created_to=self.query.get("created_to"),
        )
        return self.list_of(credit_note_queries.list_credit_notes(wanted), CreditNoteAnswer)

    @describe(
        "Issue a credit note",
        takes=CreditNoteInput,
        gives=CreditNoteAnswer,
        status=201,
        request_example={
            "invoice": "01890a5d-ac96-774b-bcce-b302099a8057",
            "amount": 1000,
            "reason": "Sorry for the outage",
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """It lowers the invoice while open; what is over goes to the balance, or is paid out.

        Never more than the invoice still charges. 409 for an invoice that is neither open nor paid.
        """
        values = self.read(CreditNoteInput)
        lines = values.get("lines")
        command = CreditNoteCommand(
            invoice_id=values["invoice"],
            amount_minor=values.get("amount"),
            lines_minor=None if lines is None else {line["line"]: line["amount"] for line in lines},
            reason=values.get("reason", ""),
            pay_out=values.get("pay_out", False),
        )
        note = credits.make_credit_note(command, now=self.now, actor=self.actor)
        return answer_created(CreditNoteAnswer, credit_note_queries.get_credit_note(note.id), "credit-note")


class CreditNoteDetail(ApiView):
    """`/credit-note/{id}`."""

    @describe("Read a credit note", gives=CreditNoteAnswer)
    def get(self, request: Request, credit_note_id: uuid.UUID) -> HttpResponse:
        """One credit note with its lines."""
        note = credit_note_queries.get_credit_note(credit_note_id)
        return answer_json(CreditNoteAnswer().to_representation(note))


class CreditNoteVoid(ApiView):
    """`/credit-note/{id}/void`."""

    @describe("Void a credit note", takes=ReasonInput, gives=CreditNoteAnswer, errors=(409,))
    def post(self, request: Request, credit_note_id: uuid.UUID) -> HttpResponse:
        """By another that turns it round: its invoice asks for the amount again, or the balance gives it.

        409 unless it was made by hand, once money has left for it, or when the balance does not hold it any more.
        """
        reason = self.read(ReasonInput).get("reason", "")
        credits.void_credit_note(credit_note_id=credit_note_id, reason=reason, now=self.now, actor=self.actor)
        return answer_json(CreditNoteAnswer().to_representation(credit_note_queries.get_credit_note(credit_note_id)))


class CreditNoteDownload(ApiView):
    """`/credit-note/{id}/download`."""

    parameters = {"GET": FormatParameters}

    @describe("Download a credit note", gives=OpenApiTypes.BINARY)
    def get(self, request: Request, credit_note_id: uuid.UUID) -> HttpResponse:
        """As PDF."""
        return answer_file("credit_note", credit_note_id, self.query.get("format", "pdf"))


class InvoiceVoid(ApiView):
    """`/invoice/{id}/void`."""

    @describe("Void an invoice", takes=VoidInput, gives=InvoiceAnswer)
    def post(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """By a full credit note; balance and vouchers it took are returned. 409 when something was paid."""
        values = self.read(VoidInput)
        credits.void_invoice(
            invoice_id=invoice_id,
            rebill=values.get("rebill", False),
            reason=values.get("reason", ""),
            now=self.now,
            actor=self.actor,
        )
        return answer_json(InvoiceAnswer().to_representation(invoice_queries.get_invoice(invoice_id)))


class InvoiceUncollectible(ApiView):
    """`/invoice/{id}/uncollectible`."""

    @describe("Write off an invoice", takes=ReasonInput, gives=InvoiceAnswer)
    def post(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """What is due is given up; it can be paid all the same. 409 when it is not open."""
        reason = self.read(ReasonInput).get("reason", "")
        write_offs.write_off_invoice(invoice_id=invoice_id, reason=reason, now=self.now, actor=self.actor)
        return answer_json(InvoiceAnswer().to_representation(invoice_queries.get_invoice(invoice_id)))


class InvoicePaymentList(ApiView):
    """`/invoice/{id}/payment`."""

    parameters = {"GET": ListParameters}

    @describe("List an invoice's payments", gives=PaymentAnswer, lists=True)
    def get(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        payment_queries.get_invoice(invoice_id)
        found = payment_queries.list_payments().filter(invoice_id=invoice_id).select_related("receipt")
        return self.list_of(found, PaymentAnswer)

    @describe(
        "Record a transfer",
        takes=TransferInput,
        gives=PaymentAnswer,
        status=201,
        request_example={"amount": 1190, "currency": "EUR", "paid_at": "2026-01-31", "reference": "BANK-1"},
    )
    def post(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """Partial ones add up; what is over goes to the balance. 409 for a draft, a void, or a known reference."""
        invoice = payment_queries.get_invoice(invoice_id)
        values = self.read(TransferInput)
        customer = customers_queries.get_customer(invoice.customer_id)
        now = customers_queries.now_of(customer, self.now)
        payment = payments.record_transfer(
            invoice_id=invoice_id,
            amount_minor=values["amount"],
            currency=values.get("currency") or str(invoice.currency),
            paid_at=_instant(values.get("paid_at"), customer.zone) or now,
            reference=values.get("reference", ""),
            now=now,
        )
        return answer_created(PaymentAnswer, payment_queries.get_payment(payment.id), "payment")


def _instant(value: date | datetime | None, zone: str) -> datetime | None:
    """Return an instant: a day begins at its start in the customer's zone."""
    if value is None or isinstance(value, datetime):
        return value
    return start_of_day(value, zone)
