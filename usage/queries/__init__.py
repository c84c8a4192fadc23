"""Reads of what was used."""

from usage.queries.figures import list_usage_figures

__all__ = ["list_usage_figures"]
