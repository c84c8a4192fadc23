"""The sandbox's own records: an SQLite file beside the engine's database, because it plays a system outside of it.

A database that is rolled back, restored or killed must find the provider where it really is, so nothing here shares
the engine's transactions or its backup. All processes that share the data folder share the file; it survives restarts
and SIGKILL.
"""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from billing.domain.payments import FailureReason
from billing.providers.base import (
    ChargeRequest,
    ChargeResult,
    IdempotencyMismatch,
    Outcome,
    RefundOutcome,
    RefundRefused,
    RefundRequest,
    RefundResult,
)
from core.services.folder import make_private
from core.services.locks import FileLock

SECONDS_TO_WAIT_FOR_A_LOCK = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS request (idempotency_key TEXT PRIMARY KEY, arrivals INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS charge (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL UNIQUE,
    card_reference TEXT NOT NULL,
    customer TEXT NOT NULL,
    asked_minor INTEGER NOT NULL CHECK (asked_minor > 0),
    currency TEXT NOT NULL,
    outcome TEXT NOT NULL,
    fee_minor INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    hard INTEGER NOT NULL,
    authentication_url TEXT NOT NULL,
    metadata TEXT NOT NULL,
    charged_at TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS charge_customer ON charge (customer);
CREATE INDEX IF NOT EXISTS charge_card ON charge (card_reference);
CREATE TABLE IF NOT EXISTS customer (idempotency_key TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS detached_card (reference TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS refund (
    idempotency_key TEXT PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    charge_reference TEXT NOT NULL REFERENCES charge (reference),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'issued',
    message TEXT NOT NULL DEFAULT '',
    refunded_at TEXT NOT NULL DEFAULT ''
);
"""
# Its own clock, to the millisecond: a provider's time is not ours.
NOW = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
FIND_REFUND = """
SELECT refund.*, refund.rowid AS position, charge.card_reference
FROM refund JOIN charge ON charge.reference = refund.charge_reference
WHERE refund.idempotency_key = ?
"""
LIST_REFUNDS = """
SELECT refund.*, refund.rowid AS position, charge.card_reference
FROM refund JOIN charge ON charge.reference = refund.charge_reference
WHERE refund.refunded_at >= ? AND refund.rowid > ? ORDER BY refund.rowid LIMIT ?
"""
ADD_REFUND = f"""
INSERT INTO refund (idempotency_key, reference, charge_reference, amount_minor, currency, outcome, message, refunded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, {NOW})
"""  # noqa: S608 - composed of constants
# What was rejected was never given back.
REFUNDABLE = """
SELECT card_reference, asked_minor - (
    SELECT coalesce(sum(refund.amount_minor), 0) FROM refund
    WHERE refund.charge_reference = charge.reference AND refund.outcome <> 'rejected'
) AS left_minor
FROM charge WHERE reference = ? AND currency = ? AND outcome = 'succeeded'
"""
FIND_CHARGE = "SELECT * FROM charge WHERE idempotency_key = ?"
ADD_CHARGE = f"""
INSERT INTO charge (idempotency_key, reference, card_reference, customer, asked_minor, currency, outcome, fee_minor,
                    reason, message, hard, authentication_url, metadata, charged_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW})
"""  # noqa: S608 - composed of constants
LIST_CHARGES = """
SELECT * FROM charge WHERE charged_at >= ? AND position > ? ORDER BY position LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class StoredCharge:
    """A charge as the sandbox remembers it; `asked_minor` is the amount of the request, in minor units."""

    position: int
    charged_at: datetime
    idempotency_key: str
    card_reference: str
    customer: str
    asked_minor: int
    metadata: Mapping[str, str]
    result: ChargeResult

    @property
    def is_captured(self) -> bool:
        """Tell whether money was taken."""
        return self.result.outcome is Outcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class StoredRefund:
    """A refund as the sandbox remembers it, in minor units."""

    position: int
    idempotency_key: str
    charge_reference: str
    card_reference: str
    amount_minor: int
    currency: str
    result: RefundResult


class SandboxStore:
    """The records of one sandbox account."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note_arrival(self, idempotency_key: str) -> int:
        """Count a request with this key and return how many came so far, this one included."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO request VALUES (?, 1) ON CONFLICT (idempotency_key) DO UPDATE SET arrivals = arrivals + 1",
                [idempotency_key],
            )
            return int(self._one(database, "SELECT arrivals FROM request WHERE idempotency_key = ?", idempotency_key))

    def count_arrivals(self, idempotency_key: str) -> int:
        """Return how often a charge with this key was asked for."""
        with self._reading() as database:
            return int(
                self._one(database, "SELECT sum(arrivals) FROM request WHERE idempotency_key = ?", idempotency_key) or 0
            )

    def take_charge(self, request: ChargeRequest, decide: Callable[[int], ChargeResult]) -> StoredCharge:
        """Decide a charge and keep it, or return the one this key already has.

        `decide` is given how many charges of the card were captured before. Raises IdempotencyMismatch when the key
        belongs to another amount, currency or card.
        """
        with self._writing() as database:
            found = database.execute(FIND_CHARGE, [request.idempotency_key]).fetchone()
            if found is None:
                captured = int(
                    self._one(
                        database,
                        "SELECT count(*) FROM charge WHERE card_reference = ? AND outcome = 'succeeded'",
                        request.card_reference,
                    )
                )
                self._add_charge(database, request, decide(captured))
                found = database.execute(FIND_CHARGE, [request.idempotency_key]).fetchone()
        stored = _stored(found)
        asked = request.amount_minor, request.currency, request.card_reference
        if (stored.asked_minor, stored.result.currency, stored.card_reference) != asked:
            raise IdempotencyMismatch("This idempotency key was used for another charge.")
        return stored

    def find_charge(self, idempotency_key: str) -> StoredCharge | None:
        """Return the charge with this key, None when there is none."""
        with self._reading() as database:
            row = database.execute(FIND_CHARGE, [idempotency_key]).fetchone()
        return None if row is None else _stored(row)

    def list_charges(self, *, customer: str) -> tuple[StoredCharge, ...]:
        """Return the charges whose metadata name this customer, oldest first."""
        with self._reading() as database:
            rows = database.execute("SELECT * FROM charge WHERE customer = ? ORDER BY position", [customer]).fetchall()
        return tuple(_stored(row) for row in rows)

    def list_charges_since(self, since: datetime, *, after: int, limit: int) -> tuple[StoredCharge, ...]:
        """Return up to `limit` charges made at or after a moment, beyond the position `after`, oldest first."""
        text = since.astimezone(UTC).isoformat(timespec="milliseconds")
        with self._reading() as database:
            rows = database.execute(LIST_CHARGES, [text, after, limit]).fetchall()
        return tuple(_stored(row) for row in rows)

    def count_captures(self, *, customer: str) -> int:
        """Return how often money was really taken from this customer."""
        return sum(charge.is_captured for charge in self.list_charges(customer=customer))

    def settle_pending(self, idempotency_key: str, result: ChargeResult) -> None:
        """Give a pending charge its outcome; a charge that has one keeps it."""
        with self._writing() as database:
            database.execute(
                "UPDATE charge SET outcome = ?, fee_minor = ?, reason = ?, message = ?"
                " WHERE idempotency_key = ? AND outcome = 'pending'",
                [result.outcome, result.fee_minor, result.reason or "", result.message, idempotency_key],
            )

    def withdraw(self, idempotency_key: str, message: str) -> None:
        """Decline a charge that waits for its customer; any other stays as it is."""
        with self._writing() as database:
            database.execute(
                "UPDATE charge SET outcome = ?, reason = ?, message = ?, authentication_url = ''"
                " WHERE idempotency_key = ? AND outcome = ?",
                [
                    Outcome.DECLINED,
                    FailureReason.GENERAL_DECLINE,
                    message,
                    idempotency_key,
                    Outcome.AUTHENTICATION_REQUIRED,
                ],
            )

    def customer_reference(self, idempotency_key: str, reference: str) -> str:
        """Keep a customer under this key and return its reference: the first one given."""
        with self._writing() as database:
            database.execute("INSERT OR IGNORE INTO customer VALUES (?, ?)", [idempotency_key, reference])
            return str(self._one(database, "SELECT reference FROM customer WHERE idempotency_key = ?", idempotency_key))

    def detach(self, card_reference: str) -> None:
        """Remember that a card is gone."""
        with self._writing() as database:
            database.execute("INSERT OR IGNORE INTO detached_card VALUES (?)", [card_reference])

    def is_detached(self, card_reference: str) -> bool:
        """Tell whether a card is gone."""
        with self._reading() as database:
            return bool(self._one(database, "SELECT count(*) FROM detached_card WHERE reference = ?", card_reference))

    def take_refund(self, request: RefundRequest, decide: Callable[[str], RefundResult]) -> StoredRefund:
        """Decide a refund and keep it, or return the one this key already has.

        `decide` is given the card that was charged. Raises RefundRefused above what is left of the charge,
        IdempotencyMismatch when the key belongs to another refund.
        """
        with self._writing() as database:
            found = database.execute(FIND_REFUND, [request.idempotency_key]).fetchone()
            if found is None:
                charge = database.execute(REFUNDABLE, [request.charge_reference, request.currency]).fetchone()
                if charge is None or not 0 < request.amount_minor <= int(charge["left_minor"]):
                    raise RefundRefused("The refund is above what is left of the charge.")
                result = decide(charge["card_reference"])
                database.execute(
                    ADD_REFUND,
                    [
                        request.idempotency_key,
                        result.reference,
                        request.charge_reference,
                        request.amount_minor,
                        request.currency,
                        result.outcome,
                        result.message,
                    ],
                )
                found = database.execute(FIND_REFUND, [request.idempotency_key]).fetchone()
        stored = _stored_refund(found)
        if (stored.charge_reference, stored.amount_minor, stored.currency) != (
            request.charge_reference,
            request.amount_minor,
            request.currency,
        ):
            raise IdempotencyMismatch("This idempotency key was used for another refund.")
        return stored

    def card_charged(self, charge_reference: str) -> str:
        """Return the card of a charge by the charge's reference, empty when there is no such charge."""
        with self._reading() as database:
            return str(
                self._one(database, "SELECT card_reference FROM charge WHERE reference = ?", charge_reference) or ""
            )

    def find_refund(self, idempotency_key: str) -> StoredRefund | None:
        """Return the refund with this key, None when there is none."""
        with self._reading() as database:
            row = database.execute(FIND_REFUND, [idempotency_key]).fetchone()
        return None if row is None else _stored_refund(row)

    def settle_refund(self, idempotency_key: str, result: RefundResult) -> None:
        """Give a pending refund its outcome; a refund that has one keeps it."""
        with self._writing() as database:
            database.execute(
                "UPDATE refund SET outcome = ?, message = ? WHERE idempotency_key = ? AND outcome = 'pending'",
                [result.outcome, result.message, idempotency_key],
            )

    def list_refunds_since(self, since: datetime, *, after: int, limit: int) -> tuple[StoredRefund, ...]:
        """Return up to `limit` refunds made at or after a moment, beyond the position `after`, oldest first."""
        text = since.astimezone(UTC).isoformat(timespec="milliseconds")
        with self._reading() as database:
            rows = database.execute(LIST_REFUNDS, [text, after, limit]).fetchall()
        return tuple(_stored_refund(row) for row in rows)

    def list_refunds(self) -> tuple[StoredRefund, ...]:
        """Return every refund, oldest first."""
        return self.list_refunds_since(datetime(2000, 1, 1, tzinfo=UTC), after=0, limit=sys.maxsize)

    def _add_charge(self, database: sqlite3.Connection, request: ChargeRequest, result: ChargeResult) -> None:
        database.execute(
            ADD_CHARGE,
            [
                request.idempotency_key,
                result.reference,
                request.card_reference,
                request.metadata.get("customer", ""),
                request.amount_minor,
                request.currency,
                result.outcome,
                result.fee_minor,
                result.reason or "",
                result.message,
                result.hard,
                result.authentication_url,
                json.dumps(dict(request.metadata)),
            ],
        )

    @staticmethod
    def _one(database: sqlite3.Connection, statement: str, *values: object) -> Any:
        row = database.execute(statement, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        _prepare(self.path)
        with closing(_connect(self.path)) as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            # Immediate: two requests with one key decide one after the other.
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file for one piece of work: a connection of SQLite's belongs to one thread."""
    database = sqlite3.connect(path, timeout=SECONDS_TO_WAIT_FOR_A_LOCK, isolation_level=None)
    database.row_factory = sqlite3.Row
    # SIGKILL loses nothing this way, only a power failure can. Each piece of work closes the file, which writes the log
    # back: waiting for the disk each time made a charge ten times slower.
    database.execute("PRAGMA synchronous = OFF")
    return database


@cache
def _prepare(path: Path) -> None:
    """Make the file and its tables when they are missing; two processes that start at once take turns."""
    make_private(path.parent)
    with FileLock(path.with_suffix(".lock")), closing(_connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        _add_times(database)
        _add_outcomes(database)


def _add_times(database: sqlite3.Connection) -> None:
    """Give the charges of a file from before charges had times the present one: too late rather than too early."""
    columns = {row["name"] for row in database.execute("PRAGMA table_info(charge)")}
    if "charged_at" not in columns:
        database.execute("ALTER TABLE charge ADD COLUMN charged_at TEXT NOT NULL DEFAULT ''")
    database.execute(f"UPDATE charge SET charged_at = {NOW} WHERE charged_at = ''")  # noqa: S608 - a constant
    database.execute("CREATE INDEX IF NOT EXISTS charge_time ON charge (charged_at)")


def _add_outcomes(database: sqlite3.Connection) -> None:
    """Give the refunds of a file from before refunds had outcomes and times theirs: all were issued, by now."""
    columns = {row["name"] for row in database.execute("PRAGMA table_info(refund)")}
    for column, default in (("outcome", "issued"), ("message", ""), ("refunded_at", "")):
        if column not in columns:
            database.execute(f"ALTER TABLE refund ADD COLUMN {column} TEXT NOT NULL DEFAULT '{default}'")
    database.execute(f"UPDATE refund SET refunded_at = {NOW} WHERE refunded_at = ''")  # noqa: S608 - a constant


def _stored_refund(row: sqlite3.Row) -> StoredRefund:
    return StoredRefund(
        position=row["position"],
        idempotency_key=row["idempotency_key"],
        charge_reference=row["charge_reference"],
        card_reference=row["card_reference"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        result=RefundResult(RefundOutcome(row["outcome"]), row["reference"], row["message"]),
    )


def _stored(row: sqlite3.Row) -> StoredCharge:
    outcome = Outcome(row["outcome"])
    return StoredCharge(
        position=row["position"],
        charged_at=datetime.fromisoformat(row["charged_at"]),
        idempotency_key=row["idempotency_key"],
        card_reference=row["card_reference"],
        customer=row["customer"],
        asked_minor=row["asked_minor"],
        metadata=json.loads(row["metadata"]),
        result=ChargeResult(
            outcome=outcome,
            reference=row["reference"],
            amount_minor=row["asked_minor"] if outcome is Outcome.SUCCEEDED else 0,
            currency=row["currency"],
            fee_minor=row["fee_minor"],
            reason=FailureReason(row["reason"]) if row["reason"] else None,
            message=row["message"],
            hard=bool(row["hard"]),
            authentication_url=row["authentication_url"],
        ),
    )
