"""Post to the books."""

from collections.abc import Iterable, Sequence
from typing import Any

from core.behind import execute_behind
from core.copying import copy_rows
from core.identifiers import new_id
from core.operations import require_transaction
from core.rows import array_text
from ledger.domain.entry import EntryDraft, balance_moves

ENTRY_COLUMNS = ("id", "kind", "object_kind", "object_id", "customer_id", "posted_at", "accounting_date")
POSTING_COLUMNS = ("entry_id", "account", "customer_id", "country", "currency", "amount_minor")
MOVE_BALANCES = """
INSERT INTO ledger_customerbalance AS total (id, customer_id, currency, balance_minor, receivable_minor)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::varchar[], %s::bigint[], %s::bigint[])
ON CONFLICT (customer_id, currency) DO UPDATE
SET balance_minor = total.balance_minor + excluded.balance_minor,
    receivable_minor = total.receivable_minor + excluded.receivable_minor
"""


def post_entries(entries: Sequence[EntryDraft]) -> None:
    """Post balanced entries and move the running totals of their customers, in the caller's transaction.

    The caller holds the lock of every customer named. All postings go in by one statement, so that the database can
    see each entry whole. Raises RuntimeError outside a transaction, IntegrityError (`one_entry_per_fact`) when a fact
    is posted twice.
    """
    require_transaction()
    if not entries:
        return
    entry_ids = [new_id() for _ in entries]
    copy_rows(
        "ledger_entry",
        ENTRY_COLUMNS,
        [
            (
                entry_id,
                entry.kind,
                entry.object_kind,
                entry.object_id,
                entry.customer_id,
                entry.posted_at,
                entry.accounting_date,
            )
            for entry_id, entry in zip(entry_ids, entries, strict=True)
        ],
    )
    copy_rows(
        "ledger_posting",
        POSTING_COLUMNS,
        [
            (
                entry_id,
                posting.account,
                posting.customer_id,
                posting.country,
                posting.currency,
                posting.amount_minor,
            )
            for entry_id, entry in zip(entry_ids, entries, strict=True)
            for posting in entry.postings
            if posting.amount_minor
        ],
    )
    move_balances(entries)


def move_balances(entries: Sequence[EntryDraft]) -> None:
    """Move the running totals of the customers whom these entries touch, in one statement."""
    moves = balance_moves(entries)
    if not moves:
        return
    columns: tuple[Iterable[Any], ...] = (
        [new_id() for _ in moves],
        [move.customer_id for move in moves],
        [move.currency for move in moves],
        [move.balance_minor for move in moves],
        [move.receivable_minor for move in moves],
    )
    execute_behind(MOVE_BALANCES, [array_text(column) for column in columns])
