"""Simulate the months ahead on live data: read as of one moment, bill in thought, write nothing.

The accounts are read and billed by the code of the run. Everything is read in one snapshot of the database, chunk after
chunk, so that memory does not grow with the number of customers.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.domain.dunning_ahead import Payments
from billing.domain.ending import FULL, Ended
from billing.domain.expected_usage import Assumption, Questions, expect, questions
from billing.domain.forecast import Case, UsageWanted, forecast, steps_to_ask
from billing.domain.future import Forecast
from billing.domain.standing import ChargedInvoice, Standing
from billing.domain.what_if import WhatIf
from billing.queries.dunning import list_dunning_cases
from billing.queries.receivables import list_paid, list_receivables, list_unpaid_subscription_ids
from billing.queries.standing import read_standing
from billing.run.claiming import CHUNK
from billing.run.engine import without_collecting
from billing.run.reading import read_accounts
from core.domain.schedule import Interval, boundary, local_date, local_wall
from core.errors import BillingError, NotFound
from customers.models import Agenda
from invoicing.domain.account import Account
from invoicing.domain.tax_world import TaxWorld
from invoicing.queries.tax import get_tax_world
from subscriptions.domain.terms import Agreement
from subscriptions.queries.terms import list_due_agreements
from usage import queries as usage_queries
from usage.domain.aggregation import UsageFigure

MOST_MONTHS = 60

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is simulated: so many months from `now`, with what is assumed of usage and payments, and perhaps a change in
    thought.
    """

    now: datetime
    months: int = 12
    usage: Assumption = Assumption.LAST_PERIOD
    what_if: WhatIf | None = None
    payments: Payments = Payments.MADE

    def until(self, zone: str) -> datetime:
        """Return the last moment that is simulated: the same wall time so many months later."""
        return boundary(local_wall(self.now, zone), Interval("month"), self.months, zone)


@dataclass(frozen=True, slots=True)
class Failed:
    """A customer whose future could not be computed, and why."""

    customer_id: uuid.UUID
    reason: str


@contextmanager
def one_snapshot(*, read_only: bool = True) -> Iterator[None]:
    """Read everything as of one moment; inside a transaction of the caller's its own isolation holds.

    Read only, PostgreSQL refuses every write.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            mode = "READ ONLY" if read_only else "READ WRITE"
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, {mode}")
        yield


def simulate_customer(customer_id: uuid.UUID, wanted: Simulation) -> Forecast:
    """Return what one customer will be billed; `now` is the customer's own moment.

    Raises NotFound, and what a change in thought is refused with (Conflict, Invalid).
    """
    with one_snapshot():
        forecasts = list(_simulate([customer_id], wanted, get_tax_world(wanted.now), strict=True))
    if not forecasts or not isinstance(forecasts[0], Forecast):
        raise NotFound(f"No customer has the id {customer_id}.")
    return forecasts[0]


def simulate_all(wanted: Simulation, *, chunk: int = CHUNK) -> Iterator[Forecast | Failed]:
    """Yield what each customer on the wall clock with anything ahead will be billed, chunk after chunk.

    The caller holds the snapshot (`one_snapshot`). A customer who cannot be computed is told with the reason.
    """
    world = get_tax_world(wanted.now)
    after = uuid.UUID(int=0)
    while customer_ids := _next_customers(after, chunk):
        yield from _simulate(customer_ids, wanted, world)
        after = customer_ids[-1]


def count_ahead() -> int:
    """Count the customers that a simulation of everybody goes through."""
    return Agenda.objects.filter(due_at__isnull=False, test_clock__isnull=True).count()


def _next_customers(after: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Return the next customers with anything ahead, in the order of their ids."""
    ahead = Agenda.objects.filter(customer_id__gt=after, due_at__isnull=False, test_clock__isnull=True)
    return list(ahead.order_by("customer_id").values_list("customer_id", flat=True)[:limit])


