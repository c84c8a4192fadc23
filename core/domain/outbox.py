"""A fact on its way into the outbox."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class OutboxDraft:
    """One fact: its type (`invoice.finalized`), the object it is about, and the moment by the object's clock."""

    type: str
    object_kind: str
    object_id: uuid.UUID
    created_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
