"""Named points at which a test may end the process, to prove that what is left can be resumed.

Nothing happens unless RECKONER_FAULT names a point: `point`, `point:kill` or `point:raise`, with `@n` for the n-th
time it is reached (`charging.answered:kill@3`). `kill` is what a power cut leaves: no clean-up runs.
"""

import os
import signal
from collections import Counter

VARIABLE = "RECKONER_FAULT"
_reached: Counter[str] = Counter()


class InjectedFault(BaseException):
    """The process was told to fail here; no error handler may take it for an ordinary error."""


def reach(point: str) -> None:
    """Do nothing, unless RECKONER_FAULT names this point: then end the process by SIGKILL, or raise InjectedFault.

    Raises ValueError when the variable names another effect than `kill` and `raise`.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, rest = wanted.partition(":")
    effect, _, count = rest.partition("@")
    if name != point:
        return
    _reached[wanted] += 1
    if _reached[wanted] != int(count or 1):
        return
    if effect in ("", "kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    elif effect == "raise":
        raise InjectedFault(point)
    else:
        raise ValueError(f"{VARIABLE} is {wanted!r}; the effects are kill and raise")
