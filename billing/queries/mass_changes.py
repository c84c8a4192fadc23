"""Reads of mass changes: whom one is about, what it would move, how far it has come."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from billing.domain.mass_change import MonthlyChange, Moved, monthly_changes, moved, price_in_place_of
from billing.models import MassChange, MassChangePart
from core.errors import NotFound
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange
from subscriptions.domain.lifecycle import ACTIVE_STATUSES, LIVE_STATUSES, Status
from subscriptions.domain.terms import Agreement, PriceTerms
from subscriptions.models import ItemTerms, Plan, Price, Subscription
from subscriptions.queries.terms import list_agreements, list_price_terms

CHUNK = 500
CHANGEABLE_STATUSES = LIVE_STATUSES - {Status.INCOMPLETE, Status.TRIAL_ENDED}
"""What takes part; what is paused or disabled then is told as failed."""


@dataclass(frozen=True, slots=True)
class MassWanted:
    """Whom a mass change is about (at least one filter), and what they get (a plan, a price, or both).

    `test_clock_id` None is everybody on the wall clock.
    """

    plan_id: uuid.UUID | None = None
    price_id: uuid.UUID | None = None
    brand_id: uuid.UUID | None = None
    country: str = ""
    new_plan_id: uuid.UUID | None = None
    new_price_id: uuid.UUID | None = None
    test_clock_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a mass change would move if it were made now, and how many subscriptions could not take it, by reason."""

    subscriptions: int
    changes: tuple[MonthlyChange, ...]
    impossible: tuple[tuple[str, int], ...]


def wanted_by(mass_change: MassChange) -> MassWanted:
    """Return what a stored mass change is about."""
    return MassWanted(**{name: getattr(mass_change, name) for name in MassWanted.__dataclass_fields__})


def list_matching(wanted: MassWanted) -> QuerySet[Subscription]:
    """Return the subscriptions a mass change is about, oldest first: live ones that do not have the new terms yet."""
    held_price = ItemTerms.objects.filter(item__subscription=OuterRef("pk"), item__position=0).order_by("-version")
    found = Subscription.objects.filter(
        status__in=CHANGEABLE_STATUSES, customer__test_clock_id=wanted.test_clock_id
    ).annotate(held_price_id=Subquery(held_price.values("price_id")[:1]))
    narrowed = {
        "plan_id": wanted.plan_id,
        "held_price_id": wanted.price_id,
        "customer__brand_id": wanted.brand_id,
        "customer__country": wanted.country or None,
    }
    found = found.filter(**{name: value for name, value in narrowed.items() if value is not None})
    new = {"plan_id": wanted.new_plan_id, "held_price_id": wanted.new_price_id}
    found = found.exclude(**{name: value for name, value in new.items() if value is not None})
    return found.order_by("id")


def list_offered(plan_id: uuid.UUID) -> tuple[PriceTerms, ...]:
    """Return a plan's live public prices."""
    ids = Price.objects.filter(plans=plan_id, public=True, retired_at__isnull=True).order_by("id")
    terms = list_price_terms(ids.values_list("id", flat=True))
    return tuple(terms.values())


def estimate(wanted: MassWanted, now: datetime) -> Estimate:
    """Return what a mass change would move a month if it were made at `now`; nothing is written.

    Every subscription's own terms are changed in thought, by the code that changes them.
    """
    offer = _Offer.of(wanted)
    moves: list[Moved] = []
    impossible: Counter[str] = Counter()
    for agreement in _each(list_matching(wanted)):
        try:
            moves.append(moved(agreement, change.change_price(agreement, offer.to(agreement), now)))
        except InvalidAgreement as refusal:
            impossible[refusal.message] += 1
    return Estimate(len(moves) + impossible.total(), monthly_changes(moves), tuple(impossible.most_common()))


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a mass change offers: the price it names, or the new plan's to choose from; and which plan sells what."""

    plan_id: uuid.UUID | None
    price: PriceTerms | None
    offered: tuple[PriceTerms, ...]
    plans: dict[uuid.UUID, Plan]
    sold: frozenset[tuple[uuid.UUID, uuid.UUID]]

    @classmethod
    def of(cls, wanted: MassWanted) -> "_Offer":
        """Read what a mass change offers."""
        price = list_price_terms([wanted.new_price_id])[wanted.new_price_id] if wanted.new_price_id else None
        return cls(
            wanted.new_plan_id,
            price,
            list_offered(wanted.new_plan_id) if wanted.new_plan_id is not None else (),
            {plan.id: plan for plan in Plan.objects.all()},
            frozenset(Plan.prices.through.objects.values_list("plan_id", "price_id")),
        )

    def to(self, agreement: Agreement) -> PriceChange:
        """Return what one subscription would get. Raises InvalidAgreement for what the change itself would refuse."""
        if agreement.status not in ACTIVE_STATUSES:
            raise InvalidAgreement("status", f"The subscription is {agreement.status}.")
        plan = self.plans[self.plan_id or agreement.current.plan_id]
        price = self.price or price_in_place_of(agreement.items[0].versions[-1].price, self.offered)
        if (plan.id, price.price_id) not in self.sold:
            raise InvalidAgreement("price", "The price is not one of the plan's.")
        if price.currency != agreement.currency:
            raise InvalidAgreement("price", "Another currency begins with the next cycle only.")
        return PriceChange(plan.id, plan.name, price, None if plan.per_seat else 1)


def _each(matching: QuerySet[Subscription]) -> Iterator[Agreement]:
    """Yield the agreements of matching subscriptions, read so many at a time."""
    ids = matching.values_list("id", flat=True).iterator(chunk_size=CHUNK)
    while chunk := list(islice(ids, CHUNK)):
        yield from list_agreements(chunk)


def list_mass_changes() -> QuerySet[MassChange]:
    """Return mass changes, newest first, each with how many of its subscriptions came to what."""
    outcomes = MassChangePart.Outcome
    counts = {str(name): Count("parts", filter=Q(parts__outcome=name)) for name in outcomes.values}
    related = MassChange.objects.select_related("plan", "price", "brand", "new_plan", "new_price")
    return related.annotate(**counts).order_by("-id")


def get_mass_change(mass_change_id: uuid.UUID) -> MassChange:
    """Return a mass change with its counts. Raises NotFound."""
    found = list_mass_changes().filter(id=mass_change_id).first()
    if found is None:
        raise NotFound(f"No mass change has the id {mass_change_id}.")
    return found


def list_failed(mass_change_id: uuid.UUID, limit: int) -> Sequence[MassChangePart]:
    """Return the first subscriptions of a mass change that failed, oldest first."""
    failed = MassChangePart.objects.filter(mass_change_id=mass_change_id, outcome=MassChangePart.Outcome.FAILED)
    return list(failed.order_by("id")[:limit])
