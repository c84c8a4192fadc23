"""What must hold whatever a customer asks for: changes, seats, add-ons, pauses, ends, in any order and at any moment.

Billing rules, sections 5 and 8.
"""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import assume, given, note, reject
from hypothesis import strategies as st

from invoicing.domain.assembly import ProposedLine
from invoicing.domain.charge import SEATS
from invoicing.domain.postings import credit_note_entry, invoice_entry
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import Agreement, PriceTerms
from tests.lives import POLICIES, Deed, Kinds, Life, did, end_of, lived, lives, moments, opened, punctual, ran
from tests.lives_oracle import worked_out

Key = tuple[Any, ...]


def key_sums(life: Life) -> dict[Key, int]:
    """Sum what each thing came to, whichever document it stands on; what came to nothing is left out."""
    sums: Counter[Key] = Counter()
    for proposal in life.proposals:
        for line in proposal.lines:
            charge = line.charge
            sums[charge.item_id, charge.kind, charge.period_start, charge.tier] += line.tax.net_minor
    return {key: amount for key, amount in sums.items() if amount}


def total(life: Life) -> tuple[int, int]:
    """Return what a life came to, net and tax."""
    return (
        sum(proposal.sub_total_minor for proposal in life.proposals),
        sum(proposal.tax_total_minor for proposal in life.proposals),
    )


def on_time(life: Life) -> Life:
    """Return a life whose events were all stored when they happened."""
    return replace(life, usage=tuple(replace(one, stored_at=one.event.timestamp) for one in life.usage))


@given(lives())
def test_a_second_run_bills_nothing(life: Life) -> None:
    end = end_of(life)
    once = lived(life, end)
    assert ran(once, end).proposals == once.proposals


@given(lives())
def test_everything_laid_out_anew_is_what_was_billed(life: Life) -> None:
    """As if a change had been backdated to the very beginning: nothing more is owed, nothing to be given back."""
    once = lived(on_time(life), end_of(life))
    dirty = replace(once.agreement, dirty_from=once.agreement.started_at, next_due_at=end_of(life))
    again = ran(replace(once, agreement=dirty), end_of(life))
    assert key_sums(again) == key_sums(once)


@given(lives())
def test_a_run_that_comes_late_bills_the_same(life: Life) -> None:
    life = on_time(life)
    note(repr(life))
    assert key_sums(lived(life, end_of(life))) == key_sums(lived(life, end_of(life), on_time=False))


@given(lives())
def test_documents_add_up_and_their_entries_balance(life: Life) -> None:
    done = lived(life, end_of(life))
    for proposal in done.proposals:
        assert proposal.sub_total_minor == sum(line.tax.net_minor for line in proposal.lines)
        assert proposal.tax_total_minor == sum(line.tax.tax_minor for line in proposal.lines)
        assert proposal.total_minor == proposal.sub_total_minor + proposal.tax_total_minor
        for line in proposal.lines:
            assert line.tax.net_minor == line.charge.amount_minor - line.discount_minor
            if line.charge.amount_minor >= 0:
                assert 0 <= line.discount_minor <= line.charge.amount_minor
            else:
                assert line.charge.amount_minor <= line.discount_minor <= 0
        moment = proposal.occasion.moment
        if proposal.is_credit:
            entry = credit_note_entry(proposal, uuid.UUID(int=1), moment, to_invoices_minor=0)
        else:
            entry = invoice_entry(proposal, uuid.UUID(int=1), moment)
        assert sum(posting.amount_minor for posting in entry.postings) == 0


@given(lives())
def test_no_key_is_billed_twice(life: Life) -> None:
    keys = [
        (line.charge.item_id, line.charge.kind, line.charge.period_start, line.charge.tier, line.charge.revision)
        for proposal in lived(life, end_of(life)).proposals
        for line in proposal.lines
    ]
    assert len(keys) == len(set(keys))


