"""The data folder: where databases, secrets, sockets and logs of one instance live."""

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from core.services.errors import ServiceError

REPOSITORY = Path(__file__).resolve().parents[2]
# A Unix socket's path holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_SOCKET_PATH = 100
PRIVATE_MODE = 0o700
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


class DataFolder:
    """The paths of one instance, private ones with mode 0700, secrets with mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @classmethod
    def from_environment(cls) -> "DataFolder":
        """Return the folder that RECKONER_DATA_DIR names, else `var` in the repository."""
        return cls(Path(os.environ.get("RECKONER_DATA_DIR") or REPOSITORY / "var"))

    @property
    def logs(self) -> Path:
        """Return the folder of the servers' logs, made when missing."""
        return self.private_folder("logs")

    @property
    def run(self) -> Path:
        """Return the folder of locks and states, made when missing."""
        return self.private_folder("run")

    @property
    def sockets(self) -> Path:
        """Return the folder of the sockets: in the data folder, or in the temporary folder when that path is long.

        The choice is written down, so that a later command with another temporary folder finds the same sockets.
        """
        near = self.path / "sockets"
        if len(os.fsencode(near / LONGEST_SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return near
        note = self.path / "run" / "sockets-path"
        try:
            return Path(note.read_text())
        except FileNotFoundError:
            name = f"reckoner-{hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]}-{os.geteuid()}"
            far = Path(tempfile.gettempdir()) / name
            self.run.joinpath(note.name).write_text(str(far))
            return far

    def private_folder(self, name: str) -> Path:
        """Return a folder inside the data folder that only its owner can enter, made when missing.

        Raises ServiceError when it cannot be made.
        """
        return make_private(self.path / name)

    def secret(self, name: str) -> str:
        """Return the secret of that name, made at random (256 bits) the first time.

        Two processes that ask at once get the same one: the file appears whole or not at all.
        """
        path = self.path / "secrets" / name
        try:
            return path.read_text()
        except FileNotFoundError:
            folder = self.private_folder("secrets")
        except PermissionError as error:
            raise ServiceError(f"{path} cannot be read by this user: {error.strerror}.") from error
        descriptor, draft = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                return path.read_text()
        finally:
            os.unlink(draft)
        return path.read_text()


def make_private(path: Path, *, for_server: bool = False) -> Path:
    """Make a folder with mode 0700, or check that the one there is a real folder of ours.

    A server's folder may belong to the user that root runs the server as. Raises ServiceError when someone else owns
    what is there, or when it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=PRIVATE_MODE)
        except FileExistsError:
            found = path.lstat()
            may_differ = for_server and os.geteuid() == 0
            if not stat.S_ISDIR(found.st_mode) or not (may_differ or found.st_uid == os.geteuid()):
                raise ServiceError(
                    f"{path} belongs to another user (number {found.st_uid}). Run this as that user, "
                    "or set RECKONER_DATA_DIR to a folder of your own."
                ) from None
            if stat.S_IMODE(found.st_mode) != PRIVATE_MODE:
                path.chmod(PRIVATE_MODE)
    except OSError as error:
        raise ServiceError(
            f"{path} cannot be made: {error.strerror}. Set RECKONER_DATA_DIR to a folder of your own."
        ) from error
    return path
