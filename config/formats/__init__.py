"""Formats of days and moments by language, where Django's own are ambiguous."""
