"""Splitting a batch, reordering it or replaying it never changes what is stored. Billing rules, section 4."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from subscriptions.models import Metric, Subscription
from tests.usage_cast import APRIL, MARCH, NOW, draft, make_customer, make_metric, make_subscription
from usage.domain.aggregation import Aggregation, Meter, UsageFigure
from usage.domain.event import DUPLICATE, STORED, EventDraft, EventOutcome
from usage.domain.window import UsageWindow
from usage.models import UsageEvent
from usage.operations import record_events
from usage.queries import list_usage_figures

METERS = tuple(Meter(aggregation) for aggregation in Aggregation)


@dataclass(frozen=True)
class Sent:
    """What an event of the test holds; `owner` and `code` pick a subscription and a metric."""

    owner: int
    event_id: str
    code: str
    value: Decimal
    minutes: int
    region: str


sent_events = st.lists(
    st.builds(
        Sent,
        st.integers(0, 1),
        st.text("abü\\\t\n0", min_size=1, max_size=3),
        st.sampled_from(["calls", "bytes"]),
        st.decimals(-100, 100, places=2),
        st.integers(0, 5),
        st.text('eu\\\t"', max_size=3),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda one: (one.owner, one.event_id),
)


class ReplayingChangesNothing(TestCase):
    # Each example stores its events twice over.
    @settings(max_examples=settings().max_examples // 2)
    @given(sent_events, st.data())
    def test_whatever_the_order_and_the_splits(self, sent: list[Sent], data: st.DataObject) -> None:
        make_metric("calls")
        make_metric("bytes")
        owners = [make_subscription(make_customer(name)) for name in ("Alice", "Bob")]
        drafts = [draft_of(one, owners) for one in sent]
        replayed = drafts + data.draw(st.lists(st.sampled_from(drafts), max_size=20))
        shuffled = data.draw(st.permutations(replayed))
        outcomes: list[EventOutcome] = []
        while shuffled:
            size = data.draw(st.integers(1, len(shuffled)))
            outcomes += record_events(shuffled[:size], now=NOW)
            shuffled = shuffled[size:]
        assert outcomes.count(STORED) == len(drafts)
        assert outcomes.count(DUPLICATE) == len(replayed) - len(drafts)
        assert stored() == {
            (one.subscription_id, one.event_id): (one.code, one.value, one.properties, one.timestamp) for one in drafts
        }
        shown = figures(owners)
        UsageEvent.objects.all().delete()
        assert set(record_events(drafts, now=NOW)) == {STORED}
        assert figures(owners) == shown


def draft_of(sent: Sent, owners: list[Subscription]) -> EventDraft:
    return draft(
        owners[sent.owner],
        sent.event_id,
        code=sent.code,
        value=sent.value,
        timestamp=NOW - timedelta(minutes=sent.minutes),
        properties={"region": sent.region},
    )


def stored() -> dict[tuple[Any, str], tuple[Any, ...]]:
    codes = dict(Metric.objects.values_list("id", "code"))
    return {
        (event.subscription_id, event.event_id): (
            codes[event.metric_id], event.value, event.properties, event.timestamp,
        )
        for event in UsageEvent.objects.all()
    }  # fmt: skip


def figures(owners: list[Subscription]) -> dict[Any, UsageFigure]:
    return list_usage_figures(
        [
            UsageWindow((owner.id, metric.code, meter), owner.id, metric.id, meter, MARCH, APRIL, 3)
            for owner in owners
            for metric in Metric.objects.all()
            for meter in METERS
        ]
    )
