"""What a test that commits has stored is taken away after it.

Django empties every table by TRUNCATE, which makes some six hundred new files, and then writes content types and
permissions anew: half a second for each test. Most of them store a few rows in a few tables.
"""

from django.db import connection, transaction

from core.clock import wall_now
from core.operations_instance import ensure_instance

# What the migrations leave, which no test changes: the code decides these rows.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
# A table that has grown beyond this (bytes) is made anew: rows that were deleted still lie in it and are read over.
LARGEST_SWEPT_BYTES = 512 * 1024


def empty_tables() -> None:
    """Take every row away that is not the migrations' own. No trigger and no foreign key is asked."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s) AND pg_relation_size(oid) > 0",
            [list(KEPT)],
        )
        sizes = dict(cursor.fetchall())
        if max(sizes.values(), default=0) > LARGEST_SWEPT_BYTES:
            statements = [f"TRUNCATE {', '.join(sizes)} CASCADE"]
        else:
            statements = [f"DELETE FROM {table}" for table in sizes]  # noqa: S608 - names from the catalogue
        cursor.execute("; ".join(["SET LOCAL session_replication_role = replica", *statements]))
    # It is made with the tables, and a test may have held it.
    ensure_instance(now=wall_now())
