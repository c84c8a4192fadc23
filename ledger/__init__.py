"""The books: balanced, append-only entries and postings, and each customer's running balance per currency.

Promises that every entry sums to zero per currency; the database refuses any other.
Must never know what an invoice is beyond (kind, id), nor change or delete an entry.
"""
