"""Become another program that gets a signal when its parent dies.

Run as `python tied.py SIGNAL PARENT_PID PROGRAM ARGUMENT...`. The kernel keeps the wish across exec, so that no process
stays between. Outside Linux there is no such wish: the program simply starts, and the next start cleans up after a
killed parent.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask for the signal, make sure that the parent still lives, become the program."""
    signal_number, parent_pid, program = int(arguments[0]), int(arguments[1]), arguments[2]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)
    os.execvp(program, arguments[2:])  # noqa: S606 - the caller's own command, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
