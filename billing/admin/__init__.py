"""Pages of the engine: payments, disputes, dunning, announcements, mass changes, simulations, runs."""

from billing.admin import announcements, disputes, dunning, mass_changes, payments, runs, simulations

__all__ = ["announcements", "disputes", "dunning", "mass_changes", "payments", "runs", "simulations"]
