"""A database that goes back to an earlier moment while the provider goes on, as a restored backup does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections

from core.clock import wall_now
from core.operations_instance import note_restored


class Snapshot:
    """The database as it was when this was made."""

    def __init__(self) -> None:
        self.own = str(connection.settings_dict["NAME"])
        self.name = f"{self.own[:40]}_snapshot"
        self.taken_at = wall_now()
        self.drop()
        connections.close_all()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.own}" STRATEGY file_copy')

    def go_back(self) -> None:
        """Point this process at the earlier rows, restored and held; the test's own database stays as it is."""
        use(self.name)
        note_restored(taken_at=self.taken_at, now=wall_now())

    def drop(self) -> None:
        """Return to the test's own database and let the earlier one go."""
        use(self.own)
        drop(self.name)


@contextmanager
def empty_database() -> Iterator[str]:
    """Make an empty database beside the test's own and give its name; afterwards the test's own is used again."""
    own = str(connection.settings_dict["NAME"])
    name = f"{own[:40]}_restored"
    drop(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        yield name
    finally:
        use(own)
        drop(name)


def use(name: str) -> None:
    """Point this process at a database."""
    connections.close_all()
    connection.settings_dict["NAME"] = name


def drop(name: str) -> None:
    """Drop a database, whoever uses it."""
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
