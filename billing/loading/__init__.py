"""Load a company from files: its catalogue, customers, subscriptions and usage (docs/import-your-data.md).

Promises that a second load of the same files stores nothing twice, and that every row that could not be loaded is
reported with its file, its line and the reason, while the rows around it are loaded.
Must never write a row except by the operation that any other edge would call.
"""
