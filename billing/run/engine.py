"""Run billing: chunk after chunk until nothing is due.

A run killed at any moment leaves whole chunks behind; the next run goes on with the rest. Any number may run at once.
"""

import gc
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from itertools import islice

from django.db import OperationalError, transaction

from billing.domain.cycle import plan_steps, step_windows
from billing.domain.grace import bill_sorted, sort_steps
from billing.run.claiming import CHUNK, Scope, claim, park
from billing.run.reading import read_accounts
from billing.run.writing import Outcome, write_pieces
from core.behind import writing_behind
from core.faults import reach
from invoicing.domain.account import Account
from invoicing.domain.tax_world import TaxWorld
from invoicing.operations.issuing import Issued
from invoicing.queries.tax import get_tax_world
from usage import queries as usage_queries
from usage.domain.aggregation import UsageFigure

logger = logging.getLogger(__name__)
# Customers whose lines are stored while those after them are proposed.
_PIECE = 125


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run has done so far; amounts are invoice totals in minor units per currency."""

    customers: int = 0
    invoices: int = 0
    credit_notes: int = 0
    parked: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of two tallies."""
        return Tally(
            self.customers + other.customers,
            self.invoices + other.invoices,
            self.credit_notes + other.credit_notes,
            self.parked + other.parked,
        )


@contextmanager
def without_collecting() -> Iterator[None]:
    """Keep the cycle collector from walking a chunk's values again and again; they hold no cycles and go by count."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


Progress = Callable[[Tally], None]
World = Callable[[], TaxWorld]


def run_billing(scope: Scope, *, chunk: int = CHUNK, progress: Progress | None = None) -> Tally:
    """Bill every customer of a scope that is due, and return what was done.

    It taxes by the rules that held when its first chunk was claimed; where nobody is due they are not read. It ends
    only when a claim that waits for locks finds nothing due. A chunk that cannot be read, or that the database refuses,
    is tried again in halves, down to the one customer that is parked with its reason.
    """
    total = Tally()
    world = cache(partial(get_tax_world, scope.as_of))
    while True:
        done = _bill_chunk(scope, world, chunk, wait=False) or _bill_chunk(scope, world, chunk, wait=True)
        if done is None:
            return total
        total = total.plus(done)
        if progress is not None:
            progress(total)


def _bill_chunk(scope: Scope, world: World, limit: int, *, wait: bool) -> Tally | None:
    """Claim and bill one chunk in one transaction; None when nothing was due."""
    customer_ids: list[uuid.UUID] = []
    try:
        with transaction.atomic(durable=True):
            customer_ids = claim(scope, limit=limit, wait=wait)
            if not customer_ids:
                return None
            reach("billing.claimed")
            # What is left when collecting begins again is next to nothing: a chunk's values went with its frame.
            with without_collecting():
                done = _bill(customer_ids, scope, world())
    except Exception as failure:
        if not customer_ids or is_end_of_session(failure):
            raise
        return _bill_in_halves(scope, world, customer_ids, failure)
    reach("billing.committed")
    return done


def is_end_of_session(failure: Exception) -> bool:
    """Tell whether the database went away: that is no customer's fault, and the next run goes on with them."""
    state = getattr(failure.__cause__, "sqlstate", None)
    return isinstance(failure, OperationalError) and (state is None or state.startswith(("08", "57P")))


def _bill_in_halves(scope: Scope, world: World, customer_ids: Sequence[uuid.UUID], failure: Exception) -> Tally:
    """Bill the customers of a chunk that failed again in halves; a single one is parked with the reason."""
    if len(customer_ids) == 1:
        reason = _reason(customer_ids[0], failure)
        with transaction.atomic(durable=True):
            park({customer_ids[0]: reason}, now=scope.now)
        return Tally(parked=1)
    middle = len(customer_ids) // 2
    total = Tally()
    for half in (customer_ids[:middle], customer_ids[middle:]):
        done = _bill_chunk(replace(scope, customer_ids=tuple(half)), world, len(half), wait=True)
        total = total.plus(done or Tally())
    return total


def _bill(customer_ids: Sequence[uuid.UUID], scope: Scope, world: TaxWorld) -> Tally:
    """Bill locked customers: read, propose, write; the database stores a piece while the next is proposed."""
    failures: dict[uuid.UUID, str] = {}
    accounts = read_accounts(customer_ids)
    with writing_behind():
        pieces = list_pieces(propose_each(accounts, scope.as_of, world, failures))
        issued = write_pieces(pieces, as_of=scope.as_of)
        park(failures, now=scope.now)
    reach("billing.written")
    return _tally(len(accounts) - len(failures), issued, failures)


def list_pieces(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    """Yield outcomes in pieces, each as soon as it is there."""
    remaining = iter(outcomes)
    while piece := list(islice(remaining, _PIECE)):
        yield piece
    reach("billing.proposed")


def _tally(customers: int, issued: Sequence[Issued], failures: Mapping[uuid.UUID, str]) -> Tally:
    """Count what a chunk made."""
    credit_notes = sum(document.proposal.is_credit for document in issued)
    return Tally(customers, len(issued) - credit_notes, credit_notes, len(failures))


def propose_outcomes(
    accounts: Mapping[uuid.UUID, Account], as_of: datetime, world: TaxWorld
) -> tuple[list[Outcome], dict[uuid.UUID, str]]:
    """Return what each customer owes at `as_of`, and the reasons of those whose computation failed; writes nothing.

    Dry runs, previews and simulations end here.
    """
    failures: dict[uuid.UUID, str] = {}
    return list(propose_each(accounts, as_of, world, failures)), failures


def propose_each(
    accounts: Mapping[uuid.UUID, Account], as_of: datetime, world: TaxWorld, failures: dict[uuid.UUID, str]
) -> Iterator[Outcome]:
    """Yield what each customer owes at `as_of`, and add the reason of each whose computation failed to `failures`.

    What was used is asked for everybody before the first is yielded.
    """
    plans = {}
    windows = {}
    for customer_id, account in accounts.items():
        try:
            plan = plan_steps(account, as_of)
            steps = sort_steps(account, plan, as_of)
            asked = {window.key: window for window in step_windows(steps.charged)}
        except Exception as error:
            failures[customer_id] = _reason(customer_id, error)
        else:
            plans[customer_id] = plan, steps
            windows.update(asked)
    figures: Mapping[object, UsageFigure] = usage_queries.list_usage_figures(list(windows.values()))
    for customer_id, (plan, steps) in plans.items():
        account = accounts[customer_id]
        try:
            bill = bill_sorted(account, steps, as_of, figures, world)
        except Exception as error:
            failures[customer_id] = _reason(customer_id, error)
        else:
            yield Outcome(account, plan, bill, steps.finished, steps.next_due_at)


def _reason(customer_id: uuid.UUID, error: Exception) -> str:
    """Return why a customer could not be billed, and log it with its traceback."""
    logger.error("billing failed for a customer", exc_info=error, extra={"customer": str(customer_id)})
    return f"{type(error).__name__}: {error}".strip()
