"""The events that can be subscribed to, and which of them an endpoint wants."""

from collections.abc import Iterable

TEST_EVENT = "webhook_endpoint.test"
"""Sent to one endpoint, whatever it subscribed to, when somebody asks for it."""

EVENT_TYPES = tuple(
    f"{noun}.{verb}"
    for noun, verbs in (
        ("customer", "created updated enabled disabled"),
        (
            "subscription",
            "created updated seats_changed cancelled paused resumed"
            " trial_started trial_ending trial_converted trial_ended",
        ),
        ("plan", "created updated retired"),
        ("price", "created retired"),
        ("invoice", "created finalized paid payment_failed overdue voided"),
        ("credit_note", "created"),
        ("payment", "succeeded failed disputed"),
        ("refund", "created updated"),
        ("dispute", "opened closed"),
        ("payment_method", "added removed expiring"),
        ("quote", "created accepted expired"),
        ("checkout", "completed"),
        ("usage", "warning limit_reached"),
        ("tax", "threshold_reached"),
        ("mass_change", "completed"),
        ("books", "breach"),
    )
    for verb in verbs.split()
)
NOUNS = frozenset(type_.partition(".")[0] for type_ in EVENT_TYPES)
_KNOWN = frozenset(EVENT_TYPES)
_ANY = ".*"


def is_filter(word: str) -> bool:
    """Tell whether a word may stand in an endpoint's filter: an event, or all of a noun.

    >>> is_filter("invoice.paid"), is_filter("invoice.*"), is_filter("invoice"), is_filter("*")
    (True, True, False, False)
    """
    return word in _KNOWN or (word.endswith(_ANY) and word.removesuffix(_ANY) in NOUNS)


def wants(filters: Iterable[str], type_: str) -> bool:
    """Tell whether an endpoint with these filters wants an event; without a filter it wants every one.

    >>> wants([], "invoice.paid"), wants(["invoice.*"], "invoice.paid"), wants(["refund.created"], "invoice.paid")
    (True, True, False)
    >>> wants([], "customer.erased")
    False
    """
    if type_ not in _KNOWN:
        return False
    named = frozenset(filters)
    return not named or type_ in named or f"{type_.partition('.')[0]}{_ANY}" in named
