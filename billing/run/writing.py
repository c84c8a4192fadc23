"""Write what a chunk of customers owes, in one transaction, by a constant number of statements."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from billing.domain.cycle import CHANGE, Plan
from billing.domain.ending import charges_its_period, ended_agreements
from billing.domain.grace import Bill
from billing.domain.payments import charge_key_stem, first_charge_key
from billing.operations import ending, standing
from billing.queries import payments as payment_queries
from billing.run.standing_terms import Stood, settle_subscriptions
from core.behind import execute_behind
from core.copying import copy_rows
from core.faults import reach
from core.identifiers import new_id
from core.operations import emit, require_transaction
from core.rows import array_text
from customers.models import PaymentMethod
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Proposal
from invoicing.domain.waiting import WaitingStep
from invoicing.operations import giving_back, issuing
from invoicing.operations.waiting import StepToHold, hold_steps, release_steps

MOVE_AGENDA = """
UPDATE customers_agenda AS agenda SET due_at = moved.due_at, retry_at = NULL
FROM unnest(%s::uuid[], %s::timestamptz[]) AS moved (customer_id, due_at)
WHERE agenda.customer_id = moved.customer_id
"""
SPEND_VOUCHERS = """
UPDATE subscriptions_voucherredemption AS redemption
SET remaining = redemption.remaining - spent.count,
    ended_at = CASE WHEN redemption.remaining = spent.count THEN %s ELSE NULL END
FROM unnest(%s::uuid[], %s::smallint[]) AS spent (id, count)
WHERE redemption.id = spent.id
"""
COUNT_PERIODS = """
INSERT INTO subscriptions_redemptionperiod (id, redemption_id, subscription_id, until_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[])
ON CONFLICT (redemption_id, subscription_id) DO UPDATE SET until_at = excluded.until_at
"""
ATTEMPT_COLUMNS = (
    "id", "customer_id", "invoice_id", "payment_method_id", "number", "provider", "idempotency_key", "status",
    "failure_reason", "failure_message", "currency", "amount_minor", "due_at", "calls", "created_at",
)  # fmt: skip
ACTOR = "billing run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What due steps come to: documents to issue, drafts to hold, when the customer is due next, who is behind it."""

    account: Account
    plan: Plan
    bill: Bill
    finished: tuple[WaitingStep, ...]
    next_due_at: datetime | None
    actor: str = ACTOR

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """Return the documents to issue."""
        return self.bill.proposals

    @property
    def kept_ids(self) -> tuple[uuid.UUID | None, ...]:
        """Return the id each document keeps, None for a new one."""
        return self.bill.kept_ids or (None,) * len(self.bill.proposals)


def write_outcomes(outcomes: Sequence[Outcome], *, as_of: datetime) -> tuple[issuing.Issued, ...]:
    """Write documents, books, boundaries, charge work and facts of customers, all of them locked by the caller.

    Numbers come last; the caller commits next. Raises IntegrityError when the database refuses any of it.
    """
    return write_pieces([outcomes], as_of=as_of)


def write_pieces(pieces: Iterable[Sequence[Outcome]], *, as_of: datetime) -> tuple[issuing.Issued, ...]:
    """Write outcomes as `write_outcomes` does, the lines and entries of each piece as soon as the piece is there."""
    require_transaction()
    outcomes: list[Outcome] = []
    issued: list[issuing.Issued] = []
    for piece in pieces:
        issued += _write_lines(piece, as_of=as_of)
        outcomes += piece
    proposals = [document.proposal for document in issued]
    ended = ended_agreements(step for outcome in outcomes for step in outcome.plan.steps)
    spend_vouchers(proposals, as_of)
    reach("billing.vouchers_spent")
    settle_subscriptions(
        [Stood(outcome.account.agreements, outcome.plan.steps, outcome.actor) for outcome in outcomes], as_of=as_of
    )
    reach("billing.subscriptions_settled")
    _move_agenda([(outcome.account.customer_id, outcome.next_due_at) for outcome in outcomes])
    reach("billing.boundaries_moved")
    schedule_charges(issued, as_of=as_of)
    settled_ids = [invoice_id for document in issued for invoice_id in document.settled_ids]
    if settled_ids:
        emit(*standing.mark_paid(settled_ids, as_of))
    reach("billing.charges_scheduled")
    # Numbers come last, unless what is issued now is given back by an end: then it has to be there.
    gives_issued_back = any(charges_its_period(ended, proposal) for proposal in proposals)
    paid_back = [] if gives_issued_back else ending.refund_periods(ended, as_of)
    issuing.finalize(issued, as_of=as_of)
    if gives_issued_back:
        paid_back = ending.refund_periods(ended, as_of)
    giving_back.finish_credits(paid_back, now=as_of)
    return tuple(issued)


