"""What a start, a change or an end would come to, without making it: the very documents that it would store."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.change_inputs import (
    CancelInput,
    PlanChangeInput,
    PriceChangeInput,
    SeatsInput,
    cancel_command,
    plan_command,
    timing_of,
)
from billing.api.changes import SOME_PRICE
from billing.api.inputs import StartInput, start_request
from billing.api.running import RunningView
from billing.domain.ending import PeriodRefund
from billing.domain.standing import ChargedLine
from billing.operations import lifecycle, plan_changes
from billing.operations.changing import Changed
from billing.operations.papers import Paper, papers_of
from billing.operations.start_previews import preview_start
from core.api.fields import DayField, InstantField, NumberField, TextField, WholeNumberField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_json
from customers import queries as customers_queries
from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.giving_back import GivenBack
from subscriptions.domain.lifecycle import Status
from subscriptions.queries import subscriptions as queries

INVOICE, CREDIT_NOTE = "invoice", "credit_note"


class PreviewLineAnswer(AnswerSerializer):
    """A line as it would stand; amounts in minor units, on a credit note what is given back."""

    description = TextField()
    kind = TextField()
    period_start = InstantField()
    period_end = InstantField()
    quantity = NumberField()
    discount = WholeNumberField()
    sub_total = WholeNumberField()
    tax_total = WholeNumberField()
    total = WholeNumberField()
    tax_rate = NumberField(help_text="Percent.")


class PreviewDocumentAnswer(AnswerSerializer):
    """An invoice, or the credit note when more is given back than charged; amounts in minor units, above 0."""

    type = WordField([INVOICE, CREDIT_NOTE])
    currency = TextField()
    sub_total = WholeNumberField()
    tax_total = WholeNumberField()
    total = WholeNumberField()
    balance_applied = WholeNumberField(help_text="What the customer's balance pays; negative: a debit taken with it.")
    amount_due = WholeNumberField(help_text="Of an invoice.")
    issue_date = DayField()
    due_date = DayField(help_text="Of an invoice.")
    to_invoices = WholeNumberField(help_text="Of a credit note: what lowers open invoices.")
    to_balance = WholeNumberField(help_text="Of a credit note: what goes to the customer's balance.")
    refunded = WholeNumberField(help_text="Of a credit note: what is paid out.")
    lines = PreviewLineAnswer(many=True)


class PreviewAnswer(AnswerSerializer):
    """The documents a change would make now; none for one that waits."""

    documents = PreviewDocumentAnswer(many=True)


class CancelPreviewAnswer(PreviewAnswer):
    """What a cancellation would make now, and the subscription after it."""

    status = WordField([str(one) for one in Status])
    cancel_at = InstantField(help_text="When it ends, or has ended.")


class _Preview(RunningView):
    """Works a change out and stores nothing."""

    def answer(self, changed: Changed | None, now: datetime, **shown: Any) -> HttpResponse:
        """Answer the documents of a change that is worked out."""
        return _answer(papers_of(changed, now) if changed is not None else (), **shown)


def _answer(papers: Iterable[Paper], **shown: Any) -> HttpResponse:
    """Answer documents, with what else is shown of a cancellation."""
    answer = CancelPreviewAnswer() if shown else PreviewAnswer()
    return answer_json(answer.to_representation({"documents": [_document(one) for one in papers], **shown}))


class StartPreview(ApiView):
    """`/customer/{id}/subscription/start/preview`."""

    @describe(
        "Preview a start",
        takes=StartInput,
        gives=PreviewAnswer,
        errors=(406,),
        request_example={"subscription_plan": "team", "schedule": "month", "currency": "EUR", "voucher": "HELLO"},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """The exact first invoice; none for a trial. It is refused as the start would be, but no card is tried."""
        customer = customers_queries.get_customer(customer_id)
        asked = start_request(self.read(StartInput), customer)
        proposals = preview_start(asked, now=customers_queries.now_of(customer, self.now))
        return _answer(Paper(one, one.occasion.issue_date) for one in proposals)


class PlanPreview(_Preview):
    """`/subscription/{id}/plan/preview`."""

    @describe(
        "Preview a change of plan",
        takes=PlanChangeInput,
        gives=PreviewAnswer,
        request_example={"when": "instantly", "plan": "team", "price": SOME_PRICE},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """The exact invoice or credit note of the change; it is refused as the change would be."""
        asked = self.asked(subscription_id)
        command = plan_command(self.read(PlanChangeInput), asked.zone)
        made = plan_changes.preview_plan(subscription_id=subscription_id, command=command, now=asked.now)
        return self.answer(made, asked.now)


class PricePreview(_Preview):
    """`/subscription/{id}/price/preview`."""

    @describe(
        "Preview a change of price",
        takes=PriceChangeInput,
        gives=PreviewAnswer,
        request_example={"when": "instantly", "price": SOME_PRICE},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """The exact invoice or credit note of the change; it is refused as the change would be."""
        asked = self.asked(subscription_id)
        command = plan_command(self.read(PriceChangeInput), asked.zone)
        made = plan_changes.preview_plan(subscription_id=subscription_id, command=command, now=asked.now)
        return self.answer(made, asked.now)


class SeatsPreview(_Preview):
    """`/subscription/{id}/seats/preview`."""

    @describe("Preview a number of seats", takes=SeatsInput, gives=PreviewAnswer, request_example={"seats": 5})
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """`seats` is the new total: what it comes to with `invoice_now`, whether that is sent or not."""
        asked = self.asked(subscription_id)
        values = self.read(SeatsInput)
        timing = timing_of(values, asked.zone)
        made = plan_changes.preview_seats(
            subscription_id=subscription_id, seats=values["seats"], timing=timing, now=asked.now
        )
        return self.answer(made, asked.now)


class CancelPreview(_Preview):
    """`/subscription/{id}/cancel/preview`."""

    @describe(
        "Preview a cancellation",
        takes=CancelInput,
        gives=CancelPreviewAnswer,
        request_example={"when": "instantly", "refund_type": "prorate"},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """The invoice of what is outstanding and the credit notes of what is given back; none before the end comes."""
        asked = self.asked(subscription_id)
        command = cancel_command(self.read(CancelInput), asked.zone)
        made = lifecycle.preview_cancel(subscription_id=subscription_id, command=command, now=asked.now)
        after = made.agreement if made is not None else queries.get_subscription(subscription_id)
        return self.answer(made, asked.now, status=str(after.status), cancel_at=after.cancel_at)


def _document(paper: Paper) -> Mapping[str, Any]:
    """Return a document as it would be."""
    made = paper.made
    shown = _refund(made) if isinstance(made, PeriodRefund) else _proposal(made)
    used = paper.used
    return {
        **shown,
        "issue_date": paper.issue_date,
        "to_invoices": used and used.to_invoices_minor,
        "to_balance": used and used.to_balance_minor,
        "refunded": used and used.refunded_minor,
    }


def _proposal(proposal: Proposal) -> Mapping[str, Any]:
    """Return a proposal as the document it would become."""
    sign = -1 if proposal.is_credit else 1
    return {
        "type": CREDIT_NOTE if proposal.is_credit else INVOICE,
        "currency": proposal.currency,
        "sub_total": sign * proposal.sub_total_minor,
        "tax_total": sign * proposal.tax_total_minor,
        "total": sign * proposal.total_minor,
        "balance_applied": None if proposal.is_credit else proposal.balance_applied_minor,
        "amount_due": None if proposal.is_credit else proposal.amount_due_minor,
        "due_date": None if proposal.is_credit else proposal.due_date,
        "lines": [_line(line, sign) for line in proposal.lines],
    }


def _line(line: ProposedLine, sign: int) -> Mapping[str, Any]:
    """Return a proposed line as it would stand on its document."""
    charge = line.charge
    return {
        "description": charge.description,
        "kind": charge.kind,
        "period_start": charge.period_start,
        "period_end": charge.period_end,
        "quantity": charge.quantity,
        "discount": sign * line.discount_minor,
        "sub_total": sign * line.tax.net_minor,
        "tax_total": sign * line.tax.tax_minor,
        "total": sign * (line.tax.net_minor + line.tax.tax_minor),
        "tax_rate": line.treatment.rate,
    }


def _refund(refund: PeriodRefund) -> Mapping[str, Any]:
    """Return what is given back of an invoice as the credit note it would become."""
    return {
        "type": CREDIT_NOTE,
        "currency": refund.currency,
        "sub_total": refund.total_minor - refund.tax_minor,
        "tax_total": refund.tax_minor,
        "total": refund.total_minor,
        "balance_applied": None,
        "amount_due": None,
        "due_date": None,
        "lines": [_refunded_line(line, part) for line, part in refund.lines],
    }


def _refunded_line(line: ChargedLine, part: GivenBack) -> Mapping[str, Any]:
    """Return what is given back of a line."""
    return {
        "description": line.description,
        "kind": line.kind,
        "period_start": line.rest.period_start,
        "period_end": line.rest.period_end,
        "quantity": line.quantity if part.gross_minor == line.gross_minor else 1,
        "discount": part.discount_minor,
        "sub_total": part.net_minor,
        "tax_total": part.tax_minor,
        "total": part.gross_minor,
        "tax_rate": line.tax_rate,
    }
