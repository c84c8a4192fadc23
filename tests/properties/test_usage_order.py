"""How usage arrives changes no amount: in which order, in which batches, how late, in how many events.

Billing rules, sections 3 and 4.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.period import Period
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS
from tests.bills import at
from tests.histories import TIERS, History, Usage, account, meter, open_agreement, price, run, start
from usage.domain.aggregation import Aggregation, Meter, MeteredEvent, aggregate

BEGIN, END = at("2026-01-31 10:17"), at("2026-07-31 10:17")
RATINGS = (
    Rating(PriceType.UNIT, unit_price=Decimal("0.03")),
    Rating(PriceType.PACKAGE, unit_price=Decimal(250), units=10, free_units=3),
    Rating(PriceType.TIERED_VOLUME, tiers=TIERS),
    Rating(PriceType.TIERED_GRADUATED, tiers=TIERS),
)
QUANTITIES = st.integers(0, 60).map(Decimal) | st.decimals(0, 60, places=4)
STAMPS = st.integers(0, 120 * 24).map(lambda hours: BEGIN + timedelta(hours=hours))


@st.composite
def events(draw: st.DrawFn) -> tuple[MeteredEvent, ...]:
    """Draw events of four months, some of them at one moment."""
    drawn = draw(st.lists(st.tuples(STAMPS, QUANTITIES), max_size=10))
    return tuple(MeteredEvent(f"e{number}", value, {}, stamp) for number, (stamp, value) in enumerate(drawn))


def billed(rating: Rating, how: tuple[str, bool], arrived: Sequence[Usage]) -> Counter[datetime]:
    """Bill half a year of months, each on its boundary, and return what each came to."""
    metered = price(rating, timing=ARREARS, meter=meter(how[0], continuous=how[1]))
    history = open_agreement(History(start([(metered, 1)], BEGIN, zone="UTC"), account(), usage=tuple(arrived)), BEGIN)
    while (due_at := history.agreement.next_due_at) is not None and due_at <= END:
        history = run(history, due_at)
    sums: Counter[datetime] = Counter()
    for proposal in history.proposals:
        for line in proposal.lines:
            sums[line.charge.period_start] += line.tax.net_minor
    return +sums


AGGREGATIONS = ("count", "sum", "max", "latest", "unique_count", "weighted_sum")


@given(
    events(),
    st.sampled_from(RATINGS),
    st.sampled_from([(name, False) for name in AGGREGATIONS] + [(name, True) for name in AGGREGATIONS[:5]]),
    st.data(),
)
def test_whenever_and_in_whatever_order_events_arrive_the_months_cost_the_same(
    known: tuple[MeteredEvent, ...], rating: Rating, how: tuple[str, bool], data: st.DataObject
) -> None:
    """In batches of any size, each as late as 35 days after the end of its month: by its own month's terms."""
    on_time = [Usage(event, event.timestamp) for event in known]
    late = [
        replace(usage, stored_at=usage.event.timestamp + timedelta(days=data.draw(st.sampled_from([0, 0, 7, 20, 35]))))
        for usage in data.draw(st.permutations(on_time))
    ]
    assert billed(rating, how, late) == billed(rating, how, on_time)


@given(events(), st.sampled_from(RATINGS), st.sampled_from(["sum", "weighted_sum"]), st.data())
def test_a_quantity_told_in_parts_costs_the_same(
    known: tuple[MeteredEvent, ...], rating: Rating, name: str, data: st.DataObject
) -> None:
    """One event of 10 is two of 4 and 6 at its moment, where values add up."""
    parts: list[MeteredEvent] = []
    for event in known:
        left = event.value
        for number in range(data.draw(st.integers(0, 2))):
            part = data.draw(QUANTITIES)
            parts.append(MeteredEvent(f"{event.event_id}/{number}", part, {}, event.timestamp))
            left -= part
        parts.append(MeteredEvent(f"{event.event_id}/rest", left, {}, event.timestamp))
    parts = data.draw(st.permutations(parts))
    whole, told = ([Usage(one, one.timestamp) for one in told] for told in (known, parts))
    assert billed(rating, (name, False), told) == billed(rating, (name, False), whole)


@given(events(), st.sampled_from([Aggregation.MAX, Aggregation.UNIQUE_COUNT]), st.data())
def test_to_tell_the_same_again_under_other_names_counts_once_where_values_do_not_add_up(
    known: tuple[MeteredEvent, ...], aggregation: Aggregation, data: st.DataObject
) -> None:
    again = [replace(event, event_id=f"{event.event_id}/again") for event in known if data.draw(st.booleans())]
    month, counted = Period(BEGIN, at("2026-02-28 10:17")), Meter(aggregation, None, ())
    both = data.draw(st.permutations([*known, *again]))
    assert aggregate(counted, both, month).quantity == aggregate(counted, known, month).quantity
