"""What the sandbox provider has on record: asked of it, never of our own rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.conf import settings

from billing.models import PaymentAttempt
from billing.providers.registry import get_provider
from billing.providers.sandbox import SandboxProvider
from billing.providers.sandbox_store import SandboxStore


def records() -> SandboxStore:
    """Return the records of the sandbox that the tests charge."""
    provider = get_provider("sandbox")
    assert isinstance(provider, SandboxProvider)
    return provider.store


def captures(attempt: PaymentAttempt) -> int:
    """Return how often money was taken from the attempt's customer."""
    return records().count_captures(customer=str(attempt.customer_id))


def calls(attempt: PaymentAttempt) -> int:
    """Return how often this very charge was asked for."""
    return records().count_arrivals(attempt.idempotency_key)


_seen: dict[Path, int] = {}


def forget_records() -> None:
    """Empty the records of a test that wrote any: the proofs of the books read all that the provider ever took."""
    path = Path(settings.DATA_DIR) / "sandbox" / "records.sqlite3"
    try:
        written_at = path.stat().st_mtime_ns
    except FileNotFoundError:
        return
    if _seen.get(path) == written_at:
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for (table,) in tables.fetchall():
            database.execute(f'DELETE FROM "{table}"')  # noqa: S608 - names from the catalogue
    _seen[path] = path.stat().st_mtime_ns
