"""Changing a customer: what it changes may reach its subscriptions."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.operations import customers
from billing.operations.erasing import erase_customer
from billing.tasks import hint_sweep
from core.api.schema import describe
from core.api.views import ApiView, answer_json, answer_null
from core.domain.access import Scope
from customers import queries
from customers.api import views
from customers.api.serializers import CustomerAnswer, CustomerInput, customer_facts


class CustomerDetail(views.CustomerDetail):
    """`/customer/{id}`."""

    scopes = {"DELETE": Scope.ADMIN}

    @describe("Change a customer", takes=CustomerInput, changes=True, gives=CustomerAnswer, status=202)
    def put(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """What is left out stays. null clears what may be null; "" and {} clear the rest.

        Another time zone counts from the next boundary of each running subscription.
        """
        queries.require_customer(customer_id)
        changes = customer_facts(self.read(CustomerInput, partial=True))
        customer = customers.update_customer(customer_id, changes, actor=self.actor, now=self.now)
        if "time_zone" in changes or "brand_id" in changes:
            hint_sweep()
        return answer_json(CustomerAnswer().to_representation(customer), 202)

    @describe("Erase a customer", status=202, errors=(409, 503))
    def delete(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Its subscriptions end at once, its cards are removed at the provider, and what tells who it was is blanked.

        Outstanding usage is billed first; finalised invoices stay as they were issued.
        """
        erase_customer(customer_id, actor=self.actor, now=self.now)
        hint_sweep()
        return answer_null(202)


class CustomerEnable(ApiView):
    """`/customer/{id}/enable`."""

    @describe("Enable a customer", status=202)
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """It has its entitlements again, and subscriptions that dunning took out of service go on.

        Boundaries passed meanwhile are not billed; what is overdue stays owed.
        """
        customers.enable_customer(customer_id, actor=self.actor, now=self.now)
        return answer_null(202)
