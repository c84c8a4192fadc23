"""The API of telling others."""
