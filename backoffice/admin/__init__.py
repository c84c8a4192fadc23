"""The pages that join rooms, in the place of the plain ones below."""

from backoffice.admin import customer, documents, invoice, subscription

__all__ = ["customer", "documents", "invoice", "subscription"]
