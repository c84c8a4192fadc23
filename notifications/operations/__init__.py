"""Writes of telling others."""
