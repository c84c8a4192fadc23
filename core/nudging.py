"""A nudge for the dispatcher: facts were committed. It may be lost; whoever waits for it also looks by itself."""

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.db import connection, transaction

from core.redis_client import REDIS_AWAY, redis_client

CHANNEL = "reckoner:facts"


def nudge_after_commit() -> None:
    """Nudge the dispatcher once the caller's transaction is committed, once however many facts it wrote."""
    waiting = (function for _, function, *_ in connection.run_on_commit)
    if settings.NUDGE_DISPATCHER and nudge not in waiting:
        transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    """Tell every dispatcher that waits; without Redis they find the facts by themselves."""
    with suppress(*REDIS_AWAY):
        redis_client().publish(CHANNEL, "")


def listen(heard: Callable[[], None], is_stopping: Callable[[], bool], *, pause_seconds: float) -> None:
    """Call `heard` at every nudge until stopping; meant for a thread of its own. Raises what Redis raises when away."""
    with redis_client().pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
        subscription.subscribe(CHANNEL)
        while not is_stopping():
            if subscription.get_message(timeout=pause_seconds) is not None:
                heard()
