"""Rating: which questions a usage price asks about a stretch of time, and what the answers cost.

Billing rules, section 4. The billing run, the running costs and the limits rate by this one code.
"""

import uuid
from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from core.domain.memo import Memo
from subscriptions.domain.pricing import PricedPart, PriceType, price_percentage, price_quantity
from subscriptions.domain.terms import MeterTerms, PriceTerms
from usage.domain.aggregation import Aggregation, Filter, FilterType, Meter, UsageFigure
from usage.domain.window import UsageWindow

NO_USAGE = UsageFigure(Decimal(0), 0, Decimal(0), 0, None, None)


class Rated(Struct, frozen=True):
    """A stretch in which one usage price holds, `start` to `end`; `key` tells it from all others."""

    key: Hashable
    subscription_id: uuid.UUID
    price: PriceTerms
    start: datetime
    end: datetime

    def windows(self) -> Iterator[UsageWindow]:
        """Yield its questions: its own, and for a count that carries over the total before it and at its end."""
        terms = self.price.meter
        if terms is None:
            return
        meter = meter_of(terms)
        own: datetime | None = self.start
        if terms.continuous and meter.aggregation is not Aggregation.WEIGHTED_SUM:
            own = None
            if meter.aggregation not in {Aggregation.LATEST, Aggregation.MAX}:
                before = (self.key, "before")
                yield UsageWindow(before, self.subscription_id, terms.metric_id, meter, None, self.start)
        free_events = self.price.rating.free_events
        yield UsageWindow((self.key, ""), self.subscription_id, terms.metric_id, meter, own, self.end, free_events)

    def figure(self, figures: Mapping[Hashable, UsageFigure]) -> UsageFigure:
        """Return its own figure among the answers."""
        return figures.get((self.key, ""), NO_USAGE)

    def before(self, figures: Mapping[Hashable, UsageFigure]) -> UsageFigure | None:
        """Return the total before it among the answers, None unless it is a count that carries over."""
        return figures.get((self.key, "before"))

    def parts(self, figures: Mapping[Hashable, UsageFigure]) -> tuple[PricedPart, ...]:
        """Return what its usage costs, by the answers to its questions."""
        return price_usage(self.price, self.figure(figures), self.before(figures))


_meters: Memo[Meter] = Memo(size=1_024)


def meter_of(terms: MeterTerms) -> Meter:
    """Return how the metric of a price reads events."""
    found = _meters.find(terms)
    if found is None:
        filters = tuple(Filter(name, value, FilterType(kind)) for name, value, kind in terms.filters)
        found = _meters.keep(terms, Meter(Aggregation(terms.aggregation), terms.property or None, filters))
    return found


def price_usage(price: PriceTerms, figure: UsageFigure, before: UsageFigure | None) -> tuple[PricedPart, ...]:
    """Return what measured usage costs; with `before` (a count that carries over) price(total) - price(total before).

    Billing rules, section 4: flat 1000 to 10, then 1 each, 15 billed, 10 new -> 10.
    """
    if price.rating.type is PriceType.PERCENTAGE:
        return price_percentage(price.rating, figure.charged_sum, figure.charged_count)
    parts = price_quantity(price.rating, figure.quantity)
    if before is None:
        return parts
    earlier = price_quantity(price.rating, before.quantity)
    amount = sum(part.amount_minor for part in parts) - sum(part.amount_minor for part in earlier)
    added = figure.quantity - before.quantity
    if amount == 0 and added == 0:
        return ()
    steps = f"{' + '.join(p.steps for p in parts) or '0'} - ({' + '.join(p.steps for p in earlier) or '0'}) = {amount}"
    return (PricedPart(0, added, Decimal(0), Decimal(0), Decimal(amount), amount, steps),)
