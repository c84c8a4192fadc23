"""What a change would come to, without making it: the very proposal that the change would store."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.change_inputs import PlanChangeInput, PriceChangeInput, SeatsInput, plan_command, timing_of
from billing.api.changes import SOME_PRICE
from billing.api.running import RunningView
from billing.operations import plan_changes
from billing.operations.changing import Changed
from core.api.fields import DayField, InstantField, NumberField, TextField, WholeNumberField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import answer_json
from invoicing.domain.assembly import Proposal, ProposedLine

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
    lines = PreviewLineAnswer(many=True)


class PreviewAnswer(AnswerSerializer):
    """The documents a change would make now; none for one that waits."""

    documents = PreviewDocumentAnswer(many=True)


class _Preview(RunningView):
    """Works a change out and stores nothing."""

    def answer(self, changed: Changed | None) -> HttpResponse:
        """Answer the documents of a change that is worked out."""
        proposals = changed.proposals if changed is not None else ()
        documents = [PreviewDocumentAnswer().to_representation(_document(one)) for one in proposals]
        return answer_json({"documents": documents})


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
        return self.answer(plan_changes.preview_plan(subscription_id=subscription_id, command=command, now=asked.now))


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
        return self.answer(plan_changes.preview_plan(subscription_id=subscription_id, command=command, now=asked.now))


class SeatsPreview(_Preview):
    """`/subscription/{id}/seats/preview`."""

    @describe("Preview a number of seats", takes=SeatsInput, gives=PreviewAnswer, request_example={"seats": 5})
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """`seats` is the new total: what it comes to with `invoice_now`, whether that is sent or not."""
        asked = self.asked(subscription_id)
        values = self.read(SeatsInput)
        timing = timing_of(values, asked.zone)
        return self.answer(
            plan_changes.preview_seats(
                subscription_id=subscription_id, seats=values["seats"], timing=timing, now=asked.now
            )
        )


def _document(proposal: Proposal) -> Mapping[str, Any]:
    """Return a proposal as the document it would become."""
    sign = -1 if proposal.is_credit else 1
    document: dict[str, Any] = {
        "type": CREDIT_NOTE if proposal.is_credit else INVOICE,
        "currency": proposal.currency,
        "sub_total": sign * proposal.sub_total_minor,
        "tax_total": sign * proposal.tax_total_minor,
        "total": sign * proposal.total_minor,
        "balance_applied": proposal.balance_applied_minor,
        "amount_due": None if proposal.is_credit else proposal.amount_due_minor,
        "issue_date": proposal.occasion.issue_date,
        "due_date": None if proposal.is_credit else proposal.due_date,
    }
    return {**document, "lines": [_line(line, sign) for line in proposal.lines]}


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
