"""Neighbours: other systems' shapes over the engine's own data, so that their clients work here unchanged.

Promises that nothing stands here that the engine knows: facts are read from it, and written by its own operations.
Must never decide an amount, a date or a state.
"""
