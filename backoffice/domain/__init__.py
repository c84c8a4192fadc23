"""Pure words and bounds of the back office."""
