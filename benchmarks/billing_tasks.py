"""What runs in the processes that bill: the run, its recorder, and the floor under it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import msgspec
from django.db import transaction

from benchmarks.processes import Gate, peak_memory_mib
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core import copying

# Statement and text of each COPY, by chunk.
Recording = list[list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Ran:
    """How long a process worked, on how many customers, and the most memory it held."""

    seconds: float
    customers: int
    memory_mib: float


def bill(gate: Gate, as_of: datetime) -> Ran:
    """Bill everybody who is due, as one worker does."""
    transaction.get_connection().ensure_connection()
    gate()
    began = time.perf_counter()
    tally = run_billing(Scope(as_of=as_of, now=as_of))
    seconds = time.perf_counter() - began
    if tally.parked:
        raise RuntimeError(f"{tally.parked} customers were parked")
    return Ran(seconds, tally.customers, peak_memory_mib())


def record(gate: Gate, as_of: datetime, path: Path) -> None:
    """Bill everybody who is due, and keep what is copied."""
    chunks: Recording = [[]]

    def send(statement: str, pieces: Iterable[str]) -> None:
        text = "".join(pieces)
        chunks[-1].append((statement, text))
        copying_send(statement, [text])

    def end_chunk(_: Tally) -> None:
        chunks.append([])

    gate()
    copying_send = copying.send
    with patch.object(copying, "send", send):
        run_billing(Scope(as_of=as_of, now=as_of), progress=end_chunk)
    path.write_bytes(msgspec.msgpack.encode(chunks))


def copy(gate: Gate, path: Path) -> float:
    """Copy what a run copied, a transaction a chunk; return the seconds it took."""
    chunks = msgspec.msgpack.decode(path.read_bytes(), type=Recording)
    transaction.get_connection().ensure_connection()
    gate()
    began = time.perf_counter()
    for chunk in chunks:
        with transaction.atomic():
            for statement, text in chunk:
                copying.send(statement, [text])
    return time.perf_counter() - began
