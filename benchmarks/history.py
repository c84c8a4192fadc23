"""Give customers years of history: two months billed for real, the second one again for each month that follows."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from benchmarks.databases import tidy, without_indexes
from benchmarks.population import ZONE, due_at
from benchmarks.processes import Gate
from billing.run.claiming import Scope
from billing.run.engine import run_billing

# Ids of months past lie as far back in time as if they had been made then: new ones go to the indexes' end, as they do.
_OLDER = """(lpad(to_hex(('x' || left(replace({id}::text, '-', ''), 12))::bit(48)::bigint
    - (%(last)s + 1 - month) * 2629746000), 12, '0') || right(replace({id}::text, '-', ''), 20))::uuid"""
# Moments and days so many months later, by the customers' clocks.
_LATER = f"(({{at}} AT TIME ZONE '{ZONE}' + ({{months}}) * interval '1 month') AT TIME ZONE '{ZONE}')"
_LATER_DAY = "({day} + (month - 2) * interval '1 month')::date"


def _older(*columns: str) -> dict[str, str]:
    return {column: _OLDER.format(id=f"source.{column}") for column in columns}


def _later(*columns: str, months: str = "month - 2") -> dict[str, str]:
    return {column: _LATER.format(at=f"source.{column}", months=months) for column in columns}


def _later_day(*columns: str) -> dict[str, str]:
    return {column: _LATER_DAY.format(day=f"source.{column}") for column in columns}


# What is repeated of each table, and which of its columns differ from month to month.
_EVENTS = (
    "event_id LIKE 'first-%%'",
    {"event_id": "month || '-' || source.event_id"} | _later("timestamp", "received_at", months="month - 1"),
)
_BILLED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ledger_posting": (
        "entry_id IN (SELECT id FROM ledger_entry WHERE posted_at = %(second)s)",
        _older("entry_id") | {"id": "nextval('ledger_posting_id_seq')"},
    ),
    "ledger_entry": (
        "posted_at = %(second)s",
        _older("id", "object_id") | _later("posted_at") | _later_day("accounting_date"),
    ),
    "core_outboxevent": (
        "created_at = %(second)s",
        _older("event_id", "object_id") | _later("created_at") | {"id": "nextval('core_outboxevent_id_seq')"},
    ),
    "invoicing_invoiceline": (
        "invoice_id IN (SELECT id FROM invoicing_invoice WHERE finalized_at = %(second)s)",
        _older("id", "invoice_id") | _later("period_start", "period_end"),
    ),
    "invoicing_invoice": (
        "finalized_at = %(second)s",
        _older("id")
        | _later("due_moment_at", "supply_start", "supply_end", "created_at", "finalized_at")
        | _later_day("issue_date", "due_date")
        | {
            "sequence": "source.sequence + (month - 2) * %(invoices)s",
            "number": "'INV-2026-' || source.sequence + (month - 2) * %(invoices)s",
        },
    ),
}
_STARTED = _LATER.format(at="started_at", months="%(last)s")
_ENDS = _LATER.format(at="started_at", months="%(last)s + 1")
_STANDING = (
    f"UPDATE subscriptions_subscription SET billed_to_at = {_STARTED}, current_period_start = {_STARTED}, "  # noqa: S608 - from above
    f"next_due_at = {_ENDS}, current_period_end = {_ENDS}",
    "UPDATE customers_agenda agenda SET due_at = subscription.next_due_at "
    "FROM subscriptions_subscription subscription WHERE subscription.customer_id = agenda.customer_id",
    "UPDATE ledger_customerbalance SET receivable_minor = receivable_minor * %(last)s / 2",
    "UPDATE invoicing_numbercounter SET last_sequence = last_sequence * %(last)s / 2",
)


def add_months(gate: Gate, month: int) -> None:
    """Bill everybody up to the month before, so that this one is due; events go on to its end."""
    gate()
    with without_indexes("usage_event"):
        _repeat("usage_event", *_EVENTS, {"first": 2, "until": month})
    tidy("usage_event")
    tallies = [run_billing(Scope(as_of=due_at(early), now=due_at(early))) for early in (1, 2)]
    last = month - 1
    names: dict[str, Any] = {"first": 3, "until": last, "last": last, "second": due_at(2)}
    names["invoices"] = tallies[1].invoices
    with connection.cursor() as cursor, without_indexes(*_BILLED):
        for table, (rows, changes) in _BILLED.items():
            _repeat(table, rows, changes, names)
        for statement in _STANDING:
            cursor.execute(statement, names)
    tidy()


def _repeat(table: str, rows: str, changes: Mapping[str, str], names: Mapping[str, Any]) -> None:
    """Add rows of a table again for each month from `first` until `until`, with what differs."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        values = [changes.get(name, f'source."{name}"') for name in columns]
        columns_text = ", ".join(map(connection.ops.quote_name, columns))
        cursor.execute(
            f"INSERT INTO {table} ({columns_text}) OVERRIDING SYSTEM VALUE SELECT {', '.join(values)} "  # noqa: S608 - from above
            f"FROM (SELECT * FROM {table} WHERE {rows}) source "
            "CROSS JOIN generate_series(%(first)s, %(until)s) AS month",
            names,
        )
