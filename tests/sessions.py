"""Sessions of threads that have ended.

Django keeps a connection for each thread. It is open for as long as its wrapper lives, and a wrapper holds itself in a
circle: when its thread ends without closing it, it stays until the collector comes by. Somebody else's threads
(Schemathesis, a server) do not close what they never opened by themselves.
"""

import threading
from typing import Any
from weakref import WeakSet

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_opened: WeakSet[BaseDatabaseWrapper] = WeakSet()


def _note(connection: BaseDatabaseWrapper, **_: Any) -> None:
    _opened.add(connection)


connection_created.connect(_note)


def close_sessions_left() -> None:
    """Close the session of every thread that is no more."""
    living = {thread.ident for thread in threading.enumerate()}
    for one in list(_opened):
        if one.connection is not None and one._thread_ident not in living:  # type: ignore[attr-defined]
            one.inc_thread_sharing()
            one.close()
