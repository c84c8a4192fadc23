"""Pages of the engine: payments, disputes, dunning, mass changes, simulations, and the runs that made the invoices."""

from billing.admin import disputes, dunning, mass_changes, payments, runs, simulations

__all__ = ["disputes", "dunning", "mass_changes", "payments", "runs", "simulations"]
