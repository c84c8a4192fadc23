"""What was used: usage events, exactly once for ever, and their aggregation over a period.

Promises that an event answered with success is stored once, whatever is replayed or reordered.
Must never decide an amount.
"""
