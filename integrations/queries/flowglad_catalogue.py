"""The catalogue as Flowglad shows it to one customer: what is for sale, and what that customer has."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.db.models import Prefetch

from customers.models import Customer
from integrations.domain import flowglad as shapes
from integrations.domain.flowglad_words import CURRENCIES, INTERVALS, slug_of, unlike
from integrations.domain.shape import instant
from integrations.queries.agreed import Agreed, unit_price_of
from integrations.queries.mode import is_live
from subscriptions.models import Plan, Price, Product


@dataclass(frozen=True, slots=True)
class Offer:
    """A price and the plan it is sold by."""

    plan: Plan
    price: Price


class Catalogue:
    """Prices by id, as they are shown everywhere in one answer."""

    def __init__(self, customer: Customer, offers: Sequence[Offer]) -> None:
        """Take the offers, the oldest price first."""
        self.customer = customer
        self.by_product: dict[uuid.UUID, list[Offer]] = {}
        for offer in offers:
            self.by_product.setdefault(offer.price.product_id, []).append(offer)
        slugs = unlike([_price_slug(offer) for offer in offers])
        defaults = {found[0].price.id for found in self.by_product.values()}
        self.prices = {
            offer.price.id: _price(offer, slug, is_default=offer.price.id in defaults)
            for offer, slug in zip(offers, slugs, strict=True)
        }

    def price(self, price: Price) -> shapes.Price:
        """Return a price that is sold or held."""
        return self.prices[price.id]

    def show(self) -> shapes.Catalog:
        """Return all products, the oldest first; the brand is the neighbour's organisation and its catalogue."""
        brand = self.customer.brand
        products = {
            offer.plan.product_id: offer.plan.product for offers in self.by_product.values() for offer in offers
        }
        listed = [self._product(product) for _, product in sorted(products.items()) if product.id in self.by_product]
        slugs = unlike([product.slug for product in listed])
        return shapes.Catalog(
            id=str(brand.id),
            created_at=instant(brand.created_at),
            updated_at=instant(brand.updated_at),
            livemode=is_live(),
            organization_id=str(brand.id),
            is_default=True,
            name=brand.name,
            products=[_with_slug(product, slug) for product, slug in zip(listed, slugs, strict=True)],
        )

    def _product(self, product: Product) -> shapes.Product:
        offers = self.by_product[product.id]
        plans = {offer.plan.id: offer.plan for offer in offers}
        first = plans[min(plans)]
        features = {feature.id: feature for plan in plans.values() for feature in plan.features.all()}
        prices = [self.prices[offer.price.id] for offer in offers]
        return shapes.Product(
            id=str(product.id),
            created_at=instant(product.created_at),
            updated_at=instant(product.created_at),
            livemode=is_live(),
            name=product.name,
            description=None,
            image_url=None,
            organization_id=str(self.customer.brand_id),
            display_features=[
                shapes.DisplayFeature(enabled=True, label=feature.name, details=feature.description or None)
                for _, feature in sorted(features.items())
            ],
            active=any(price.active for price in prices),
            singular_quantity_label=None,
            plural_quantity_label=None,
            catalog_id=str(self.customer.brand_id),
            prices=prices,
            default_price=prices[0],
            slug=first.code_name or slug_of(product.name),
        )


def read_catalogue(customer: Customer, agreed: Iterable[Agreed]) -> Catalogue:
    """Return the public prices of public plans, and those the customer has, by a constant number of statements."""
    found: dict[uuid.UUID, Offer] = {}
    sold = Price.objects.filter(public=True, retired_at__isnull=True).select_related("metric")
    plans = Plan.objects.filter(public=True, retired_at__isnull=True).select_related("product").order_by("id")
    for plan in plans.prefetch_related(Prefetch("prices", queryset=sold), "features"):
        for price in plan.prices.all():
            if price.currency in CURRENCIES:
                found.setdefault(price.id, Offer(plan, price))
    for one in agreed:
        for item in one.items:
            found.setdefault(item.price.id, Offer(one.subscription.plan, item.price))
    return Catalogue(customer, [offer for _, offer in sorted(found.items())])


def price_type(price: Price) -> str:
    """Return which of the neighbour's types a price is."""
    if price.usage:
        return "usage"
    return "single_payment" if price.interval == Price.Interval.ONE_OFF else "subscription"


def interval_of(price: Price) -> str | None:
    """Return how often a price is charged, None for once."""
    return price.interval if price.interval in INTERVALS else None


def unit_price(price: Price) -> int:
    """Return the price of a unit in minor units, 0 where no single whole amount applies."""
    return unit_price_of(price) or 0


def _price(offer: Offer, slug: str, *, is_default: bool) -> shapes.Price:
    price, plan = offer.price, offer.plan
    recurs = interval_of(price) is not None
    trial_days = (plan.trial_length_days or 0) if plan.has_trial else 0
    return shapes.Price(
        id=str(price.id),
        created_at=instant(price.created_at),
        updated_at=instant(price.retired_at or price.created_at),
        livemode=is_live(),
        interval_unit=interval_of(price),
        name=plan.name,
        interval_count=price.interval_count if recurs else None,
        type=price_type(price),
        trial_period_days=trial_days if price_type(price) == "subscription" else None,
        setup_fee_amount=None,
        is_default=is_default,
        unit_price=unit_price(price),
        product_id=str(price.product_id),
        active=price.retired_at is None and plan.retired_at is None,
        currency=price.currency,
        slug=slug,
    )


def _price_slug(offer: Offer) -> str:
    """Return the plan's code with what tells its prices apart: the metric, the interval, the currency."""
    price = offer.price
    count = "" if price.interval_count == 1 else f"{price.interval_count}_"
    interval = "once" if price.interval == Price.Interval.ONE_OFF else f"{count}{price.interval}"
    metric = [price.metric.code] if price.metric is not None else []
    return "_".join([offer.plan.code_name, *metric, interval, price.currency.lower()])


def _with_slug(product: shapes.Product, slug: str) -> shapes.Product:
    return product if product.slug == slug else msgspec.structs.replace(product, slug=slug)
