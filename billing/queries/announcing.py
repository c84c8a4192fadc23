"""Reads of what there is to announce: found by indexes that no bill has to keep, judged by the pure code."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.domain.announcing import (
    AnnouncementKind,
    Window,
    card_month,
    charge_moment,
    renewal_moment,
    trial_moment,
)
from billing.models import Announcement
from core.rows import array_text, fetch_rows
from customers.models import PaymentMethod

WHO = """
JOIN customers_customer customer ON customer.id = {table}.customer_id
  AND customer.test_clock_id {clock}
  AND (customer.status = 'active' OR customer.disabled_by = 'usage_limit')
  AND (%(customers)s::uuid[] IS NULL OR customer.id = ANY(%(customers)s::uuid[]))
JOIN customers_brand brand ON brand.id = customer.brand_id
"""
ZONE = "coalesce(nullif(customer.time_zone, ''), brand.time_zone)"
TRIALS = """
SELECT subscription.customer_id, subscription.id, subscription.started_at, subscription.trial_end_at,
       brand.announce_trial_days, {zone}
FROM subscriptions_subscription subscription
{of_subscription}
WHERE subscription.status = 'trial_active' AND brand.announce_trial_days > 0
  AND subscription.trial_end_at > %(since)s
  AND subscription.trial_end_at <= %(until)s + (brand.announce_trial_days + 1) * interval '1 day'
  AND NOT EXISTS (SELECT FROM billing_announcement told WHERE told.subscription_id = subscription.id
                  AND told.kind = 'trial_ending' AND told.about_at = subscription.trial_end_at)
"""
# Terms are only ever added, so their index costs a renewal nothing; `LONG` is the condition of that index.
LONG = """
terms.phase = 'paid' AND (terms.interval = 'year' OR terms.interval = 'month' AND terms.interval_count >= 12
  OR terms.interval = 'week' AND terms.interval_count >= 52 OR terms.interval = 'day' AND terms.interval_count >= 365)
"""
RENEWALS = """
SELECT subscription.customer_id, subscription.id, subscription.current_period_start, subscription.current_period_end,
       brand.announce_renewal_days, {zone}
FROM subscriptions_subscriptionterms terms
JOIN subscriptions_subscription subscription ON subscription.id = terms.subscription_id
{of_subscription}
WHERE {long} AND brand.announce_renewal_days > 0
  AND subscription.status IN ('active', 'overdue_payment_open', 'pending_cancel')
  AND (subscription.cancel_at IS NULL OR subscription.cancel_at > subscription.current_period_end)
  AND subscription.current_period_end > %(since)s
  AND subscription.current_period_end <= %(until)s + (brand.announce_renewal_days + 1) * interval '1 day'
  AND NOT EXISTS (SELECT FROM subscriptions_subscriptionterms later
                  WHERE later.subscription_id = terms.subscription_id AND later.version > terms.version)
  AND NOT EXISTS (SELECT FROM billing_announcement told WHERE told.subscription_id = subscription.id
                  AND told.kind = 'renewal' AND told.about_at = subscription.current_period_end)
"""
EXPIRING = """
SELECT card.customer_id, card.id, card.expiry_year, card.expiry_month, card.created_at, {zone}
FROM customers_paymentmethod card
{of_card}
WHERE card.removed_at IS NULL AND card.expiry_year * 12 + card.expiry_month BETWEEN %(first)s AND %(last)s
  AND customer.billing_type = 'card' AND brand.announce_expiring_cards
  AND NOT EXISTS (SELECT FROM billing_announcement told WHERE told.payment_method_id = card.id
                  AND told.kind = 'card_month'
                  AND told.about_at = make_timestamptz(card.expiry_year, card.expiry_month, 1, 0, 0, 0, 'UTC'))
"""
CHARGED = """
SELECT card.customer_id, card.id, card.expiry_year, card.expiry_month, card.created_at, {zone}
FROM billing_announcement month
JOIN customers_paymentmethod card ON card.id = month.payment_method_id
{of_card}
WHERE month.kind = 'card_month' AND card.removed_at IS NULL
  AND month.about_at = make_timestamptz(card.expiry_year, card.expiry_month, 1, 0, 0, 0, 'UTC')
  AND customer.billing_type = 'card' AND brand.announce_expiring_cards
  AND NOT EXISTS (SELECT FROM billing_announcement told WHERE told.payment_method_id = card.id
                  AND told.kind = 'card_charge' AND told.about_at = month.about_at)
"""


# Asked of the few that the statements above found: a plan with all of it in one takes longer to make than to carry out.
COSTLY = """
SELECT DISTINCT item.subscription_id FROM subscriptions_subscriptionitem item
JOIN subscriptions_itemterms terms ON terms.item_id = item.id AND terms.quantity > 0
JOIN subscriptions_price price ON price.id = terms.price_id
WHERE item.subscription_id = ANY(%s::uuid[])
  AND NOT EXISTS (SELECT FROM subscriptions_itemterms later
                  WHERE later.item_id = item.id AND later.version > terms.version)
  AND (price.unit_price > 0 OR price.rate > 0 OR price.fixed > 0 OR price.minimum_minor > 0
       OR price.minimum_commitment_minor > 0 OR price.tiers <> '[]')
