"""Shared values and plumbing, the lowest room.

Owns money, rounding, periods, errors, API keys, idempotency, the outbox, test clocks and the audit trail.
Promises that a value which cannot be right cannot be built.
Must never import another room, nor know what a customer or an invoice is.
"""
