"""Usage has no page of its own here.

Events have a composite primary key, which Django's admin cannot register; `backoffice` shows those of one subscription.
"""
