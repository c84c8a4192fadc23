"""Whatever is used, however it arrives and whenever the run comes by: its invoices come to what the oracle says.

Events take the real way in, are read by the real statements and billed by real runs; `tests.usage_oracle` knows nothing
of any of it. Billing rules, sections 3 and 4.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.operations import SYSTEM
from invoicing.models import CreditNoteLine, InvoiceLine
from subscriptions.models import MetricFilter, Subscription
from tests.cast import Company, make_company
from tests.usage_oracle import Sent, Tariff, accepted, boundary, period_cost, periods
from usage.domain.event import EventDraft, Outcome
from usage.operations import record_events
from usage.operations.limits import create_limit
from usage.queries.costs import list_running_costs

ANCHOR = datetime(2026, 1, 31, tzinfo=UTC)
MONTHS = 4
CODES = ("calls", "bytes")
TIERS = ((5, "100", "50"), (20, "33.3", "0"), (None, "0.07", "10"))

numbers = st.one_of(
    st.fixed_dictionaries({"type": st.just("unit"), "unit_price": st.sampled_from(["10", "0.03", "333.333"])}),
    st.fixed_dictionaries(
        {
            "type": st.just("package"),
            "unit_price": st.just("250"),
            "units": st.integers(1, 10),
            "free_units": st.integers(0, 5),
        }
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["tiered_volume", "tiered_graduated"]), "tiers": st.just(TIERS)}),
)
percentages = st.fixed_dictionaries(
    {
        "type": st.just("percentage"),
        "rate": st.sampled_from(["2.9", "1"]),
        "fixed": st.integers(0, 30),
        "free_events": st.integers(0, 3),
        "minimum": st.none() | st.just(20),
        "maximum": st.none() | st.just(60),
    }
)
filters = st.sampled_from(
    [((), ()), ((("region", "EU"),), ()), ((), (("region", "EU"),)), ((("region", "EU"),), (("size", "2"),))]
)


@st.composite
def tariffs(draw: st.DrawFn, code: str) -> Tariff:
    aggregation = draw(st.sampled_from(["count", "sum", "max", "latest", "unique_count", "weighted_sum"]))
    reads = aggregation in {"max", "latest", "unique_count"} and draw(st.booleans())
    terms = draw(numbers | percentages)
    continuous = terms["type"] != "percentage" and draw(st.booleans())
    minimum = draw(st.none() | st.just(3000))
    keeps, drops = draw(filters)
    kind = str(terms.pop("type"))
    return Tariff(code, aggregation, "size" if reads else "", keeps, drops, continuous, kind, terms, minimum)


values = st.sampled_from(["1", "2", "2.5", "7", "30", "-3", "0.000000000001"]).map(Fraction)
properties = st.fixed_dictionaries(
    {}, optional={"region": st.sampled_from(["EU", "US"]), "size": st.sampled_from([1, 2, 9, 12])}
)
delays = st.sampled_from([0, 0, 0, 1, 20, 34, 36, 60]).map(lambda days: timedelta(days=days))
SPAN = int((boundary(ANCHOR, MONTHS) - ANCHOR).total_seconds())


@st.composite
def sent_events(draw: st.DrawFn, number: int) -> Sent:
    # Odd seconds: never at a boundary or a run.
    at = ANCHOR + timedelta(seconds=draw(st.integers(0, SPAN // 2 - 1)) * 2 + 1)
    sent_at = at + draw(delays)
    return Sent(f"e{number:02}", draw(st.sampled_from(CODES)), draw(values), draw(properties), at, sent_at)


@dataclass(frozen=True)
class Story:
    """Prices, events, when the subscription ends, and how long after each due moment the run comes by."""

    tariffs: tuple[Tariff, ...]
    events: tuple[Sent, ...]
    yearly: bool
    end: datetime
    run_delays: tuple[timedelta, ...]
    limit: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    count = draw(st.integers(3, 14))
    last = boundary(ANCHOR, MONTHS - 1)
    return Story(
        tariffs=tuple(draw(tariffs(code)) for code in CODES),
        events=tuple(draw(sent_events(number)) for number in range(count)),
        yearly=draw(st.booleans()),
        end=last + timedelta(days=draw(st.integers(1, 25))),
        run_delays=tuple(draw(st.sampled_from([0, 0, 3, 40])) * timedelta(days=1) for _ in range(MONTHS)),
        limit=draw(st.integers(1, 2000)),
    )


class InvoicesEqualTheOracle(TestCase):
    # Each example bills months of a subscription; tests/properties holds the calculation alone to many more.
    @settings(max_examples=settings().max_examples // 4)
    @given(stories())
    def test_each_period_comes_to_what_the_rules_say(self, story: Story) -> None:
        company = make_company()
        subscription = start(company, story)
        months = periods(ANCHOR, story.end)
        outcomes, run_at = play(subscription, story, months)
        taken = [event for event in story.events if accepted(event, months, run_at)]
        assert {event.event_id for event in story.events if outcomes[event.event_id]} == {
            event.event_id for event in taken
        }
        items = dict(subscription.items.values_list("position", "id"))
        for position, tariff in enumerate(story.tariffs, start=1):
            billed = billed_by_period(items[position])
            for number, (begin, end) in enumerate(months):
                full_days = (boundary(ANCHOR, number + 1) - begin).days
                wanted = period_cost(tariff, taken, begin, end, full_days)
                assert billed.pop(begin, 0) == wanted, (tariff, begin)
            assert not billed
        assert check_books(now=datetime(2027, 1, 1, tzinfo=UTC)) == ()


def start(company: Company, story: Story) -> Subscription:
    """Start the subscription that the story is about, to end when it says."""
    usage = [add_price(company, tariff) for tariff in story.tariffs]
    fee = company.price(interval="year" if story.yearly else "month")
    subscription = company.start(
        company.customer("Alice"), company.plan("Team", fee), fee, now=ANCHOR, items=tuple(usage)
    )
    Subscription.objects.update(status="pending_cancel", cancel_at=story.end)
    create_limit(
        customer_id=subscription.customer_id, amount_minor=story.limit, action="warning", actor=SYSTEM, now=ANCHOR
    )
    return subscription


def add_price(company: Company, tariff: Tariff) -> Any:
    """Store a tariff's metric and price."""
    metric = company.metric(tariff.code, tariff.aggregation, aggregation_property=tariff.property)
    for kind, pairs in (("inclusive", tariff.keeps), ("exclusive", tariff.drops)):
        for name, value in pairs:
            MetricFilter.objects.create(metric=metric, name=name, value=value, type=kind)
    terms: dict[str, Any] = {"unit_price": Decimal(0), **tariff.numbers}
    if "tiers" in terms:
        firsts = [1, *(last + 1 for last, _, _ in TIERS[:-1])]
        terms["tiers"] = [
            {"first_unit": first, "last_unit": last, "unit_price": unit, "flat_fee": flat}
            for first, (last, unit, flat) in zip(firsts, TIERS, strict=True)
        ]
    for name in ("minimum", "maximum"):
        if name in terms:
            terms[f"{name}_minor"] = terms.pop(name)
    terms["unit_price"] = Decimal(terms["unit_price"])
    if "rate" in terms:
        terms["rate"] = Decimal(terms["rate"])
    return company.price(
        type=tariff.type,
        usage=True,
        metric=metric,
        metric_type="continuous" if tariff.continuous else "resettable",
        minimum_commitment_minor=tariff.minimum,
        **terms,
    )


