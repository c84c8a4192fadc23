"""Reads of the engine as neighbours show it."""
