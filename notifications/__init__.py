"""Telling others what happened: webhooks to the product, messages to customers and staff.

Promises that each fact of the outbox is told at least once to who asked for it, in order per object, and that a
message to a person is sent once. Must never decide an amount, a date or a state: it reads facts, which the rooms below
wrote in the transaction that made them true.
"""
