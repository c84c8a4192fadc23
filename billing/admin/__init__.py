"""Pages of the engine: payments, mass changes, and the runs that made the invoices."""

from billing.admin import mass_changes, payments, runs

__all__ = ["mass_changes", "payments", "runs"]
