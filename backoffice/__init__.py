"""Admin pages that join several rooms, for billing staff.

Promises that every action goes through an operation of the room that owns the fact.
Must never decide an amount or save a row itself.
"""
