"""Pages of the engine: payments, disputes, mass changes, simulations, and the runs that made the invoices."""

from billing.admin import disputes, mass_changes, payments, runs, simulations

__all__ = ["disputes", "mass_changes", "payments", "runs", "simulations"]
