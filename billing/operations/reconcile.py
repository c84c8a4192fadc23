"""After a restore: match what the providers charged since the backup with the restored rows.

What the rows do not show is recorded, so that the charge that arrives at the same key asks the provider first. Nothing
is charged, billed or booked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from billing.domain.payments import AttemptStatus, ChargeKey, read_charge_key
from billing.domain.reconciliation import (
    NEEDS_PERSON,
    Finding,
    Recorded,
    Taken,
    Wanted,
    judge_recorded,
    judge_wanted,
)
from billing.models import FoundCharge, PaymentAttempt
from billing.providers.base import ListedCharge, Outcome
from billing.providers.registry import get_provider, provider_names
from billing.run.engine import propose_outcomes
from billing.run.reading import read_accounts
from billing.run.writing import charge_key
from core.errors import Conflict
from core.operations_instance import note_reconciled
from core.queries_instance import find_instance
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.account import CARD
from invoicing.domain.assembly import Proposal
from invoicing.models import Invoice
from invoicing.queries.tax import get_tax_world

MARGIN = timedelta(hours=1)
"""Charges under way at the backup, and clocks that differ, lie within it."""
CHUNK = 500
MAY_YET_TAKE = frozenset({Outcome.PENDING, Outcome.UNKNOWN})


class NothingRestored(Conflict):
    """There is no moment since which charges could be missing."""

    code = "nothing_restored"


@dataclass(frozen=True, slots=True)
class Judged:
    """A charge that is not simply matched; `customer` is whose it is, None when that customer is not here."""

    taken: Taken
    finding: Finding
    wanted: Wanted | None
    customer: Customer | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What became of the match: the number of charges that agree, and the others one by one."""

    since: datetime
    matched: int
    judged: tuple[Judged, ...]

    def count(self, finding: Finding) -> int:
        """Return the number of charges with a finding."""
        return self.matched if finding is Finding.MATCHED else sum(one.finding is finding for one in self.judged)

    @property
    def for_person(self) -> tuple[Judged, ...]:
        """Return the charges that a person has to look at."""
        return tuple(one for one in self.judged if one.finding in NEEDS_PERSON)


def reconcile(*, now: datetime, since: datetime | None = None) -> Reconciliation:
    """Match every provider's charges since the restored backup (or `since`) with the rows, and record what is missing.

    `now` is the wall's moment. It can be repeated: what agrees meanwhile is recorded no more. Raises NothingRestored,
    and ProviderUnavailable: then nothing is recorded.
    """
    if since is None:
        since = _backup_moment() - MARGIN
    matched = 0
    undecided: list[Taken] = []
    decided: list[tuple[Taken, Finding]] = []
    for provider in provider_names():
        for chunk in _chunks(get_provider(provider).list_charges(since)):
            recorded = _list_recorded(chunk)
            for listed in chunk:
                taken = _taken(provider, listed)
                finding = judge_recorded(taken, recorded.get(taken.idempotency_key))
                if finding is None:
                    undecided.append(taken)
                elif finding is Finding.MATCHED:
                    matched += 1
                else:
                    decided.append((taken, finding))
    wanted = _list_wanted(undecided, now)
    totals: Counter[str] = Counter()
    for taken in undecided:
        totals[taken.stem] += taken.amount_minor
    for taken in undecided:
        decided.append((taken, judge_wanted(totals[taken.stem], taken.currency, wanted.get(taken.stem))))
    judged = _with_customers(decided, wanted)
    with transaction.atomic(durable=True):
        _record(judged, since=since, now=now)
        note_reconciled(now=now)
    return Reconciliation(since, matched, judged)


def _backup_moment() -> datetime:
    """Return when the backup was taken that this database was restored from. Raises NothingRestored."""
    instance = find_instance()
    if instance is None or instance.restored_from_at is None:
        raise NothingRestored("This database was not restored from a backup; say since when with --since.")
    return instance.restored_from_at


def _chunks(charges: Iterator[ListedCharge]) -> Iterator[list[ListedCharge]]:
    while chunk := list(islice(charges, CHUNK)):
        yield chunk


def _taken(provider: str, listed: ListedCharge) -> Taken:
    result = listed.result
    return Taken(
        provider=provider,
        idempotency_key=listed.idempotency_key,
        reference=result.reference,
        amount_minor=listed.asked_minor if result.outcome in MAY_YET_TAKE else result.amount_minor,
        currency=listed.currency,
        charged_at=listed.charged_at,
        outcome=str(result.outcome),
    )


def _list_recorded(charges: Sequence[ListedCharge]) -> dict[str, Recorded]:
    """Return, by key, the attempts here with the payments they led to."""
    keys = [charge.idempotency_key for charge in charges]
    return {
        attempt.idempotency_key: Recorded(
            status=AttemptStatus(attempt.status),
            amount_minor=attempt.payment.amount_minor if attempt.payment else 0,
            currency=attempt.currency,
            reference=attempt.payment.external_reference if attempt.payment else "",
        )
        for attempt in PaymentAttempt.objects.filter(idempotency_key__in=keys).select_related("payment")
    }


