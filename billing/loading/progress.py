"""How far a load has come: a bar on a terminal, plain lines elsewhere."""

import time
from typing import Any, Protocol, TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


class Progress(Protocol):
    """Where a load tells how far it is."""

    def begin(self, name: str, total: int | None) -> None:
        """Start a stretch of so many steps; None: nobody knows how many."""

    def step(self, count: int, note: str = "") -> None:
        """Go on by some steps; the note says where that is."""

    def end(self) -> None:
        """Finish the stretch."""

    def say(self, line: str) -> None:
        """Write a line of its own."""


class BarProgress:
    """A bar for each stretch."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._bar: tqdm[Any] | None = None

    def begin(self, name: str, total: int | None) -> None:
        """Show a bar."""
        self._bar = tqdm(total=total, desc=f"{name:<14}", file=self.stream, leave=True, dynamic_ncols=True)

    def step(self, count: int, note: str = "") -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def say(self, line: str) -> None:
        """Write above the bar."""
        tqdm.write(line, file=self.stream)


class LineProgress:
    """A line when a stretch begins to take long, and when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._told_at = 0.0

    def begin(self, name: str, total: int | None) -> None:
        """Remember what is being done."""
        self._name, self._total, self._done, self._told_at = name, total, 0, time.monotonic()

    def step(self, count: int, note: str = "") -> None:
        """Write a line when the last one is some seconds old."""
        self._done += count
        if time.monotonic() - self._told_at >= SECONDS_BETWEEN_LINES:
            of = "" if self._total is None else f" of {self._total}"
            self.say(f"{self._name}: {self._done}{of}{f', {note}' if note else ''}")
            self._told_at = time.monotonic()

    def end(self) -> None:
        """Write how much it was."""
        self.say(f"{self._name}: {self._done} done")

    def say(self, line: str) -> None:
        """Write a line."""
        self.stream.write(f"{line}\n")
        self.stream.flush()


class Silence:
    """Tell nobody."""

    def begin(self, name: str, total: int | None) -> None:
        """Say nothing."""

    def step(self, count: int, note: str = "") -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


def progress_on(stream: TextIO) -> Progress:
    """Return a bar on a terminal, lines elsewhere."""
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)
