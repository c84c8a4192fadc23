"""Statements that are sent behind their caller: the same order, the same refusals, one connection."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from core.behind import execute_behind, is_writing_behind, writing_behind
from core.copying import copy_rows
from core.identifiers import new_id

pytestmark = pytest.mark.django_db

COLUMNS = ("event_id", "type", "object_kind", "object_id", "payload", "created_at")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def fact(kind: str, event_id: object = None) -> tuple[object, ...]:
    """Return a row of the outbox."""
    return (event_id or new_id(), kind, "invoice", new_id(), {}, NOW)


def kinds() -> list[str]:
    """Return what stands in the outbox, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT type FROM core_outboxevent ORDER BY id")
        return [kind for (kind,) in cursor.fetchall()]


def test_a_question_sees_everything_written_before_it() -> None:
    with transaction.atomic(), writing_behind():
        copy_rows("core_outboxevent", COLUMNS, [fact("first")] * 1 + [fact(f"more {n}") for n in range(2_000)])
        execute_behind("UPDATE core_outboxevent SET type = 'changed' WHERE type = %s", ["first"])
        copy_rows("core_outboxevent", COLUMNS, [fact("last")])
        found = kinds()
    assert (found[0], len(found), found[-1]) == ("changed", 2_002, "last")


def test_what_is_left_on_its_way_is_through_at_the_end() -> None:
    with transaction.atomic():
        with writing_behind():
            copy_rows("core_outboxevent", COLUMNS, [fact("sent")])
        assert not is_writing_behind()
        assert kinds() == ["sent"]


def write_twice() -> None:
    """Write a fact twice, then another, then ask."""
    twice = new_id()
    for row in (fact("one", twice), fact("the same", twice), fact("after it")):
        copy_rows("core_outboxevent", COLUMNS, [row])
    kinds()
    pytest.fail("the refusal was not told")


def write_and_fail() -> None:
    """Write, and fail with the rows on their way."""
    copy_rows("core_outboxevent", COLUMNS, [fact(f"{n}") for n in range(5_000)])
    raise ZeroDivisionError


def divide_by_zero() -> None:
    """Let the database divide by zero, and ask nothing after it."""
    execute_behind("SELECT 1 / %s", [0])


def test_a_refusal_comes_with_the_next_question_and_what_followed_came_to_nothing() -> None:
    with pytest.raises(IntegrityError, match="event_id"), transaction.atomic(), writing_behind():
        write_twice()
    assert kinds() == []


def test_a_refusal_comes_at_the_end_when_nothing_is_asked() -> None:
    with pytest.raises(DataError), transaction.atomic(), writing_behind():
        divide_by_zero()
    assert kinds() == []


def test_an_error_of_the_caller_leaves_nothing_and_a_quiet_connection() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(), writing_behind():
        write_and_fail()
    assert kinds() == []


def test_outside_a_statement_goes_at_once_through_djangos_cursor() -> None:
    statements: list[str] = []

    def note(execute: object, sql: str, *rest: object) -> object:
        statements.append(sql)
        return execute(sql, *rest)  # type: ignore[operator]

    with transaction.atomic(), connection.execute_wrapper(note):
        execute_behind("SELECT 1", [])
    assert "SELECT 1" in statements
