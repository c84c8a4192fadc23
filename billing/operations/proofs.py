"""What a proof of the books is, and what it finds."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken promise: which, of what, by how much, and what would mend it."""

    proof: str
    object_kind: str
    object_id: uuid.UUID | None
    detail: str
    mend: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A promise as a statement that finds its breaches: rows of (object id or null, detail)."""

    name: str
    object_kind: str
    statement: str
    mend: str
