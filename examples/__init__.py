"""An example company, and how it was made."""
