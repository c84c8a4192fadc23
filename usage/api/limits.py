"""What a customer's usage costs so far, and the limits it is weighed against."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_json, answer_null
from customers import queries as customers_queries
from usage.api.serializers import CostsAnswer, UsageLimitAnswer, UsageLimitInput
from usage.operations import limits as operations
from usage.queries import limits as queries
from usage.queries.costs import find_customer_costs

NO_USAGE = "No subscription of the customer is usage based."


class CustomerCosts(ApiView):
    """`/customer/{id}/costs`."""

    @describe(
        "Read what a customer's usage costs so far",
        gives=CostsAnswer,
        errors_in_array={422: "No subscription of the customer is usage based."},
    )
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """In the periods that run, at this moment, before discounts and tax.

        422 with an array of one error when no subscription is usage based.
        """
        found = find_customer_costs(customer_id, wall_now=self.now)
        if found is None:
            return answer_json([{"code": 422, "message": NO_USAGE, "error": "not_usage_based"}], 422)
        total = {"amount": found.total_minor, "currency": found.currency}
        costs = {"costs": found.costs, "cost": total, "total": total}
        return answer_json(CostsAnswer().to_representation(costs))


class CustomerUsageLimitList(ApiView):
    """`/customer/{id}/usage-limit`, and by its other spellings."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's usage limits", gives=UsageLimitAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """All of them, unless a page is asked for."""
        return self.list_of(queries.list_limits(customer_id), UsageLimitAnswer, whole_by_default=True)

    @describe(
        "Limit what a customer's usage may cost",
        takes=UsageLimitInput,
        gives=UsageLimitAnswer,
        status=201,
        request_example={"amount": 2000, "action": "WARNING"},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Weighed when events are stored: once a period `usage.warning`, or `usage.limit_reached` and disabled."""
        customers_queries.require_customer(customer_id)
        values = self.read(UsageLimitInput)
        limit = operations.create_limit(
            customer_id=customer_id,
            amount_minor=values["amount"],
            action=values["action"].lower(),
            name=values.get("name", ""),
            actor=self.actor,
            now=self.now,
        )
        return answer_json(UsageLimitAnswer().to_representation(limit), 201)


class CustomerUsageLimitDetail(ApiView):
    """`/customer/{id}/usage-limit/{limitId}`, and by its other spellings."""

    @describe("Lift a usage limit")
    def delete(self, request: Request, customer_id: uuid.UUID, limit_id: uuid.UUID) -> HttpResponse:
        """A customer that it disabled stays so until enabled."""
        operations.delete_limit(customer_id=customer_id, limit_id=limit_id, actor=self.actor, now=self.now)
        return answer_null(200)
