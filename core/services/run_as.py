"""Which user a server runs as: ours, or a harmless one when we are root, because PostgreSQL refuses root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.services.errors import ServiceError
from core.services.folder import REPOSITORY

NAMELESS_USER_ID = 1000


@dataclass(frozen=True, slots=True)
class RunAs:
    """A way to run a program: the words before it, and the owner its files need."""

    prefix: tuple[str, ...]
    owner: tuple[int, int]


def choose(program: Path, folder: Path) -> RunAs:
    """Return the first way that can both run the program and enter the folder.

    `folder` is the server's own; as root it is handed to the chosen owner. Root tries: the user who owns the folder
    already; a user namespace, in which root's files stay usable and nothing changes hands; `nobody`; the repository's
    owner. Raises ServiceError when none works.
    """
    here = folder.stat()
    for candidate in _candidates_for_root(here) if os.geteuid() == 0 else _candidates_for_user(here):
        if os.geteuid() == 0:
            os.chown(folder, *candidate.owner)
        if _works(candidate, program, folder):
            return candidate
    if os.geteuid() == 0:
        os.chown(folder, here.st_uid, here.st_gid)
    raise ServiceError(
        f"{program.name} refuses to run as this user (number {os.geteuid()}), and no other can reach {program} and "
        f"{folder}. Run as a normal user with an account, or put the checkout and RECKONER_DATA_DIR where all users "
        "may go, or set DATABASE_URL and REDIS_URL."
    )


def _candidates_for_root(here: os.stat_result) -> list[RunAs]:
    if here.st_uid != 0:
        return [_as_user(here.st_uid, here.st_gid)]
    found = [_in_namespace(here)]
    nobody = _find_account("nobody")
    if nobody is not None:
        found.append(_as_user(nobody.pw_uid, nobody.pw_gid))
    repository = REPOSITORY.stat()
    if repository.st_uid != 0:
        found.append(_as_user(repository.st_uid, repository.st_gid))
    return found


def _candidates_for_user(here: os.stat_result) -> list[RunAs]:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        # PostgreSQL wants to know its user's name; some containers give their user none.
        return [_in_namespace(here)]
    return [RunAs((), (here.st_uid, here.st_gid))]


def _in_namespace(here: os.stat_result) -> RunAs:
    # Any account will do as long as the system can name it: inside, it stands for us.
    account = _find_account("daemon") or _find_account("nobody")
    user_id = account.pw_uid if account is not None else NAMELESS_USER_ID
    return RunAs(("unshare", "-U", f"--map-user={user_id}", f"--map-group={user_id}"), (here.st_uid, here.st_gid))


def _as_user(user_id: int, group_id: int) -> RunAs:
    # The kernel forgets the wish for a signal at our death when the user changes; setpriv repeats it.
    identity = (f"--reuid={user_id}", f"--regid={group_id}", "--clear-groups", "--pdeathsig=keep")
    return RunAs(("setpriv", *identity), (user_id, group_id))


def _find_account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _works(candidate: RunAs, program: Path, folder: Path) -> bool:
    test = ("sh", "-c", 'test -x "$1" && test -w "$2"', "sh", str(program), str(folder))
    try:
        # S603: our own fixed words and two paths, without a shell around them.
        done = subprocess.run([*candidate.prefix, *test], capture_output=True, timeout=30, check=False)  # noqa: S603
    except FileNotFoundError:
        return False
    return done.returncode == 0
