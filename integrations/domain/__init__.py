"""The words and objects of neighbours, as values."""
