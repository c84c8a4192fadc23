"""Writes that a neighbour asks for, by the operations of the rooms below."""
