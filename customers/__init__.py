"""Who is billed: brands, customers with their addresses and tax identity, payment methods, and when each is due.

Promises one agenda row per customer, always at the earliest moment at which something is due.
Must never compute an amount, nor keep a card number.
"""
