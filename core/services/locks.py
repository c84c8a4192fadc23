"""File locks that end with their process."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An advisory lock on a file, dropped by the kernel when its last holder dies.

    It belongs to the open file: a forked child shares it, a program started with exec does not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether this object holds the lock."""
        return self._descriptor is not None

    def share(self) -> None:
        """Wait until no one holds the lock alone, then hold it together with others."""
        self._take(fcntl.LOCK_SH)

    def take(self) -> None:
        """Wait until no one holds the lock, then hold it alone."""
        self._take(fcntl.LOCK_EX)

    def try_take(self) -> bool:
        """Hold the lock alone if no one holds it; tell whether that worked."""
        try:
            self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Drop the lock; a copy that a forked child holds stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write(self, text: str) -> None:
        """Leave a word in the locked file for those who find it locked."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not locked")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def _take(self, operation: int) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
