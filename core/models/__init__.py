"""Plumbing rows: staff, keys, idempotency, outbox, audit, exchange rates, test clocks, the instance itself."""

from core.models.access import ApiKey, IdempotencyRecord, StaffUser
from core.models.clock import Instance, TestClock
from core.models.exchange import ExchangeRate
from core.models.facts import AuditEntry, OutboxEvent

__all__ = [
    "ApiKey",
    "AuditEntry",
    "ExchangeRate",
    "IdempotencyRecord",
    "Instance",
    "OutboxEvent",
    "StaffUser",
    "TestClock",
]
