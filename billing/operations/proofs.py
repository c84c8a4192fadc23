"""What a proof of the books is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """A promise as a statement that finds its breaches: rows of (object id or null, detail)."""

    name: str
    object_kind: str
    statement: str
    mend: str
