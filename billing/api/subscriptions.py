"""Starting subscriptions."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.inputs import StartInput, TrialInput, start_request
from billing.operations.start import StartCommand
from billing.operations.start_requests import StartRequest, start_for_request
from core.api.schema import describe
from core.api.views import ApiView, answer_json
from core.errors import Invalid
from customers import queries as customers_queries
from subscriptions.api.serializers import SubscriptionAnswer
from subscriptions.models import Plan, Price
from subscriptions.queries import subscriptions as queries


def _started(subscription_id: uuid.UUID) -> HttpResponse:
    subscription = queries.get_subscription(subscription_id)
    body = SubscriptionAnswer().to_representation(subscription)
    return answer_json(body, 201, location=f"/api/v1/subscription/{subscription_id}")


class SubscriptionStart(ApiView):
    """`/customer/{id}/subscription/start`."""

    calls_provider = True

    @describe(
        "Start a subscription",
        takes=StartInput,
        gives=SubscriptionAnswer,
        status=201,
        errors=(402, 406, 503),
        request_example={"subscription_plan": "team", "schedule": "month", "currency": "EUR", "seat_number": 5},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """With a price, or schedule and currency that pick the plan's only public one.

        402 when the card is declined: then nothing has started. 406 without a card to charge. While the outcome of
        the charge is unknown the status is `incomplete`.
        """
        customer = customers_queries.get_customer(customer_id)
        values = self.read(StartInput)
        subscription = start_for_request(
            start_request(values, customer), now=customers_queries.now_of(customer, self.now), actor=self.actor
        )
        return _started(subscription.id)


class TrialStart(ApiView):
    """`/customer/{id}/subscription/trial`."""

    calls_provider = True

    @describe(
        "Start a trial",
        takes=TrialInput,
        gives=SubscriptionAnswer,
        status=201,
        errors=(503,),
        request_example={"subscription_plan": "team", "trial_length_days": 14},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """400 when the customer has had this plan's trial."""
        customer = customers_queries.get_customer(customer_id)
        values = self.read(TrialInput)
        plan: Plan = values["subscription_plan"]
        price = values.get("price") or _only_price(plan)
        command = StartCommand(
            plan=str(plan.id),
            price_id=price.id,
            seats=values.get("seat_number", 1),
            card_token=values.get("card_token", ""),
            trial=True,
            trial_days=values.get("trial_length_days"),
            metadata=values.get("metadata", {}),
        )
        subscription = start_for_request(
            StartRequest(customer.id, command, plan.id, price.currency),
            now=customers_queries.now_of(customer, self.now),
            actor=self.actor,
        )
        return _started(subscription.id)


def _only_price(plan: Plan) -> Price:
    """Return the price a trial will go on with: the plan's first public recurring one. Raises Invalid."""
    live = plan.prices.filter(public=True, retired_at__isnull=True).exclude(interval=Price.Interval.ONE_OFF)
    price = live.order_by("id").first()
    if price is None:
        raise Invalid("The plan has no public price.", fields={"price": "is required: the plan has no public price"})
    return price
