"""Reads of the books."""

import uuid
from dataclasses import dataclass
from datetime import date

from django.db.models import Prefetch, Q, QuerySet, Sum

from ledger.models import Account, Entry, Posting


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a list of entries is narrowed to; what is empty narrows nothing. Dates are accounting dates, included."""

    kind: str = ""
    customer_id: uuid.UUID | None = None
    object_id: uuid.UUID | None = None
    date_from: date | None = None
    date_to: date | None = None


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """What one account of one currency comes to, in minor units: its debits, its credits, and debits less credits."""

    account: str
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        """Return debits less credits: positive for what is owned or owed to us."""
        return self.debit_minor - self.credit_minor


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account of one currency, in the order of the chart; together they come to zero."""

    currency: str
    accounts: tuple[AccountTotal, ...]

    @property
    def total_minor(self) -> int:
        """Return what all accounts come to: 0 in books that hold."""
        return sum(account.balance_minor for account in self.accounts)


def list_entries(wanted: EntryFilter | None = None) -> QuerySet[Entry]:
    """Return entries with their postings, newest first."""
    wanted = wanted or EntryFilter()
    entries = Entry.objects.prefetch_related(Prefetch("postings", queryset=Posting.objects.order_by("id")))
    conditions = {
        "kind": wanted.kind or None,
        "customer_id": wanted.customer_id,
        "object_id": wanted.object_id,
        "accounting_date__gte": wanted.date_from,
        "accounting_date__lte": wanted.date_to,
    }
    entries = entries.filter(**{name: value for name, value in conditions.items() if value is not None})
    return entries.order_by("-id")


def list_trial_balances(*, until: date | None = None) -> tuple[TrialBalance, ...]:
    """Return the trial balance of each currency, of everything posted up to the end of an accounting day, or so far."""
    postings = Posting.objects.all()
    if until is not None:
        postings = postings.filter(entry__accounting_date__lte=until)
    sums = postings.values("currency", "account").annotate(
        debit=Sum("amount_minor", filter=Q(amount_minor__gt=0)),
        credit=Sum("amount_minor", filter=Q(amount_minor__lt=0)),
    )
    order = {account: place for place, account in enumerate(Account.values)}
    found: dict[str, list[AccountTotal]] = {}
    for row in sorted(sums, key=lambda one: (one["currency"], order[one["account"]])):
        total = AccountTotal(row["account"], row["debit"] or 0, -(row["credit"] or 0))
        found.setdefault(row["currency"], []).append(total)
    return tuple(TrialBalance(currency, tuple(accounts)) for currency, accounts in found.items())
