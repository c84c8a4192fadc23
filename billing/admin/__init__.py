"""Pages of the engine: payments, and the runs that made the invoices."""

from billing.admin import payments, runs

__all__ = ["payments", "runs"]
