"""Disputes: payments that a customer's bank takes back, or asks about."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.models import Dispute
from billing.queries import disputes as queries
from core.api.fields import IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_json
from customers.api.serializers import CustomerAnswer


class DisputeAnswer(AnswerSerializer):
    """A dispute of a payment, as the provider last told; in minor units."""

    nullable = frozenset({"respond_by", "closed_at"})

    id = IdField()
    payment_id = IdField()
    amount = WholeNumberField(source="amount_minor", help_text="What is disputed.")
    held = WholeNumberField(source="held_minor", help_text="What the provider took back and keeps.")
    fee = WholeNumberField(source="fee_minor", help_text="What the dispute costs.")
    currency = TextField()
    status = WordField(Dispute.Status.choices)
    reason = TextField(help_text="The provider's word for it.")
    external_reference = TextField(help_text="The provider's.")
    respond_by = InstantField(help_text="Until when the provider takes evidence.")
    created_at = InstantField(source="opened_at")
    closed_at = InstantField()
    customer = CustomerAnswer()


class DisputeListParameters(ListParameters):
    """What disputes are narrowed by."""

    status = WordField(Dispute.Status.choices, required=False)
    customer = IdField(required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


class DisputeList(ApiView):
    """`/dispute`."""

    parameters = {"GET": DisputeListParameters}

    @describe("List disputes", gives=DisputeAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first. Evidence is given at the provider."""
        plain = {"status": "status", "created_from": "opened_at__gte", "created_to": "opened_at__lt"}
        disputes = queries.list_disputes(self.query.get("customer"))
        disputes = disputes.filter(**{column: self.query[name] for name, column in plain.items() if name in self.query})
        return self.list_of(disputes, DisputeAnswer)


class DisputeDetail(ApiView):
    """`/dispute/{id}`."""

    @describe("Read a dispute", gives=DisputeAnswer)
    def get(self, request: Request, dispute_id: uuid.UUID) -> HttpResponse:
        """One dispute."""
        return answer_json(DisputeAnswer().to_representation(queries.get_dispute(dispute_id)))
