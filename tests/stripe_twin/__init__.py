"""A strict twin of Stripe's HTTP API, written for the tests from its public documentation.

`Twin` starts it on a port of its own; the official library talks to it. It refuses what Stripe refuses: unknown
parameters, a used idempotency key with other parameters, refunds above what is left, charges of cards that are gone.
"""