@given(lives())
def test_never_more_is_given_back_than_was_charged(life: Life) -> None:
    """For no item, after discounts, and at no moment."""
    done, charged = lived(life, end_of(life)), Counter[Any]()
    for proposal in done.proposals:
        for line in proposal.lines:
            charged[line.charge.item_id] += line.tax.net_minor
        assert all(amount >= 0 for amount in charged.values())


# What is cut is billed up to there, in arrears and usage alike, and stays so: the same money, on other lines.
IN_ADVANCE = Kinds(timings=("advance",), is_metered=False)
# What is billed together shares a discount: with others beside it, otherwise.
UNDISCOUNTED = Kinds(timings=("advance",), vouchers=((),), is_metered=False)


@given(lives(IN_ADVANCE), st.data())
def test_a_change_and_its_reversal_leave_nothing(life: Life, data: st.DataObject) -> None:
    at = data.draw(moments(life.agreement.started_at))
    before = [deed for deed in life.deeds if deed.at <= at]
    history = opened(life)
    for deed in before:
        history = did(punctual(history, deed.at), deed)
    history = ran(punctual(history, at), at)
    # An instant change drops one that waits for good: that is no part of what it reverses.
    assume(history.agreement.status is Status.ACTIVE and not history.agreement.pending)
    note(repr(life))
    there = data.draw(there_and_back(life, at))
    change, back = there(history.agreement)
    note(f"{change}\n{back}")
    undone = did(history, change)
    assume(undone.done != history.done)
    undone = did(undone, back)
    if change.verb not in {"seats", "add"}:
        # Seats that wait are billed with those that are billed at once: earlier, and once.
        assert total(undone) == total(history)
    rest = [deed for deed in life.deeds if deed.at > at]
    followed, never = undone, history
    for deed in rest:
        followed, never = did(punctual(followed, deed.at), deed), did(punctual(never, deed.at), deed)
    end = end_of(life)
    followed, never = ran(punctual(followed, end), end), ran(punctual(never, end), end)
    seats_wait = any(deed.verb in {"seats", "item", "later"} for deed in history.done)
    if change.verb not in {"seats", "add"} or not seats_wait:
        # Seats that wait share an invoice's discount with the renewal; billed at once they have one of their own.
        assert key_sums(followed) == key_sums(never)
    if change.verb not in {"seats", "add"}:
        assert total(followed) == total(never)


@st.composite
def there_and_back(draw: st.DrawFn, life: Life, at: datetime) -> Any:
    """Draw a change at a moment and what undoes it."""
    verb = draw(st.sampled_from(["price", "seats", "add", "pause", "cancel"]))
    word = draw(st.sampled_from(["", "now", "day", "second", "thirty_360"]))
    number = draw(st.integers(1, 9))
    price = draw(prices_of(life))

    def made(agreement: Agreement) -> list[Deed]:
        if verb == "price":
            held = agreement.items[0].versions[-1].price
            return [Deed(at, "price", price, word="" if word == "now" else word), Deed(at, "price", held)]
        if verb == "seats":
            now = "now" if word == "now" else ""
            return [Deed(at, "seats", number=number, word=now), Deed(at, "seats", number=-number, word=now)]
        if verb == "add":
            return [Deed(at, "add", price, number), Deed(at, "item", number=0)]
        if verb == "pause":
            return [Deed(at, "pause"), Deed(at, "resume", word="keep" if word == "now" else "")]
        return [Deed(at, "cancel", number=1 if number < 4 else number, word="prorate"), Deed(at, "undo")]

    return made


