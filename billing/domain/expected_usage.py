"""What is expected to be used: known usage as far as it goes, and an assumption for the time ahead.

A forecast asks the same questions about usage as the run (`usage/domain/rating.py`); this answers those that reach past
today. Nothing is invented: without an earlier period of a subscription its running one, as far as it has come, is all
there is.
"""

import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.domain.cycle import Step
from core.domain.decimals import EXACT, decimal_text
from core.domain.rounding import round_half_away
from invoicing.domain.charge import Slice
from invoicing.domain.metered import rated_stretch, rated_usage
from subscriptions.domain.periods import ServicePeriod, agreement_segments, period_at
from subscriptions.domain.terms import Agreement, MeterTerms, PriceTerms
from usage.domain.aggregation import QUANTITY_PLACES, Aggregation, UsageFigure
from usage.domain.rating import NO_USAGE, Rated, meter_of
from usage.domain.window import UsageWindow

_COUNTED = frozenset({Aggregation.COUNT, Aggregation.SUM})
_QUANTUM = 10**QUANTITY_PLACES
_MICROSECOND = timedelta(microseconds=1)


class Assumption(StrEnum):
    """What is used in the time ahead: nothing, or what the last whole period had."""

    NONE = "none"
    LAST_PERIOD = "last_period"


@dataclass(frozen=True, slots=True)
class Basis:
    """The period whose usage is repeated: the last that is over, or else the running one as far as it has come.

    `share` is how much of a whole interval it made.
    """

    start: datetime
    end: datetime
    share: Fraction
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stretch that is rated and not over yet: `rated` asks about it, `share` is how much of it lies ahead.

    Both shares are of a whole interval; `basis` None means that nothing is known to repeat.
    """

    rated: Rated
    terms: MeterTerms
    share: Fraction
    begun: bool
    basis: Basis | None

    @property
    def carries(self) -> bool:
        """Tell whether its count goes on from the period before."""
        return self.terms.continuous

    @property
    def aggregation(self) -> Aggregation:
        """Return how it is read."""
        return Aggregation(self.terms.aggregation)

    def basis_windows(self) -> Iterator[UsageWindow]:
        """Yield the questions about the period that is repeated; of a running total what it was before and after."""
        if self.basis is None:
            return
        meter, subscription_id = meter_of(self.terms), self.rated.subscription_id
        if self.carries:
            for name, moment in (("from", self.basis.start), ("to", self.basis.end)):
                yield UsageWindow(self._key(name), subscription_id, self.terms.metric_id, meter, None, moment)
            return
        yield UsageWindow(
            self._key("last"), subscription_id, self.terms.metric_id, meter, self.basis.start, self.basis.end
        )

    def _key(self, name: str) -> Hashable:
        """Name a question about the period that is repeated: one for all stretches that repeat it."""
        return "expected", name, self.rated.subscription_id, self.terms, self.basis

    def repeated(self, figures: Mapping[Hashable, UsageFigure]) -> UsageFigure:
        """Return the usage of the period that is repeated."""
        if not self.carries:
            return figures.get(self._key("last"), NO_USAGE)
        before, after = (figures.get(self._key(name), NO_USAGE) for name in ("from", "to"))
        return replace(
            after,
            quantity=after.quantity - before.quantity,
            event_count=after.event_count - before.event_count,
        )


@dataclass(frozen=True, slots=True)
class Questions:
    """What has to be asked to bill steps that lie ahead: questions for the events, and stretches to be answered."""

    windows: tuple[UsageWindow, ...]
    ahead: tuple[Ahead, ...]


def questions(steps: Iterable[Step], now: datetime, assumption: Assumption) -> Questions:
    """Return what steps up to some moment ahead have to know about usage, oldest stretch first."""
    windows: dict[Hashable, UsageWindow] = {}
    ahead: dict[Hashable, Ahead] = {}
    for step in steps:
        for agreement in step.due:
            segments = agreement_segments(agreement)
            for item in agreement.items:
                for stretch, _ in rated_usage(agreement, item, segments, step.moment):
                    rated = rated_stretch(agreement, stretch)
                    if rated.key in ahead:
                        continue
                    asked = list(rated.windows())
                    if stretch.end > now:
                        ahead[rated.key] = _ahead(agreement, stretch, rated, now, assumption)
                        asked += ahead[rated.key].basis_windows()
                    windows.update((one.key, one) for one in asked if one.start is None or _is_known(one, now))
    return Questions(tuple(windows.values()), tuple(ahead.values()))


def _is_known(window: UsageWindow, now: datetime) -> bool:
    """Tell whether events could answer a question; the level of a weighted sum carries over into any period."""
    begins = window.start
    return begins is None or begins < now or window.meter.aggregation is Aggregation.WEIGHTED_SUM


def _ahead(agreement: Agreement, stretch: Slice, rated: Rated, now: datetime, assumption: Assumption) -> Ahead:
    """Return a stretch that is not over, with the period that is repeated in it."""
    price = stretch.price
    assert price.meter is not None  # noqa: S101 - rated_usage yields no others
    share = _part(max(now, stretch.start), stretch.end, stretch.period)
    basis = _basis(agreement, price, now) if assumption is Assumption.LAST_PERIOD else None
    return Ahead(rated, price.meter, share, stretch.start < now, basis)


def _part(start: datetime, end: datetime, period: ServicePeriod) -> Fraction:
    """Return how much of a whole interval a stretch makes, by time."""
    return Fraction((end - start) // _MICROSECOND, (period.full.end - period.full.start) // _MICROSECOND)


def _basis(agreement: Agreement, price: PriceTerms, now: datetime) -> Basis | None:
    """Return the period that is repeated: the last that is over, else the running one up to now."""
    if price.interval is None:
        return None
    segments = agreement_segments(agreement)
    running = period_at(segments, price.interval, now)
    if running is None or running.start >= now:
        return None
    if running.end <= now:
        return Basis(running.start, running.end, _part(running.start, running.end, running))
    earlier = period_at(segments, price.interval, running.start - _MICROSECOND)
    if earlier is not None and earlier.end <= running.start:
        return Basis(earlier.start, earlier.end, _part(earlier.start, earlier.end, earlier))
    return Basis(running.start, now, Fraction(1), is_running=True)


def expect(asked: Questions, figures: Mapping[Hashable, UsageFigure]) -> dict[Hashable, UsageFigure]:
    """Return the answers with what is expected of the stretches ahead, under the same keys.

    100 calls in the last period, 30 so far and half of the period ahead -> 80; in the next period 100.
    """
    answers = dict(figures)
    added: dict[tuple[uuid.UUID, MeterTerms, Hashable], Decimal] = {}
    for one in sorted(asked.ahead, key=lambda ahead: ahead.rated.start):
        own, before = (one.rated.key, ""), (one.rated.key, "before")
        known = figures.get(own, NO_USAGE)
        if not one.carries:
            answers[own] = _expected(one, known, figures)
            continue
        if before not in figures:
            # Levels carry over by themselves.
            continue
        line = (one.rated.subscription_id, one.terms, _item_of(one))
        more = added.get(line, Decimal(0))
        if not one.begun:
            answers[before] = replace(figures[before], quantity=figures[before].quantity + more)
        more += _more(one, one.repeated(figures).quantity)
        added[line] = more
        answers[own] = replace(known, quantity=known.quantity + more)
    return answers


def _item_of(ahead: Ahead) -> Hashable:
    """Return the item a stretch is of."""
    key = ahead.rated.key
    return key[0] if isinstance(key, tuple) else key


def _expected(one: Ahead, known: UsageFigure, figures: Mapping[Hashable, UsageFigure]) -> UsageFigure:
    """Return what a stretch is expected to read at its end: what is known of it and what is repeated."""
    if one.basis is None or one.aggregation is Aggregation.WEIGHTED_SUM or not one.share:
        return known
    last = one.repeated(figures)
    if one.begun and one.basis.is_running:
        # There is no earlier period: what is known of this one is all.
        return known
    if one.aggregation not in _COUNTED:
        is_level = one.aggregation is Aggregation.LATEST
        quantity = known.quantity if is_level and known.event_count else max(known.quantity, last.quantity)
        return replace(known, quantity=quantity, event_count=max(known.event_count, last.event_count))
    count = round_half_away(last.event_count * one.share / one.basis.share)
    return _with_charged(one, known, last, count)


def _with_charged(one: Ahead, known: UsageFigure, last: UsageFigure, count: int) -> UsageFigure:
    """Return a counted figure with so many events more, each of the mean value of those repeated.

    The first free ones cost nothing, whoever they are.
    """
    assert one.basis is not None  # noqa: S101 - the caller looked
    events = known.event_count + count
    charged = max(events - one.rated.price.rating.free_events, 0)
    mean = Fraction(last.charged_sum) / last.charged_count if last.charged_count else Fraction(0)
    return replace(
        known,
        quantity=known.quantity + _more(one, last.quantity),
        event_count=events,
        charged_count=charged,
        charged_sum=known.charged_sum + _decimal(mean * (charged - known.charged_count)),
    )


def _more(one: Ahead, repeated: Decimal) -> Decimal:
    """Return what is added in the part of a stretch that lies ahead; counts stay whole."""
    if one.basis is None or (one.begun and one.basis.is_running):
        return Decimal(0)
    exact = Fraction(repeated) * one.share / one.basis.share
    return _decimal(exact) if one.aggregation is Aggregation.SUM else Decimal(round_half_away(exact))


def _decimal(exact: Fraction) -> Decimal:
    """Return a quantity of at most 12 places, rounded half away from zero."""
    rounded = EXACT.scaleb(Decimal(round_half_away(exact * _QUANTUM)), -QUANTITY_PLACES)
    return Decimal(decimal_text(rounded))
