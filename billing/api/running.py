"""What every call has that acts on a subscription already there."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse

from billing.domain.ending import ended_agreements
from billing.operations.changing import Changed
from billing.tasks import hint_sweep
from core.api.views import ApiView, answer_json
from customers import queries as customers_queries
from subscriptions.api.serializers import SubscriptionAnswer
from subscriptions.queries import subscriptions as queries


@dataclass(frozen=True, slots=True)
class Asked:
    """The moment and the time zone of the customer whose subscription a call names."""

    now: datetime
    zone: str


class RunningView(ApiView):
    """A call that acts on a subscription. The money follows by rows: nothing is charged inside the request."""

    def asked(self, subscription_id: uuid.UUID) -> Asked:
        """Return the moment at the subscription's customer. Raises NotFound, before anything else is wrong."""
        customer = customers_queries.get_customer(queries.get_customer_id(subscription_id))
        return Asked(customers_queries.now_of(customer, self.now), customer.zone)

    def follow_up(self, made: Any) -> None:
        """Let a worker charge or pay out what a change came to, once it is committed."""
        if isinstance(made, Changed) and (made.outcome.proposals or ended_agreements(made.outcome.plan.steps)):
            hint_sweep()

    def answer_subscription(self, subscription_id: uuid.UUID, status: int = 200) -> HttpResponse:
        """Answer a subscription as it stands now."""
        return answer_json(SubscriptionAnswer().to_representation(queries.get_subscription(subscription_id)), status)