@given(lives(UNDISCOUNTED), st.data())
def test_what_is_asked_for_at_one_instant_is_one_change(life: Life, data: st.DataObject) -> None:
    """A change of price and its reversal leave nothing, whatever else is asked for at that very instant."""
    at = data.draw(
        moments(life.agreement.started_at)
        | st.sampled_from([deed.at for deed in life.deeds] or [life.agreement.started_at])
    )
    history = opened(life)
    for deed in life.deeds:
        if deed.at < at:
            history = did(punctual(history, deed.at), deed)
    history = ran(punctual(history, at), at)
    assume(history.agreement.status is Status.ACTIVE and not history.agreement.pending)
    note(repr(life))
    first, between, last = (data.draw(st.lists(at_once(life, at), max_size=2)) for _ in range(3))
    held = reduce(did, first, history).agreement.items[0].versions[-1].price
    change = Deed(at, "price", data.draw(prices_of(life)), word=data.draw(st.sampled_from(["", *POLICIES])))
    wanted = [*first, *between, *last]
    note(f"{first} {change} {between} back {last}")
    once, there = reduce(did, wanted, history), reduce(did, [*first, change], history)
    assume(len(once.done) == len(history.done) + len(wanted) and len(there.done) == len(history.done) + len(first) + 1)
    both = reduce(did, [*between, Deed(at, "price", held), *last], there)
    assume(len(both.done) == len(there.done) + len(wanted) - len(first) + 1)
    # Other documents, each of which rounds its own tax. Seats that came to nothing at the price between wait.
    are_seats_billed = any(is_of_seats(line, at) for line in lines_since(history, both))
    if are_seats_billed or all(deed.verb != "seats" for deed in wanted):
        assert total(both)[0] == total(once)[0]
    end = end_of(life)
    assert total(ran(punctual(both, end), end))[0] == total(ran(punctual(once, end), end))[0]


def lines_since(earlier: Life, later: Life) -> list[ProposedLine]:
    """Return the lines that a life was billed since."""
    return [line for proposal in later.proposals[len(earlier.proposals) :] for line in proposal.lines]


def is_of_seats(line: ProposedLine, at: datetime) -> bool:
    """Tell whether a line bills seats that came at a moment."""
    return (line.charge.kind, line.charge.period_start) == (SEATS, at)


def prices_of(life: Life) -> st.SearchStrategy[PriceTerms]:
    """Draw one of the prices that a life knows."""
    known = {deed.price for deed in life.deeds if deed.price is not None} | {life.agreement.items[0].versions[0].price}
    return st.sampled_from(sorted(known, key=lambda one: str(one.price_id)))


@st.composite
def at_once(draw: st.DrawFn, life: Life, at: datetime) -> Deed:
    """Draw what is billed at the instant it is asked for: seats, or an add-on."""
    number = draw(st.integers(1, 9))
    ways = (Deed(at, "seats", number=number, word="now"), Deed(at, "add", draw(prices_of(life)), number))
    return draw(st.sampled_from(ways))


# Without vouchers, and what is unused is given back at an end.
PLAIN = Kinds(vouchers=((),), refunds=("prorate",), is_metered=False)


@given(lives(PLAIN))
def test_every_item_comes_to_what_its_changes_say(life: Life) -> None:
    """Held to the slow oracle, within half a cent a line."""
    until = end_of(life)
    life = replace(life, deeds=(*life.deeds, Deed(until, "resume")))
    note(repr(life))
    followed = lived(life, until)
    # The oracle knows of no failures.
    assume(not followed.failed)
    worked = worked_out(life, followed.done, until)
    if worked is None:
        reject()
    wanted, end = worked
    done = ran(punctual(followed, end), end)
    assume(not done.failed)
    billed, lines = Counter[Any](), Counter[Any]()
    for proposal in done.proposals:
        for line in proposal.lines:
            billed[line.charge.item_id] += line.charge.amount_minor
            lines[line.charge.item_id] += 1
    for item, amount in zip(done.agreement.items, wanted, strict=True):
        note(f"{item.item_id}: billed {billed[item.item_id]}, worked out {float(amount)} by {end}")
        # What comes to nothing has no line.
        assert abs(billed[item.item_id] - amount) <= Fraction(max(lines[item.item_id], 1), 2)