def _simulate(
    customer_ids: Sequence[uuid.UUID], wanted: Simulation, world: TaxWorld, *, strict: bool = False
) -> Iterator[Forecast | Failed]:
    """Yield the future of a chunk of customers, read by a constant number of statements.

    With `strict` what cannot be computed raises.
    """
    failures: dict[uuid.UUID, str] = {}
    supposed = _suppose(list_due_agreements(customer_ids), wanted.what_if, failures, strict=strict)
    may_end = list_unpaid_subscription_ids(customer_ids)
    accounts = read_accounts(customer_ids, supposed, about_to_change=may_end, with_waiting=True)
    cases = _cases(accounts, wanted)
    held = replace(world, closed=world.closed.held())
    asked: dict[uuid.UUID, Questions] = {}
    for customer_id, case in cases.items():
        try:
            asked[customer_id] = _ask(case, wanted)
        except Exception as error:
            _fail(customer_id, error, failures, strict=strict)
    windows = {window.key: window for one in asked.values() for window in one.windows}
    figures = usage_queries.list_usage_figures(list(windows.values()))
    with without_collecting():
        for customer_id, one in asked.items():
            try:
                yield _forecast(cases[customer_id], wanted, _answers(one, figures), held)
            except Exception as error:
                _fail(customer_id, error, failures, strict=strict)
    yield from (Failed(customer_id, reason) for customer_id, reason in failures.items())


def _ask(case: Case, wanted: Simulation) -> Questions:
    """Return what has to be known about a customer's usage."""
    return questions(steps_to_ask(case, wanted.until(case.account.zone)), wanted.now, wanted.usage)


def _forecast(case: Case, wanted: Simulation, figures: Mapping[Any, UsageFigure], world: TaxWorld) -> Forecast:
    """Return a customer's future; where dunning ends something before its time, its usage by then is asked for."""
    while True:
        try:
            return forecast(case, wanted.now, wanted.until(case.account.zone), figures, world)
        except UsageWanted as more:
            case = replace(case, asked=(*more.steps, *case.asked))
            asked = _ask(case, wanted)
            figures = _answers(asked, usage_queries.list_usage_figures(asked.windows))


def _suppose(
    agreements: Sequence[Agreement], what_if: WhatIf | None, failures: dict[uuid.UUID, str], *, strict: bool
) -> list[Agreement]:
    """Return agreements with the change in thought on those it is about; who cannot take it goes on as it is."""
    if what_if is None:
        return list(agreements)
    found = []
    for agreement in agreements:
        try:
            found.append(what_if.suppose(agreement) if what_if.is_about(agreement) else agreement)
        except BillingError as refusal:
            if strict:
                raise
            failures[agreement.customer_id] = refusal.message
    return found


def _cases(accounts: Mapping[uuid.UUID, Account], wanted: Simulation) -> dict[uuid.UUID, Case]:
    """Return accounts with what is open on their invoices."""
    today = {one.customer_id: local_date(wanted.now, one.seller.zone) for one in accounts.values()}
    receivables = list_receivables(list(accounts), today)
    paid, gives_back = list_paid(list(accounts.values()))
    brands = {one.customer_id: one.seller.brand_id for one in accounts.values()}
    open_ids = [one.invoice_id for rows in receivables.values() for one in rows]
    dunned = list_dunning_cases(brands, open_ids, wanted.payments)
    agreements = (agreement for account in accounts.values() for agreement in account.agreements)
    standing = read_standing([Ended(one, wanted.now) for one in agreements if one.cancel_refund == FULL])
    stand: dict[uuid.UUID, dict[uuid.UUID, ChargedInvoice]] = defaultdict(dict)
    for invoice in standing.invoices.values():
        stand[invoice.customer_id][invoice.invoice_id] = invoice
    return {
        customer_id: Case(
            account,
            receivables.get(customer_id, ()),
            paid,
            gives_back,
            Standing(stand[customer_id], standing.notes),
            dunned[customer_id],
        )
        for customer_id, account in accounts.items()
    }


def _answers(asked: Questions, figures: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the answers of one customer, with what is expected of the time ahead."""
    if not asked.windows and not asked.ahead:
        return {}
    return expect(asked, {window.key: figures[window.key] for window in asked.windows})


def _fail(customer_id: uuid.UUID, error: Exception, failures: dict[uuid.UUID, str], *, strict: bool) -> None:
    """Note why a customer's future could not be computed. Raises it when `strict`."""
    if strict:
        raise error
    logger.error("a simulation failed for a customer", exc_info=error, extra={"customer": str(customer_id)})
    failures[customer_id] = f"{type(error).__name__}: {error}".strip()
