"""What customers' usage costs so far in the periods that run, by a constant number of statements."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from customers import queries as customers_queries
from subscriptions.queries import terms
from usage.domain.running import RunningCost, is_usage_based, running_stretches
from usage.queries.figures import list_usage_figures


@dataclass(frozen=True, slots=True)
class CustomerCosts:
    """The running costs of one customer; `currency` is that of its newest subscription that measures something."""

    currency: str
    costs: tuple[RunningCost, ...]

    @property
    def total_minor(self) -> int:
        """Return what they come to in the currency of the newest subscription."""
        return sum(cost.amount_minor for cost in self.costs if cost.currency == self.currency)


def find_customer_costs(customer_id: uuid.UUID, *, wall_now: datetime) -> CustomerCosts | None:
    """Return what a customer's usage costs so far, None when no subscription measures anything. Raises NotFound."""
    customer = customers_queries.get_customer(customer_id)
    now = customers_queries.now_of(customer, wall_now)
    agreements = [one for one in terms.list_due_agreements([customer_id]) if is_usage_based(one, now)]
    if not agreements:
        return None
    newest = max(agreements, key=lambda agreement: agreement.subscription_id)
    return CustomerCosts(newest.currency, list_running_costs({customer_id: now}).get(customer_id, ()))


def list_running_costs(moments: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, tuple[RunningCost, ...]]:
    """Return the running costs of customers, each at its own moment; those who use nothing by measure are left out."""
    running = [
        (agreement.customer_id, stretch)
        for agreement in terms.list_due_agreements(list(moments))
        for stretch in running_stretches(agreement, moments[agreement.customer_id])
    ]
    figures = list_usage_figures([window for _, stretch in running for window in stretch.rated.windows()])
    found: dict[uuid.UUID, list[RunningCost]] = {}
    for customer_id, stretch in running:
        found.setdefault(customer_id, []).append(stretch.cost(figures))
    return {customer_id: tuple(costs) for customer_id, costs in found.items()}
