"""Plumbing rows: staff, API keys, idempotency records, outbox, audit, test clocks, the instance itself."""

from core.models.access import ApiKey, IdempotencyRecord, StaffUser
from core.models.clock import Instance, TestClock
from core.models.facts import AuditEntry, OutboxEvent

__all__ = ["ApiKey", "AuditEntry", "IdempotencyRecord", "Instance", "OutboxEvent", "StaffUser", "TestClock"]