"""
# What is charged to a card: subscriptions that name it, or name none that is left, where it is the default.
CHARGED_TO = """
SELECT card.id, subscription.id, subscription.next_due_at
FROM customers_paymentmethod card
JOIN subscriptions_subscription subscription ON subscription.customer_id = card.customer_id
JOIN subscriptions_plan plan ON plan.id = subscription.plan_id
LEFT JOIN customers_paymentmethod own ON own.id = subscription.payment_method_id AND own.removed_at IS NULL
WHERE card.id = ANY(%s::uuid[]) AND subscription.next_due_at IS NOT NULL
  AND subscription.status IN ('active', 'overdue_payment_open', 'pending_cancel', 'trial_active')
  AND NOT (subscription.status = 'trial_active' AND plan.is_trial_standalone)
  AND (subscription.cancel_at IS NULL OR subscription.cancel_at > subscription.next_due_at)
  AND (own.id = card.id OR own.id IS NULL AND card.is_default)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """Something to announce at `at`: of which subscription or card, about which moment; `charge_at` of a card."""

    kind: AnnouncementKind
    customer_id: uuid.UUID
    object_id: uuid.UUID
    about_at: datetime
    at: datetime
    charge_at: datetime | None = None


def list_due(
    window: Window, *, test_clock_id: uuid.UUID | None, customer_ids: Iterable[uuid.UUID] | None = None
) -> list[Due]:
    """Return what is to be announced in a window; nothing is locked.

    Four statements, and three about what they find. The charge of a card comes once its month was announced.
    """
    ask = _Asking(window, test_clock_id, customer_ids)
    return [*_trials(ask), *_renewals(ask), *_cards(ask)]


def is_expiry_announced(card: PaymentMethod) -> bool:
    """Tell whether it was announced that a card expires in the month that it says now."""
    if card.expiry_year is None or card.expiry_month is None:
        return False
    about_at = _first_of(card.expiry_year, card.expiry_month)
    return Announcement.objects.filter(
        payment_method=card, kind=Announcement.Kind.CARD_MONTH, about_at=about_at
    ).exists()


class _Asking:
    """Asks a statement for the customers of a clock, or some of them."""

    def __init__(
        self, window: Window, test_clock_id: uuid.UUID | None, customer_ids: Iterable[uuid.UUID] | None
    ) -> None:
        self.window = window
        self._clock = test_clock_id
        # No zone is more than 14 hours from UTC: the months that run anywhere in the window.
        first, last = window.since - timedelta(hours=14), window.until + timedelta(hours=14)
        self._parameters = {
            "since": window.since,
            "until": window.until,
            "clock": test_clock_id,
            "customers": None if customer_ids is None else array_text(customer_ids),
            "first": first.year * 12 + first.month,
            "last": last.year * 12 + last.month,
        }

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of one of the statements above."""
        clock = "IS NULL" if self._clock is None else "= %(clock)s"
        parts = {
            "of_subscription": WHO.format(table="subscription", clock=clock),
            "of_card": WHO.format(table="card", clock=clock),
            "zone": ZONE,
            "long": LONG,
        }
        return fetch_rows(statement.format(**parts), self._parameters)


def _trials(ask: _Asking) -> list[Due]:
    found = []
    for customer_id, subscription_id, started_at, ends_at, days, zone in ask.rows(TRIALS):
        at = ask.window.told_at(trial_moment(started_at, ends_at, days, zone), ends_at)
        if at is not None:
            found.append(Due(AnnouncementKind.TRIAL_ENDING, customer_id, subscription_id, ends_at, at))
    return found


def _renewals(ask: _Asking) -> list[Due]:
    found = []
    for customer_id, subscription_id, period_start, renews_at, days, zone in ask.rows(RENEWALS):
        moment = renewal_moment(period_start, renews_at, days, zone)
        at = None if moment is None else ask.window.told_at(moment, renews_at)
        if at is not None:
            found.append(Due(AnnouncementKind.RENEWAL, customer_id, subscription_id, renews_at, at))
    costly = _costly(one.object_id for one in found)
    return [one for one in found if one.object_id in costly]


def _cards(ask: _Asking) -> list[Due]:
    """Return the cards to announce: their months, and the charges of those whose month was announced."""
    expiring, charged = ask.rows(EXPIRING), ask.rows(CHARGED)
    charges = _charges_ahead(row[1] for row in (*expiring, *charged))
    found = []
    for customer_id, card_id, year, month, created_at, zone in expiring:
        begins_at, over_at = card_month(year, month, zone)
        at = ask.window.told_at(begins_at, over_at)
        # Whoever gave a card in its last month has read what it says.
        if at is not None and card_id in charges and created_at < begins_at:
            kind = AnnouncementKind.CARD_MONTH
            found.append(Due(kind, customer_id, card_id, _first_of(year, month), at, charges[card_id]))
    for customer_id, card_id, year, month, _, zone in charged:
        charge_at = charges.get(card_id)
        begins_at, _ = card_month(year, month, zone)
        moment = None if charge_at is None else charge_moment(begins_at, charge_at, zone)
        at = None if moment is None or charge_at is None else ask.window.told_at(moment, charge_at)
        if at is not None:
            kind = AnnouncementKind.CARD_CHARGE
            found.append(Due(kind, customer_id, card_id, _first_of(year, month), at, charge_at))
    return found


def _charges_ahead(card_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when each of some cards is charged next; one that nothing is charged to is left out."""
    ids = set(card_ids)
    rows = fetch_rows(CHARGED_TO, [array_text(ids)]) if ids else []
    costly = _costly(subscription_id for _, subscription_id, _ in rows)
    found: dict[uuid.UUID, datetime] = {}
    for card_id, subscription_id, due_at in rows:
        if subscription_id in costly:
            found[card_id] = min(found.get(card_id, due_at), due_at)
    return found


def _costly(subscription_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some subscriptions that could cost something."""
    ids = set(subscription_ids)
    return {row[0] for row in fetch_rows(COSTLY, [array_text(ids)])} if ids else set()


def _first_of(year: int, month: int) -> datetime:
    """Return how a card's last month is written in its announcements."""
    return datetime(year, month, 1, tzinfo=UTC)
