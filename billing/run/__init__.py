"""The billing run: claim due customers, read a chunk at once, propose in pure code, write a chunk at once.

The single paths (start, clocks, seats billed now) go through the same reading and writing, with a chunk of one.
"""
