"""What is forecast month by month is what is forecast at once, and what the run then bills."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from billing.domain.cycle import plan_steps, step_windows
from billing.domain.expected_usage import Assumption, expect, questions
from billing.domain.forecast import Case, forecast, steps_ahead
from billing.domain.future import FutureDocument, Receivable
from invoicing.domain.account import Account
from subscriptions.domain.lifecycle import Status
from tests.histories import History, answer, histories, open_agreement, with_seats, world
from tests.lives import Deed, Life, did, lives, punctual, ran
from tests.lives import opened as start_of
from tests.standings import given_back, standing_of

SPAN = timedelta(days=200)


def opened(history: History, grace: int) -> History:
    """Bill a start, everything agreed and used known by then; what is said of the future stands in the terms."""
    seller = replace(history.account.seller, grace_days=grace)
    first = replace(history, account=replace(history.account, seller=seller))
    first = open_agreement(first, history.agreement.started_at)
    agreement = with_seats(first.agreement, history.seats)
    return replace(first, agreement=agreement, account=replace(first.account, agreements=(agreement,)))


def lines(documents: Any) -> list[tuple[Any, ...]]:
    return [
        (
            one.moment,
            line.charge.kind,
            line.charge.period_start,
            line.charge.tier,
            line.tax.net_minor,
            line.tax.tax_minor,
        )
        for one in documents
        for line in one.proposal.lines
    ]


def figures_of(account: Account, history: History, until: datetime) -> dict[Any, Any]:
    windows = {window.key: window for window in step_windows(steps_ahead(account, until))}
    return answer(windows.values(), [usage.event for usage in history.usage])


@given(histories(), st.integers(1, 5), st.sampled_from([0, 3]))
def test_walked_in_parts_is_walked_at_once(history: History, parts: int, grace: int) -> None:
    known = opened(history, grace)
    begin = history.agreement.started_at
    until = begin + SPAN
    figures = figures_of(known.account, known, until)
    at_once = forecast(Case(known.account), begin, until, figures, world())
    walked: list[tuple[Any, ...]] = []
    account, now = known.account, begin
    for part in range(1, parts + 1):
        stop = begin + SPAN * part / parts
        # What is open between is known from the walk itself, so only the documents are compared.
        told = forecast(Case(account), now, stop, figures, world())
        walked += lines(told.documents)
        account, now = told.account, stop
    assert walked == lines(at_once.documents)


@given(histories())
def test_it_bills_every_step_of_the_plan(history: History) -> None:
    known = opened(history, 0)
    begin = history.agreement.started_at
    until = begin + SPAN
    told = forecast(Case(known.account), begin, until, figures_of(known.account, known, until), world())
    planned = {step.moment for step in plan_steps(known.account, until).steps}
    assert {one.moment for one in told.documents} <= planned
    assert told.account.agreements == plan_steps(known.account, until).steps[-1].settled if planned else True


@given(lives(), st.integers(0, 100), st.sampled_from([None, 1, 9, 50]), st.sampled_from(["none", "prorate", "full"]))
def test_it_is_what_the_run_then_makes(life: Life, days: int, ends_in: int | None, refund: str) -> None:
    """Whatever was asked for by then: renewals, changes that wait, an end that gives unused time or all of it back."""
    now = life.agreement.started_at + timedelta(days=days)
    usage = tuple(replace(one, stored_at=one.event.timestamp) for one in life.usage)
    history = start_of(replace(life, usage=usage))
    for deed in life.deeds:
        if deed.at <= now:
            history = did(punctual(history, deed.at), deed)
    history, until = ran(punctual(history, now), now), now + SPAN
    if ends_in is not None:
        history = did(history, Deed(now, "cancel", number=ends_in, word=refund))
    account = replace(history.account, agreements=(history.agreement,))
    receivables = [Receivable(one, "EUR", minor, None) for one, minor in account.open_minor.items() if minor]
    case = Case(account, tuple(receivables), standing=standing_of(history))
    windows = {window.key: window for window in step_windows(steps_ahead(account, until))}
    told = forecast(case, now, until, answer(windows.values(), [one.event for one in usage]), world())
    then = punctual(history, until)
    made = then.proposals[len(history.proposals) :]
    assert lines(told.documents) == lines(FutureDocument(one.occasion.moment, one) for one in made)
    ends_later = then.agreement.status is Status.CANCELLED and history.agreement.status is not Status.CANCELLED
    gives_full = ends_later and then.agreement.cancel_refund == "full"
    wanted = [one.total_minor for one in given_back(then)] if gives_full else []
    event(f"gives a period back: {bool(wanted)}")
    assert [one.refund.total_minor for one in told.refunds] == wanted


@given(histories(), st.integers(0, 190))
def test_usage_to_come_never_changes_what_is_over(history: History, days: int) -> None:
    known = opened(history, 0)
    now = history.agreement.started_at + timedelta(days=days)
    steps = steps_ahead(known.account, history.agreement.started_at + SPAN)
    events = [usage.event for usage in history.usage if usage.event.timestamp < now]
    for assumption in Assumption:
        asked = questions(steps, now, assumption)
        answers = answer(asked.windows, events)
        expected = expect(asked, answers)
        for window in asked.windows:
            if window.end <= now:
                assert expected[window.key] == answers[window.key]
        for key, figure in answers.items():
            assert expected[key].quantity >= figure.quantity >= Decimal(0)
