"""Databases of the embedded server: made once, copied for every repetition."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def create(name: str, template: str = "template1") -> None:
    """Make a database, a copy of the template file by file; its checkpoint gives every repetition the same start."""
    drop(name)
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


def drop(name: str) -> None:
    """Drop a database, whoever of ours is connected; autovacuum leaves by itself."""
    with connection.cursor() as cursor:
        ours = "FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
        cursor.execute(f"SELECT pg_terminate_backend(pid) {ours}", [name])
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


@contextmanager
def without_indexes(*tables: str) -> Iterator[None]:
    """Take indexes, constraints and triggers from tables while they are filled, and put them back.

    Rows go in several times as fast, and the indexes are packed as if they had grown in peace.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, [list(tables)] * 2)
        constraints = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(_INDEXES, [list(tables)])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for _, definition in indexes:
            # Of a partitioned table it names the table alone, and then no partition would get one.
            cursor.execute(definition.replace(" ON ONLY ", " ON "))
        # Keys before what refers to them.
        for table, name, definition in reversed(constraints):
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("RESET maintenance_work_mem")


def tidy(*tables: str) -> None:
    """Vacuum and analyse tables, all when none is named, as autovacuum would have done by the next month."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {', '.join(tables)}")


# Foreign keys first, those of others that refer to these tables among them.
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conparentid = 0 AND contype IN ('p', 'u', 'f', 'c')
  AND (conrelid::regclass::text = ANY(%s) OR (contype = 'f' AND confrelid::regclass::text = ANY(%s)))
ORDER BY contype <> 'f', contype, conname
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid::regclass::text = ANY(%s)
"""
