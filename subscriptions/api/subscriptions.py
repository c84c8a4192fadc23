"""Subscriptions as they stand."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_json
from subscriptions.api.inputs import SubscriptionListParameters
from subscriptions.api.serializers import SubscriptionAnswer
from subscriptions.queries import subscriptions as queries
from subscriptions.queries.subscriptions import SubscriptionFilter


class SubscriptionList(ApiView):
    """`/subscription`."""

    parameters = {"GET": SubscriptionListParameters}

    @describe("List subscriptions", gives=SubscriptionAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        wanted = SubscriptionFilter(
            status=self.query.get("status", ""),
            customer_id=self.query.get("customer"),
            plan=self.query.get("plan", ""),
        )
        return self.list_of(queries.list_subscriptions(wanted), SubscriptionAnswer)


class SubscriptionDetail(ApiView):
    """`/subscription/{id}`."""

    @describe("Read a subscription", gives=SubscriptionAnswer)
    def get(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """One subscription."""
        return answer_json(SubscriptionAnswer().to_representation(queries.get_subscription(subscription_id)))


class CustomerSubscriptionList(ApiView):
    """`/customer/{id}/subscription`."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's subscriptions", gives=SubscriptionAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """All of them, unless a page is asked for."""
        return self.list_of(queries.list_subscriptions_of(customer_id), SubscriptionAnswer, whole_by_default=True)


class CustomerActiveList(ApiView):
    """`/customer/{id}/subscription/active`."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's active subscriptions", gives=SubscriptionAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Those that are active, in trial, waiting for their end, or overdue but open."""
        found = queries.list_subscriptions_of(customer_id, active_only=True)
        return self.list_of(found, SubscriptionAnswer, whole_by_default=True)
