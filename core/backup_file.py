"""The file of a backup: a tar archive of PostgreSQL's own dump and, last, a manifest that proves it whole.

A file without its manifest was cut off while it was written.
"""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

DUMP_NAME = "database.dump"
MANIFEST_NAME = "manifest.json"
FORMAT = 1
BLOCK_BYTES = 1024 * 1024

Progress = Callable[[int], object]
"""Is told how many bytes more were read or written."""


class BackupError(Exception):
    """A backup cannot be made or restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: of which instance, in which state, and how to tell that it is whole.

    `taken_at` is not after the moment whose rows it holds; `migrations` are those applied, as `app.name`.
    """

    format: int
    version: str
    taken_at: datetime
    mode: str
    instance_created_at: datetime
    postgres_major: int
    migrations: tuple[str, ...]
    dump_bytes: int
    dump_sha256: str


class _Counted:
    """Copies blocks, and keeps their number of bytes and their checksum."""

    def __init__(self, progress: Progress) -> None:
        self.size = 0
        self.checksum = hashlib.sha256()
        self._progress = progress

    def copy(self, source: IO[bytes], target: IO[bytes] | None) -> None:
        """Read the source to its end and write it to the target, if there is one."""
        while block := source.read(BLOCK_BYTES):
            self.size += len(block)
            self.checksum.update(block)
            if target is not None:
                target.write(block)
            self._progress(len(block))


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside the path that takes its place once it is complete and on the disk.

    Nobody but its owner can read it. Raises BackupError when there is a file already, or when it cannot be written.
    """
    if path.exists():
        raise BackupError(f"{path} exists already; a backup never replaces another.")
    try:
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        Path(draft).unlink(missing_ok=True)


def write_dump(file: IO[bytes], dump: IO[bytes], progress: Progress) -> tuple[int, str]:
    """Write the dump as the archive's first member while it comes; return its size in bytes and its SHA-256.

    Its size is known at the end only: the header is written twice.
    """
    header = tarfile.TarInfo(DUMP_NAME)
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    counted = _Counted(progress)
    counted.copy(dump, file)
    _pad(file, counted.size)
    header.size = counted.size
    file.seek(0)
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    file.seek(0, os.SEEK_END)
    return counted.size, counted.checksum.hexdigest()


def write_manifest(file: IO[bytes], manifest: Manifest) -> None:
    """Write the manifest, and the archive's end."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    header = tarfile.TarInfo(MANIFEST_NAME)
    header.size = len(text)
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    file.write(text)
    _pad(file, len(text))
    file.write(bytes(2 * tarfile.BLOCKSIZE))


def read_manifest(path: Path) -> Manifest:
    """Return what a backup says of itself. Raises BackupError for any other file, and for one that was cut off."""
    try:
        with tarfile.open(path, "r:") as archive:
            member = archive.extractfile(MANIFEST_NAME)
            text = member.read() if member is not None else b""
        format_ = msgspec.json.decode(text)["format"]
        if format_ != FORMAT:
            raise BackupError(f"{path} is a backup of format {format_}; this version reads format {FORMAT}.")
        return msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tarfile.TarError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path} is no backup, or was cut off while it was written.") from error


def check_whole(path: Path, manifest: Manifest, progress: Progress) -> None:
    """Read the dump and compare it with the manifest. Raises BackupError when it is damaged."""
    counted = _Counted(progress)
    try:
        with open_dump(path) as dump:
            counted.copy(dump, None)
    except (tarfile.TarError, OSError) as error:
        raise BackupError(f"{path} is damaged: {error}.") from error
    if (counted.size, counted.checksum.hexdigest()) != (manifest.dump_bytes, manifest.dump_sha256):
        raise BackupError(f"{path} is damaged: its dump is not the one that was written.")


@contextmanager
def open_dump(path: Path) -> Iterator[IO[bytes]]:
    """Open the dump inside a backup. Raises BackupError when there is none."""
    with tarfile.open(path, "r:") as archive:
        member = archive.extractfile(DUMP_NAME) if DUMP_NAME in archive.getnames() else None
        if member is None:
            raise BackupError(f"{path} holds no dump.")
        with member:
            yield member


def _pad(file: IO[bytes], size: int) -> None:
    """Fill a member's last block."""
    file.write(bytes(-size % tarfile.BLOCKSIZE))
