"""What is owed: assembly of invoices as a difference, discounts, tax, numbering, invoices and their documents.

Promises that a finalised invoice never changes and that every line carries its proof.
Must never call a payment provider, nor read the clock.
"""
