"""Rows of what was agreed."""

from subscriptions.models.catalogue import Feature, Metric, MetricFilter, Plan, PlanLimit, Price, Product, TaxType
from subscriptions.models.pending_change import PendingChange
from subscriptions.models.subscription import (
    ItemTerms,
    Subscription,
    SubscriptionEvent,
    SubscriptionItem,
    SubscriptionTerms,
)
from subscriptions.models.voucher import RedemptionPeriod, Voucher, VoucherAmount, VoucherRedemption

__all__ = [
    "Feature",
    "ItemTerms",
    "Metric",
    "MetricFilter",
    "PendingChange",
    "Plan",
    "PlanLimit",
    "Price",
    "Product",
    "RedemptionPeriod",
    "Subscription",
    "SubscriptionEvent",
    "SubscriptionItem",
    "SubscriptionTerms",
    "TaxType",
    "Voucher",
    "VoucherAmount",
    "VoucherRedemption",
]
