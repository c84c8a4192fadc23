"""Reads of telling others."""
