"""Payment providers: each an adapter of one small protocol (`base`), found by its name (`registry`).

Promises that the same idempotency key never captures twice. Must never be called inside a transaction, nor touch the
engine's rows.
"""
