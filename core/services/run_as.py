"""Which user a server runs as: ours, or a harmless one when we are root, because PostgreSQL refuses root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.services.errors import ServiceError
from core.services.folder import REPOSITORY

NAMESPACE_UID = 1000


@dataclass(frozen=True, slots=True)
class RunAs:
    """A way to run a program: the words before it, and the owner its files need."""

    prefix: tuple[str, ...]
    owner: tuple[int, int]


def choose(program: Path, folder: Path) -> RunAs:
    """Return the first way that can both run the program and enter the folder.

    `folder` is the server's own (it is handed to the chosen owner). As root these are tried: the user who owns the folder
    already; a user namespace, in which root's files stay usable and nothing has to change hands; `nobody`; the repository's
    owner. Raises ServiceError when none works.
    """
    here = folder.stat()
    if os.geteuid() != 0:
        return RunAs((), (here.st_uid, here.st_gid))
    for candidate in _candidates_for_root(here):
        os.chown(folder, *candidate.owner)
        if _works(candidate, program, folder):
            return candidate
    os.chown(folder, here.st_uid, here.st_gid)
    raise ServiceError(
        f"{program.name} refuses to run as root, and no other user can reach {program} and {folder}. Run as a normal user, "
        "or put the checkout and RECKONER_DATA_DIR where all users may go, or set DATABASE_URL and REDIS_URL."
    )


def _candidates_for_root(here: os.stat_result) -> list[RunAs]:
    if here.st_uid != 0:
        return [_as_user(here.st_uid, here.st_gid)]
    found: list[RunAs] = []
    if shutil.which("unshare"):
        identity = (f"--map-user={NAMESPACE_UID}", f"--map-group={NAMESPACE_UID}")
        found.append(RunAs(("unshare", "-U", *identity), (0, 0)))
    nobody = pwd.getpwnam("nobody")
    found.append(_as_user(nobody.pw_uid, nobody.pw_gid))
    repository = REPOSITORY.stat()
    if repository.st_uid != 0:
        found.append(_as_user(repository.st_uid, repository.st_gid))
    return found


def _as_user(user_id: int, group_id: int) -> RunAs:
    identity = (f"--reuid={user_id}", f"--regid={group_id}", "--clear-groups")
    return RunAs(("setpriv", *identity), (user_id, group_id))


def _works(candidate: RunAs, program: Path, folder: Path) -> bool:
    test = ("sh", "-c", 'test -x "$1" && test -w "$2"', "sh", str(program), str(folder))
    try:
        # S603: our own fixed words and two paths, without a shell around them.
        done = subprocess.run([*candidate.prefix, *test], capture_output=True, timeout=30, check=False)  # noqa: S603
    except FileNotFoundError:
        return False
    return done.returncode == 0
