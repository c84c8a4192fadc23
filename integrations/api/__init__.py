"""The paths of neighbours."""
