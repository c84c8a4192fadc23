"""The pages that join rooms, in the place of the plain ones below."""

from backoffice.admin import customer, invoice, subscription

__all__ = ["customer", "invoice", "subscription"]