def _write_lines(outcomes: Sequence[Outcome], *, as_of: datetime) -> tuple[issuing.Issued, ...]:
    """Write what begins and ends to wait, and the lines and entries of what is issued."""
    ended = ended_agreements(step for outcome in outcomes for step in outcome.plan.steps)
    release_steps(step for outcome in outcomes for step in outcome.finished)
    hold_steps([step for outcome in outcomes for step in _steps_to_hold(outcome)], as_of=as_of)
    reach("billing.drafts_written")
    proposals = [proposal for outcome in outcomes for proposal in outcome.proposals]
    kept_ids = [kept_id for outcome in outcomes for kept_id in outcome.kept_ids]
    return issuing.store_lines(proposals, as_of=as_of, kept_ids=kept_ids, pay_out=ending.paying_out(ended, as_of))


def _steps_to_hold(outcome: Outcome) -> Iterator[StepToHold]:
    """Yield the steps of a customer that begin to wait."""
    for step in outcome.bill.held:
        yield StepToHold(outcome.account.customer_id, step.moment, step.finalize_at, step.before, step.proposals)


def schedule_charges(issued: Iterable[issuing.Issued], *, as_of: datetime) -> None:
    """Add a payment attempt for every open invoice of a card customer: the row that carries the charge.

    Its idempotency key is made from business facts: customer, due moment, currency, first subscription, attempt.
    """
    wanted = [
        document
        for document in issued
        if document.is_open and document.proposal.account.billing_type == CARD and document.proposal.payment_method_id
    ]
    method_ids = {method_id for document in wanted if (method_id := document.proposal.payment_method_id)}
    providers = dict(PaymentMethod.objects.filter(id__in=method_ids).values_list("id", "provider")) if wanted else {}
    copy_rows("billing_paymentattempt", ATTEMPT_COLUMNS, [_attempt(document, providers, as_of) for document in wanted])


def charge_key(proposal: Proposal) -> str:
    """Return the provider's idempotency key of a proposed document's first charge."""
    account, occasion = proposal.account, proposal.occasion
    return first_charge_key(account.customer_id, occasion.moment, proposal.currency, _charge_subject(proposal))


def _charge_subject(proposal: Proposal) -> str:
    """Return what tells a document's charge apart from others of the same moment: its first item.

    A change may come at the moment of another document: there it is the very line. What no item stands for is told by
    its origin and the number of those before it.
    """
    account, occasion = proposal.account, proposal.occasion
    first = proposal.lines[0].charge
    if not first.item_id:
        stem = charge_key_stem(account.customer_id, occasion.moment)
        earlier = payment_queries.count_first_attempts(account.customer_id, stem)
        return occasion.origin + (f".{earlier}" if earlier else "")
    if occasion.origin != CHANGE:
        return str(first.item_id)
    return f"{first.item_id}.{first.kind}.{first.period_start:%Y%m%dT%H%M%S%f}.{first.revision}"


def _attempt(document: issuing.Issued, providers: dict[uuid.UUID, str], as_of: datetime) -> tuple[Any, ...]:
    """Return the row of an invoice's first attempt."""
    proposal = document.proposal
    method_id = proposal.payment_method_id
    return (
        new_id(),
        proposal.account.customer_id,
        document.id,
        method_id,
        1,
        providers[method_id] if method_id else "",
        charge_key(proposal),
        "scheduled",
        "",
        "",
        proposal.currency,
        proposal.amount_due_minor,
        as_of,
        0,
        as_of,
    )


def spend_vouchers(proposals: Iterable[Proposal], as_of: datetime) -> None:
    """Count down the redemptions that the proposals used, and end those that are used up.

    Repeating ones note the periods they counted: invoices inside them share the discount.
    """
    spent: dict[uuid.UUID, int] = {}
    counted: dict[tuple[str, str], datetime] = {}
    for proposal in proposals:
        for used in proposal.used_vouchers:
            if used.consumes:
                redemption_id = uuid.UUID(used.redemption_id)
                spent[redemption_id] = spent.get(redemption_id, 0) + 1
                counted.update(((used.redemption_id, one), until) for one, until in used.counted)
    if spent:
        with connection.cursor() as cursor:
            cursor.execute(SPEND_VOUCHERS, [as_of, list(spent), list(spent.values())])
            if counted:
                redemptions, subscriptions = zip(*counted, strict=True)
                columns = ([new_id() for _ in counted], redemptions, subscriptions, counted.values())
                cursor.execute(COUNT_PERIODS, list(map(array_text, columns)))


def _move_agenda(due: Sequence[tuple[uuid.UUID, datetime | None]]) -> None:
    """Write when each customer is due next, and take it out of parking."""
    customer_ids = array_text([customer_id for customer_id, _ in due])
    execute_behind(MOVE_AGENDA, [customer_ids, array_text([due_at for _, due_at in due])])
    execute_behind("DELETE FROM billing_parkedcustomer WHERE customer_id = ANY(%s::uuid[])", [customer_ids])
