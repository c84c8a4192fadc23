"""What must hold of any customer's invoices, whatever happened and whenever the run came by."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.rounding import round_half_away
from core.domain.schedule import local_date
from subscriptions.domain.pricing import exact_price
from tests.histories import History, histories, lines, open_agreement, run

SPAN = timedelta(days=260)


def billed(history: History, moments: list[datetime]) -> History:
    """Bill a history's start, then run at each moment."""
    history = open_agreement(history, history.agreement.started_at)
    for moment in moments:
        history = run(history, moment)
    return history


def boundaries(history: History) -> list[datetime]:
    """Return every due moment of a history within the span."""
    opened = open_agreement(history, history.agreement.started_at)
    end, found = history.agreement.started_at + SPAN, []
    while opened.agreement.next_due_at is not None and opened.agreement.next_due_at <= end:
        found.append(opened.agreement.next_due_at)
        opened = run(opened, opened.agreement.next_due_at)
    return found


@given(histories())
def test_a_second_run_bills_nothing(history: History) -> None:
    end = history.agreement.started_at + SPAN
    once = billed(history, [end])
    assert run(once, end).proposals == once.proposals


@given(histories())
def test_running_late_bills_the_same_lines_when_nothing_came_late(history: History) -> None:
    on_time = replace(history, usage=tuple(replace(usage, stored_at=usage.event.timestamp) for usage in history.usage))
    moments = boundaries(on_time)
    assert lines(billed(on_time, moments)) == lines(billed(on_time, moments[-1:] or [on_time.agreement.started_at]))


@given(histories(), st.randoms())
def test_late_and_shuffled_events_come_to_the_same_money(history: History, random: object) -> None:
    end = history.agreement.started_at + SPAN
    on_time = replace(history, usage=tuple(replace(usage, stored_at=usage.event.timestamp) for usage in history.usage))
    shuffled = list(history.usage)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    late = billed(replace(history, usage=tuple(shuffled)), [*boundaries(history), end])
    punctual = billed(on_time, [*boundaries(on_time), end])

    def come_to(billed_history: History) -> int:
        """Sum usage and what makes up for a minimum that it did not reach: what comes late lowers the latter."""
        return sum(line[-1] for line in lines(billed_history) if line[1] in {"usage", "minimum"})

    assert come_to(late) == come_to(punctual)


@given(histories())
def test_recurring_lines_tile_the_time(history: History) -> None:
    done = billed(history, boundaries(history))
    spans = sorted({(line[2], line[3]) for line in lines(done) if line[1] == "recurring" and line[0].endswith("64")})
    if spans:
        assert spans[0][0] == history.agreement.started_at
    for (_, end), (following, _) in pairwise(spans):
        assert end == following


@given(histories())
def test_documents_add_up(history: History) -> None:
    for proposal in billed(history, boundaries(history)).proposals:
        assert proposal.sub_total_minor == sum(line.tax.net_minor for line in proposal.lines)
        assert proposal.tax_total_minor == sum(line.tax.tax_minor for line in proposal.lines)
        assert proposal.total_minor == proposal.sub_total_minor + proposal.tax_total_minor
        for line in proposal.lines:
            assert line.tax.net_minor == line.charge.amount_minor - line.discount_minor
            assert 0 <= line.discount_minor <= line.charge.amount_minor or line.charge.amount_minor <= 0


@given(histories())
def test_no_charge_is_billed_twice(history: History) -> None:
    done = billed(history, boundaries(history))
    keys = [
        (line.charge.item_id, line.charge.kind, line.charge.period_start, line.charge.tier, line.charge.revision)
        for proposal in done.proposals
        for line in proposal.lines
    ]
    assert len(keys) == len(set(keys))


@given(histories())
def test_a_period_costs_the_area_under_its_seats(history: History) -> None:
    """However often seats move, a period costs round(sum of price(seats) x days / days of the full interval)."""
    done = billed(history, boundaries(history))
    item = done.agreement.items[0]
    own = [line.charge for proposal in done.proposals for line in proposal.lines if line.charge.item_id == item.item_id]
    zone, ends = history.account.zone, {charge.period_end for charge in own if charge.kind == "seats"}
    for end in ends:
        start = next(c.period_start for c in own if c.kind == "recurring" and c.period_end == end)
        cuts = [start, *(v.from_at for v in item.versions if start < v.from_at < end), end]
        first = next(c for c in own if c.kind == "recurring" and c.period_end == end)
        days = (local_date(end, zone) - local_date(start, zone)).days
        full_days = (
            days * first.fraction.denominator // first.fraction.numerator if not first.fraction.is_whole else days
        )
        area = Fraction(0)
        for left, right in pairwise(cuts):
            version = item.version_at(left)
            assert version is not None
            held = (local_date(right, zone) - local_date(left, zone)).days
            area += Fraction(exact_price(version.price.rating, Decimal(version.quantity))) * Fraction(held, full_days)
        costs = sum(c.amount_minor for c in own if c.kind in {"recurring", "seats"} and c.period_end == end)
        assert costs == round_half_away(area)
