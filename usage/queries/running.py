"""What a subscription has used in its running period, at this moment."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from core.domain.period import Period
from core.errors import NotFound
from customers.queries import now_of
from subscriptions.models import Subscription
from subscriptions.queries import terms
from usage.domain.aggregation import UsageFigure
from usage.domain.running import RunningMetric, running_metrics
from usage.queries.figures import list_usage_figures


@dataclass(frozen=True, slots=True)
class RunningUsage:
    """The period that runs, and the figure of each metric that its prices measure."""

    subscription_id: uuid.UUID
    period: Period | None
    figures: tuple[tuple[RunningMetric, UsageFigure], ...]


def get_running_usage(subscription_id: uuid.UUID, *, wall_now: datetime) -> RunningUsage:
    """Return the usage of a subscription by metric, live, by a constant number of statements.

    A customer on a test clock has its present. Raises NotFound.
    """
    subscription = Subscription.objects.select_related("customer__test_clock").filter(id=subscription_id).first()
    agreements = terms.list_agreements([subscription_id])
    if subscription is None or not agreements:
        raise NotFound(f"No subscription has the id {subscription_id}.")
    now = now_of(subscription.customer, wall_now)
    start, end = subscription.current_period_start, subscription.current_period_end or now
    period = Period(start, end) if start < end else None
    asked = list(running_metrics(agreements[0], period, now))
    figures = list_usage_figures([one.window(subscription_id) for one in asked])
    return RunningUsage(subscription_id, period, tuple((one, figures[one]) for one in asked))
