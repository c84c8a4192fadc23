"""Whatever is billed can be made again from its proofs, its entries balance, and what it defers is earned whole."""

import json
import uuid
from collections import Counter
from dataclasses import replace
from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from core.domain.schedule import local_date
from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.discounts import Voucher
from invoicing.domain.postings import credit_note_entry, deferred_minor, invoice_entry
from invoicing.domain.recognition import schedule_of
from invoicing.domain.recomputing import StoredLine, recompute
from tests.histories import History, histories, open_agreement, run
from tests.properties.test_assembly import SPAN, boundaries

PERCENTAGES = st.decimals(1, 100, places=1).map(
    lambda percent: Voucher("v", "some", "percentage", percent=percent, duration="forever")
)
AMOUNTS = st.integers(1, 20_000).map(
    lambda amount: Voucher("w", "other", "fixed_discount", amounts=(("EUR", amount),), duration="forever")
)
VOUCHERS = st.none() | PERCENTAGES | AMOUNTS
LATER = date(2035, 1, 1)


def documents_of(history: History, voucher: Voucher | None) -> tuple[Proposal, ...]:
    """Return the documents of a history billed at each boundary and once more at its end, for a customer's voucher."""
    moments = [*boundaries(history), history.agreement.started_at + SPAN]
    if voucher is not None:
        history = replace(history, account=replace(history.account, vouchers=(voucher,)))
    history = open_agreement(history, history.agreement.started_at)
    for moment in moments:
        history = run(history, moment)
    return history.proposals


def stored(line: ProposedLine, position: int) -> StoredLine:
    """Return a line as it comes back from the database: its proof has been JSON."""
    charge, treatment = line.charge, line.treatment
    return StoredLine(
        position=position,
        description=charge.description,
        kind=charge.kind,
        item=str(charge.item_id),
        period_start=charge.period_start.isoformat(),
        tier=charge.tier,
        quantity=charge.quantity,
        unit_price=charge.unit_price,
        amount_minor=charge.amount_minor,
        discount_minor=line.discount_minor,
        net_minor=line.tax.net_minor,
        tax_minor=line.tax.tax_minor,
        gross_minor=line.tax.gross_minor,
        including_tax=charge.price.including_tax,
        tax_category=str(treatment.category),
        tax_country=treatment.country,
        tax_rate=treatment.rate,
        proof=json.loads(msgspec.json.encode(line.proof())),
        price=charge.price,
    )


@given(histories(), VOUCHERS)
def test_every_document_is_made_again_from_its_proofs(history: History, voucher: Voucher | None) -> None:
    for proposal in documents_of(history, voucher):
        for made in recompute([stored(line, position) for position, line in enumerate(proposal.lines)]):
            assert made.is_equal, (made.line.kind, made.line.proof, made.missing, made.recounts)


@given(histories(), VOUCHERS, st.integers(1, 10**6))
def test_a_changed_line_is_never_taken_for_equal(history: History, voucher: Voucher | None, more: int) -> None:
    for proposal in documents_of(history, voucher):
        lines = [stored(line, position) for position, line in enumerate(proposal.lines)]
        lines[0] = replace(lines[0], amount_minor=lines[0].amount_minor + more)
        assert not recompute(lines)[0].is_equal


@given(histories(), VOUCHERS, st.lists(st.dates(date(2024, 1, 1), date(2027, 12, 31)), max_size=6))
def test_books_balance_and_everything_deferred_is_earned(
    history: History, voucher: Voucher | None, months: list[date]
) -> None:
    accounts: Counter[str] = Counter()
    nets = 0
    deferred = []
    for proposal in documents_of(history, voucher):
        at = proposal.occasion.moment
        if proposal.is_credit:
            entry = credit_note_entry(proposal, uuid.uuid4(), at, to_invoices_minor=0)
        else:
            entry = invoice_entry(proposal, uuid.uuid4(), at)
        for posting in entry.postings:
            accounts[posting.account] += posting.amount_minor
        for line in proposal.lines:
            charge = line.charge
            nets += line.tax.net_minor
            part = deferred_minor(line, proposal)
            issue_date = local_date(at, proposal.account.seller.zone)
            period = charge.period_start, charge.period_end
            deferred.append(schedule_of(part, period, zone=proposal.account.zone, issue_date=issue_date))
    assert sum(accounts.values()) == 0
    assert -accounts["deferred_revenue"] == sum(schedule.deferred_minor for schedule in deferred)
    recognised = 0
    for until in [*sorted(months), LATER]:
        step = sum(schedule.earned(until) for schedule in deferred) - recognised
        accounts["deferred_revenue"] += step
        accounts["revenue"] -= step
        recognised += step
    assert accounts["deferred_revenue"] == 0
    assert -accounts["revenue"] == nets
