"""Pages of what is owed. The joined invoice page stands in `backoffice/`, on top of the one here."""

from invoicing.admin import credit_notes, invoices, numbers, quotes, recognition, tax, waiting

__all__ = ["credit_notes", "invoices", "numbers", "quotes", "recognition", "tax", "waiting"]
