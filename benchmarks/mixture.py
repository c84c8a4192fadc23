"""Customers unlike each other: changes of seats and prices, vouchers, businesses and consumers of several countries."""

from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from benchmarks.databases import tidy
from benchmarks.processes import Gate
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.models import TaxCountry, TaxRule
from subscriptions.models import Plan, Price, TaxType, Voucher

# Everybody's place among twenty decides what happens to them.
NUMBERED = """
CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
SELECT s.id AS subscription_id, s.customer_id, s.current_period_start AS period_start,
       s.current_period_end AS period_end,
       row_number() OVER (ORDER BY s.id) %% 20 AS place
FROM subscriptions_subscription s
"""
PLACES = """
UPDATE customers_customer customer SET
    country = (ARRAY['DE', 'DE', 'DE', 'FR', 'IT', 'NL', 'US', 'GB', 'CH', 'ES'])[1 + place / 2],
    type = CASE WHEN place %% 2 = 1 THEN 'business' ELSE 'individual' END,
    tax_number = CASE WHEN place = 7 THEN 'FR40303265045' ELSE '' END,
    tax_number_check = CASE WHEN place = 7 THEN 'format' ELSE '' END
FROM numbered WHERE numbered.customer_id = customer.id
"""
SEATS = """
INSERT INTO subscriptions_itemterms
    (id, item_id, version, from_at, price_id, quantity, delta, change, proration, actor, recorded_at)
SELECT gen_random_uuid(), item.id, 2, period_start + interval '10 days', terms.price_id, 7, 2, 'added', '', '',
       period_start + interval '10 days'
FROM numbered JOIN subscriptions_subscriptionitem item USING (subscription_id)
JOIN subscriptions_itemterms terms ON terms.item_id = item.id
WHERE place IN (0, 3, 6, 9, 12, 15, 18) AND item.position = 1
"""
PRICES = """
INSERT INTO subscriptions_itemterms
    (id, item_id, version, from_at, price_id, quantity, delta, change, proration, actor, recorded_at)
SELECT gen_random_uuid(), item.id, 2, period_start + interval '12 days', %(price)s, 1, 0, 'price', 'day', '',
       period_start + interval '12 days'
FROM numbered JOIN subscriptions_subscriptionitem item USING (subscription_id)
WHERE place IN (1, 11) AND item.position = 0
"""
WAITING = """
INSERT INTO subscriptions_pendingchange
    (id, subscription_id, kind, due_at, at_boundary, plan_id, price_id, proration, actor, created_at, outcome, failure)
SELECT gen_random_uuid(), subscription_id, 'plan', period_end, true, %(plan)s, %(price)s, '', '', period_start, '', ''
FROM numbered WHERE place IN (2, 5, 8)
"""
REDEEMED = """
INSERT INTO subscriptions_voucherredemption (id, voucher_id, customer_id, remaining, redeemed_at)
SELECT gen_random_uuid(), %(voucher)s, customer_id, %(remaining)s, period_start
FROM numbered WHERE place = ANY(%(places)s)
"""
COUNTRIES = (("FR", "20", True), ("IT", "22", True), ("NL", "21", True), ("ES", "21", True), ("GB", "20", False))


def mix(gate: Gate, first_run_at: datetime) -> None:
    """Bill everybody once, then let things happen to them before the next run."""
    gate()
    run_billing(Scope(as_of=first_run_at, now=first_run_at))
    plan = Plan.objects.get()
    dearer = Price.objects.create(
        product=plan.product,
        type="fixed_price",
        unit_price=Decimal(6900),
        currency="EUR",
        interval="month",
        created_at=first_run_at,
    )
    plan.prices.add(dearer)
    tenth = Voucher.objects.create(
        code="TENTH", name="Tenth", type="percentage", percent=Decimal(10), duration="forever", created_at=first_run_at
    )
    thrice = Voucher.objects.create(
        code="THRICE",
        name="Thrice",
        type="percentage",
        percent=Decimal("12.5"),
        duration="repeating",
        duration_count=3,
        created_at=first_run_at,
    )
    _add_countries(first_run_at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NUMBERED, [])
        cursor.execute(PLACES, [])
        cursor.execute(SEATS)
        cursor.execute(PRICES, {"price": dearer.id})
        cursor.execute(WAITING, {"plan": plan.id, "price": dearer.id})
        cursor.execute(REDEEMED, {"voucher": tenth.id, "remaining": None, "places": [4, 10, 14]})
        cursor.execute(REDEEMED, {"voucher": thrice.id, "remaining": 3, "places": [6, 16]})
    tidy()


def _add_countries(now: datetime) -> None:
    """Add the countries that are sold to, none of them collecting yet."""
    tax_type = TaxType.objects.get()
    for code, rate, in_eu in COUNTRIES:
        country = TaxCountry.objects.create(code=code, name=code, collecting=False, in_eu=in_eu, created_at=now)
        TaxRule.objects.create(
            country=country, tax_type=tax_type, rate=Decimal(rate), valid_from=now.date(), created_at=now
        )
