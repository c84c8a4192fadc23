"""What was agreed: the catalogue (products, plans, prices, metrics), subscriptions with their history, vouchers.

Promises that the terms in force at any moment of the past can be read back.
Must never make an invoice, nor change a price that has been used.
"""