def _list_wanted(charges: Iterable[Taken], now: datetime) -> dict[str, Wanted]:
    """Return, by the stem of its keys, what will be asked for next: on invoices here, else by the next run."""
    numbers: dict[str, int] = {}
    unread: dict[str, ChargeKey] = {}
    for taken in charges:
        key = read_charge_key(taken.idempotency_key)
        if key is not None:
            numbers[key.stem] = max(numbers.get(key.stem, 0), key.number)
            unread[key.stem] = key
    wanted = _wanted_on_invoices(numbers)
    ahead = [key for stem, key in unread.items() if stem not in wanted]
    return _wanted_by_the_run(ahead, now) | wanted


def _wanted_on_invoices(numbers: Mapping[str, int]) -> dict[str, Wanted]:
    """Return what invoices that are here are due; `numbers` are the latest attempts at the provider, by stem."""
    keys = [f"{stem}:{number}" for stem, last in numbers.items() for number in range(1, last + 1)]
    wanted = {}
    for start in range(0, len(keys), CHUNK):
        attempts = PaymentAttempt.objects.filter(
            idempotency_key__in=keys[start : start + CHUNK],
            invoice__status__in=(Invoice.Status.DRAFT, Invoice.Status.OPEN),
            invoice__amount_due_minor__gt=0,
        )
        for key, due_minor, currency in attempts.values_list(
            "idempotency_key", "invoice__amount_due_minor", "invoice__currency"
        ):
            wanted[key.rpartition(":")[0]] = Wanted(due_minor, currency)
    return wanted


def _wanted_by_the_run(keys: Iterable[ChargeKey], now: datetime) -> dict[str, Wanted]:
    """Return what the next run will charge the keys' customers, by the run's own computation; writes nothing."""
    latest: dict[object, datetime] = {}
    for key in keys:
        latest[key.customer_id] = max(key.due_moment_at, latest.get(key.customer_id, key.due_moment_at))
    by_clock: dict[object, list[Customer]] = defaultdict(list)
    for customer in Customer.objects.filter(id__in=list(latest)).select_related("test_clock"):
        by_clock[customer.test_clock_id].append(customer)
    wanted = {}
    for customers in by_clock.values():
        as_of = max(customer_queries.now_of(customers[0], now), *(latest[customer.id] for customer in customers))
        world = get_tax_world(as_of)
        for start in range(0, len(customers), CHUNK):
            accounts = read_accounts([customer.id for customer in customers[start : start + CHUNK]])
            outcomes, _ = propose_outcomes(accounts, as_of, world)
            for proposal in (proposal for outcome in outcomes for proposal in outcome.proposals):
                if _is_charged(proposal):
                    stem = charge_key(proposal).rpartition(":")[0]
                    wanted[stem] = Wanted(proposal.amount_due_minor, proposal.currency)
    return wanted


def _is_charged(proposal: Proposal) -> bool:
    """Tell whether a proposed document leads to a charge."""
    is_by_card = proposal.account.billing_type == CARD and proposal.payment_method_id is not None
    return is_by_card and not proposal.is_credit and proposal.amount_due_minor > 0


def _with_customers(decided: Iterable[tuple[Taken, Finding]], wanted: Mapping[str, Wanted]) -> tuple[Judged, ...]:
    """Return judged charges, oldest first, each with its customer."""
    in_order = sorted(decided, key=lambda pair: pair[0].charged_at)
    keys = {taken.idempotency_key: read_charge_key(taken.idempotency_key) for taken, _ in in_order}
    customers = Customer.objects.in_bulk({key.customer_id for key in keys.values() if key is not None})
    judged = []
    for taken, finding in in_order:
        key = keys[taken.idempotency_key]
        customer = customers.get(key.customer_id) if key is not None else None
        judged.append(Judged(taken, finding, wanted.get(taken.stem), customer))
    return tuple(judged)


def _record(judged: Sequence[Judged], *, since: datetime, now: datetime) -> None:
    """Write what the rows do not show; what they show by now is taken away."""
    rows = [
        FoundCharge(
            provider=one.taken.provider,
            idempotency_key=one.taken.idempotency_key,
            external_reference=one.taken.reference,
            customer=one.customer,
            finding=one.finding,
            outcome=one.taken.outcome,
            currency=one.taken.currency,
            amount_minor=one.taken.amount_minor,
            wanted_minor=one.wanted.amount_minor if one.wanted is not None else None,
            charged_at=one.taken.charged_at,
            found_at=now,
        )
        for one in judged
    ]
    kept = [row.idempotency_key for row in rows]
    FoundCharge.objects.filter(charged_at__gte=since).exclude(idempotency_key__in=kept).delete()
    changed = ["external_reference", "customer", "finding", "outcome", "amount_minor", "wanted_minor", "found_at"]
    FoundCharge.objects.bulk_create(
        rows, batch_size=CHUNK, update_conflicts=True, unique_fields=["idempotency_key"], update_fields=changed
    )
