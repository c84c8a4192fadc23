"""Paths of the catalogue, vouchers and subscriptions, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from subscriptions.api import catalogue, entitlements, plans, subscriptions, vouchers

urlpatterns = [
    path("product", catalogue.ProductList.as_view()),
    path("product/<id:product_id>", catalogue.ProductDetail.as_view()),
    path("product/<id:product_id>/price", catalogue.ProductPriceList.as_view()),
    path("price", catalogue.PriceList.as_view()),
    path("price/<id:price_id>", catalogue.PriceDetail.as_view()),
    path("tax/type", catalogue.TaxTypeList.as_view()),
    path("tax/type/<id:tax_type_id>", catalogue.TaxTypeDetail.as_view()),
    path("plan", plans.PlanList.as_view()),
    path("plan/<id:plan_id>", plans.PlanDetail.as_view()),
    path("subscription", subscriptions.SubscriptionList.as_view()),
    path("subscription/plans", plans.SubscriptionPlanList.as_view()),
    path("subscription/<id:subscription_id>", subscriptions.SubscriptionDetail.as_view()),
    path("customer/<id:customer_id>/subscription", subscriptions.CustomerSubscriptionList.as_view()),
    path("customer/<id:customer_id>/subscription/active", subscriptions.CustomerActiveList.as_view()),
    path("customer/<id:customer_id>/limits", entitlements.CustomerLimits.as_view()),
    path("feature", plans.FeatureList.as_view()),
    path("feature/<id:feature_id>", plans.FeatureDetail.as_view()),
    path("metric", plans.MetricList.as_view()),
    path("metric/<id:metric_id>", plans.MetricDetail.as_view()),
    path("voucher", vouchers.VoucherList.as_view()),
    path("voucher/<id:voucher_id>", vouchers.VoucherDetail.as_view()),
    path("voucher/<id:voucher_id>/disable", vouchers.VoucherDisable.as_view()),
    path("voucher/<id:voucher_id>/enable", vouchers.VoucherEnable.as_view()),
    path("voucher/<id:voucher_id>/redemption", vouchers.VoucherRedemptionList.as_view()),
    path("customer/<id:customer_id>/voucher", vouchers.CustomerVoucher.as_view()),
    path("customer/<id:customer_id>/voucher/<id:redemption_id>", vouchers.CustomerVoucherDetail.as_view()),
]
