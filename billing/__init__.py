"""The engine: billing runs, the use cases that climb through every room, payments, providers, test clocks.

Promises that a run killed at any moment and repeated equals the undisturbed run, and that no card is charged twice.
Must never call a provider inside a transaction.
"""
