"""Writes of what was agreed, one module per noun."""
