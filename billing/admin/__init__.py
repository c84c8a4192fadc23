"""Pages of the engine: payments, mass changes, simulations, and the runs that made the invoices."""

from billing.admin import mass_changes, payments, runs, simulations

__all__ = ["mass_changes", "payments", "runs", "simulations"]