def play(
    subscription: Subscription, story: Story, months: list[tuple[datetime, datetime]]
) -> tuple[dict[str, bool], dict[datetime, datetime]]:
    """Send the events and run the billing, each at its moment; say what was taken, and when each period was billed."""
    due = [end for _, end in months]
    runs = sorted(end + delay for end, delay in zip(due, story.run_delays, strict=True))
    # One run does all that is due by then.
    run_at = {end: min(run for run in runs if run >= end) for end in due}
    outcomes: dict[str, bool] = {}
    moments: list[tuple[datetime, Sent | None]] = [(run, None) for run in runs]
    moments += [(event.sent_at, event) for event in story.events]
    for moment, event in sorted(moments, key=lambda one: (one[0], one[1].event_id if one[1] else "")):
        if event is None:
            assert check_costs(subscription, story, outcomes, moment)
            run_billing(Scope(as_of=moment, now=moment))
            continue
        draft = EventDraft(
            event_id=event.event_id,
            subscription_id=subscription.id,
            code=event.code,
            value=decimal(event.value),
            properties=event.properties or None,
            timestamp=event.at,
        )
        (outcome,) = record_events([draft], now=moment)
        outcomes[event.event_id] = outcome.outcome is Outcome.STORED
        # A retry changes nothing, however old the event is.
        (again,) = record_events([draft], now=moment + timedelta(days=400))
        assert (again.outcome is Outcome.DUPLICATE) == outcomes[event.event_id]
    final = story.end + timedelta(days=200)
    run_billing(Scope(as_of=final, now=final))
    return outcomes, run_at


def check_costs(subscription: Subscription, story: Story, outcomes: dict[str, bool], moment: datetime) -> bool:
    """Compare the running costs of a moment, too, with the oracle's."""
    running = [(begin, end) for begin, end in periods(ANCHOR, story.end) if begin <= moment < end]
    costs = list_running_costs({subscription.customer_id: moment}).get(subscription.customer_id, ())
    if not running:
        return costs == ()
    (begin, end) = running[0]
    known = [event for event in story.events if outcomes.get(event.event_id)]
    free = [Tariff(**{**vars(tariff), "minimum": None}) for tariff in story.tariffs]
    return [cost.amount_minor for cost in costs] == [period_cost(one, known, begin, end, 1) for one in free]


def decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def billed_by_period(item_id: Any) -> dict[datetime | None, int]:
    """What an item's lines come to by the beginning of their period, whatever document they stand on."""
    billed: dict[datetime | None, int] = defaultdict(int)
    for model in (InvoiceLine, CreditNoteLine):
        for begin, amount in model.objects.filter(item_id=item_id).values_list("period_start", "amount_minor"):
            billed[begin] += amount
    return {begin: amount for begin, amount in billed.items() if amount}
