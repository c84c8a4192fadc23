"""Reads of the engine's rows."""
