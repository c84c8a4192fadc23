"""What a customer may use."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.schema import describe
from core.api.views import ApiView, answer_json
from subscriptions.api.serializers import EntitlementsAnswer
from subscriptions.queries.entitlements import get_entitlements


class CustomerLimits(ApiView):
    """`/customer/{id}/limits`."""

    @describe("Read what a customer may use", gives=EntitlementsAnswer)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """By its active subscriptions: limits and users add up, features are a union; nothing when disabled."""
        return answer_json(EntitlementsAnswer().to_representation(get_entitlements(customer_id)))
