"""The tests' own database is the real thing."""

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_postgresql_as_an_ordinary_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, usesuper FROM pg_user WHERE usename = current_user")
        assert cursor.fetchone() == ("reckoner", False)
