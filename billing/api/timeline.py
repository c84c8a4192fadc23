"""Everything that happened to a subscription."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.queries.timeline import KINDS, list_timelines
from core.api.fields import IdField, InstantField, TextField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_json
from subscriptions.queries import subscriptions as queries


class HappeningAnswer(AnswerSerializer):
    """One step of a subscription's history."""

    at = InstantField(help_text="When it holds from; planned terms lie ahead.")
    kind = WordField(KINDS)
    what = TextField()
    details = TextField()
    actor = TextField(help_text="Who is behind it.")
    object_id = IdField(help_text="The invoice, credit note, item or change it tells of.")


class TimelineAnswer(AnswerSerializer):
    """What happened, oldest first."""

    data = HappeningAnswer(many=True)  # type: ignore[assignment]  # DRF takes the field off the class


class Timeline(ApiView):
    """`/subscription/{id}/timeline`."""

    @describe("Read a subscription's timeline", gives=TimelineAnswer)
    def get(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """Terms, items, seats, statuses, planned changes and what became of them, documents, dunning; oldest first."""
        queries.get_subscription(subscription_id)
        happenings = list_timelines([subscription_id])[subscription_id]
        return answer_json({"data": [HappeningAnswer().to_representation(one) for one in happenings]})
