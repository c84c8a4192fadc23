"""What is left of metered features, as Flowglad's usage meters show it."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from core.domain.period import Period
from integrations.domain import flowglad as shapes
from integrations.queries.agreed import Agreed
from subscriptions.models import PlanLimit
from subscriptions.queries import terms
from usage.domain.running import running_metrics
from usage.domain.window import UsageWindow
from usage.queries import list_usage_figures

MeterBalances = Mapping[uuid.UUID, list[shapes.UsageMeterBalance]]


def read_balances(agreed: Sequence[Agreed], now: datetime) -> MeterBalances:
    """Return, by subscription, what is left in the running period of each feature that a metric of its code counts.

    A plan's limit says how much there is; without such features nothing is asked. `now` is the customer's own moment.
    """
    limited = {one.subscription.id: _limits(one) for one in agreed}
    metered = {one.subscription.id: one for one in agreed if limited[one.subscription.id]}
    if not metered:
        return {}
    windows: dict[tuple[uuid.UUID, uuid.UUID], UsageWindow] = {}
    for agreement in terms.list_agreements(list(metered)):
        row_id = agreement.subscription_id
        row = metered[row_id].subscription
        start, end = row.current_period_start, row.current_period_end or now
        period = Period(start, end) if start < end else None
        for metric in running_metrics(agreement, period, now):
            if metric.terms.metric_id in limited[row_id]:
                key = (row_id, metric.terms.metric_id)
                windows[key] = replace(metric.window(row_id), key=key)
    figures = list_usage_figures(list(windows.values()))
    found: dict[uuid.UUID, list[shapes.UsageMeterBalance]] = {}
    for row_id, metric_id in windows:
        limit = limited[row_id][metric_id]
        left = max(0, limit.limit - int(figures[row_id, metric_id].quantity))
        balance = shapes.UsageMeterBalance(slug=limit.feature.code, name=limit.feature.name, available_balance=left)
        found.setdefault(row_id, []).append(balance)
    return found


def _limits(agreed: Agreed) -> dict[uuid.UUID, PlanLimit]:
    """Return, by metric, the limits of the plan's features that its prices measure: feature and metric share a code."""
    metrics = {item.price.metric.code: item.price.metric.id for item in agreed.items if item.price.metric is not None}
    limits = agreed.subscription.plan.limits.all()
    return {metrics[one.feature.code]: one for one in limits if one.feature.code in metrics}
