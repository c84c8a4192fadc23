"""How lists are narrowed by a text."""

from django.db.models import Q

PREFIX_BELOW = 3
"""A trigram index needs three characters; shorter texts are looked for at the beginning only."""


def text_condition(column: str, text: str) -> Q:
    """Match a text in any case: anywhere in the column, or only at its beginning when shorter than three characters.

    `%` and `_` stand for themselves. The column needs a trigram index on its upper case.
    """
    lookup = "icontains" if len(text) >= PREFIX_BELOW else "istartswith"
    return Q(**{f"{column}__{lookup}": text})
