"""What every page of the back office is made of: the read-only page, its columns, filters, search and pagination.

Promises that a list costs the same number of queries whatever its length, and never counts a huge table to its end.
Must never save a row of money, nor know a room above.
"""
