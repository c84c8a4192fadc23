"""API keys: how they are made, kept, rotated and put out of force."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from core import operations_api_keys
from core.api.authentication import authenticate_request, require_scope
from core.api.errors import Unauthenticated
from core.domain.api_key import ALPHABET, compose_key, key_mode
from core.errors import Conflict, Forbidden, Invalid
from core.models import ApiKey, AuditEntry
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft, IssuedKey

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def issue(scope: str = "write", expires_at: datetime | None = None) -> IssuedKey:
    return operations_api_keys.create_api_key(ApiKeyDraft("shop", scope, expires_at), actor=SYSTEM, now=NOW)


def ask(**headers: str) -> ApiKey:
    return authenticate_request(RequestFactory().get("/api/v1/customer", headers=headers))


def test_a_key_has_the_promised_form_and_only_its_hash_is_kept() -> None:
    issued = issue()
    assert issued.key.startswith("rk_test_")
    assert len(issued.key) == len("rk_test_") + 32 + 6
    assert set(issued.key[8:]) <= set(ALPHABET)
    assert set(ALPHABET) == set(string.ascii_letters + string.digits)
    assert key_mode(issued.key) == "test"
    row = ApiKey.objects.values().get()
    assert issued.key not in str(row)
    assert issued.key.startswith(row["prefix"])
    assert AuditEntry.objects.get().action == "api_key.created"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "{key}"},
        {"X-API-Key": "Bearer {key}"},
        {"Authorization": "Bearer {key}"},
        {"Authorization": "bearer {key}"},
        {"Authorization": "{key}"},
        {"Authorization": "Bearer {key}", "X-API-Key": "{key}"},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": "{key}"},
    ],
)
def test_every_way_to_send_a_key_is_understood(headers: dict[str, str]) -> None:
    issued = issue()
    found = ask(**{name: value.format(key=issued.key) for name, value in headers.items()})
    assert found.id == issued.api_key.id


def test_a_missing_or_unknown_key_or_two_keys_are_refused() -> None:
    first, second = issue(), issue()
    never_issued = compose_key("test", "a" * 32)
    mistyped = first.key[:-1] + ("a" if first.key[-1] != "a" else "b")
    other_mode = compose_key("live", first.key[8:40])
    for headers, code in (
        ({}, "missing_api_key"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "missing_api_key"),
        ({"X-API-Key": never_issued}, "unknown_api_key"),
        ({"X-API-Key": mistyped}, "unknown_api_key"),
        ({"X-API-Key": other_mode}, "unknown_api_key"),
        ({"X-API-Key": "x" * 9000}, "unknown_api_key"),
        ({"X-API-Key": first.key, "Authorization": f"Bearer {second.key}"}, "two_api_keys"),
    ):
        with pytest.raises(Unauthenticated) as raised:
            ask(**headers)
        assert raised.value.code == code


def test_an_expired_or_disabled_key_is_refused() -> None:
    issued = issue()
    ask(**{"X-API-Key": issued.key})
    ApiKey.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(Unauthenticated) as raised:
        ask(**{"X-API-Key": issued.key})
    assert raised.value.code == "expired_api_key"
    ApiKey.objects.update(expires_at=None)
    operations_api_keys.disable_api_key(issued.api_key.id, actor=SYSTEM, now=NOW)
    with pytest.raises(Unauthenticated) as raised:
        ask(**{"X-API-Key": issued.key})
    assert raised.value.code == "disabled_api_key"
    with pytest.raises(Conflict):
        operations_api_keys.disable_api_key(issued.api_key.id, actor=SYSTEM, now=NOW)


def test_last_use_is_written_at_most_once_a_minute(django_assert_num_queries) -> None:
    issued = issue()
    with django_assert_num_queries(2):
        ask(**{"X-API-Key": issued.key})
    used_at = ApiKey.objects.get().last_used_at
    assert used_at is not None
    with django_assert_num_queries(1):
        ask(**{"X-API-Key": issued.key})
    assert ApiKey.objects.get().last_used_at == used_at


def test_a_row_read_moments_ago_serves_hot_paths(django_assert_num_queries) -> None:
    issued = issue()
    request = RequestFactory().get("/api/v1/events", headers={"X-API-Key": issued.key})
    authenticate_request(request, cached_for_seconds=30)
    with django_assert_num_queries(0):
        assert authenticate_request(request, cached_for_seconds=30).id == issued.api_key.id


@pytest.mark.parametrize(
    ("held", "needed", "allowed"),
    [
        ("admin", "admin", True),
        ("admin", "usage:write", True),
        ("write", "admin", False),
        ("write", "read", True),
        ("write", "usage:write", True),
        ("read", "write", False),
        ("read", "usage:write", False),
        ("usage:write", "usage:write", True),
        ("usage:write", "read", False),
    ],
)
def test_scopes_contain_what_is_promised(held: str, needed: str, allowed: bool) -> None:
    api_key = issue(held).api_key
    if allowed:
        require_scope(api_key, needed)
    else:
        with pytest.raises(Forbidden):
            require_scope(api_key, needed)


def test_no_key_makes_a_key_with_more_scopes_than_its_own() -> None:
    giver = issue("write").api_key
    draft = ApiKeyDraft("more", "admin")
    with pytest.raises(Forbidden):
        operations_api_keys.create_api_key(draft, actor=SYSTEM, now=NOW, granted_by=giver)
    assert ApiKey.objects.count() == 1


def test_all_that_is_wrong_with_a_new_key_is_said_at_once() -> None:
    with pytest.raises(Invalid) as raised:
        operations_api_keys.create_api_key(ApiKeyDraft("  ", "read", NOW - timedelta(days=1)), actor=SYSTEM, now=NOW)
    assert set(raised.value.fields) == {"name", "expires_at"}


def test_rotation_lets_both_keys_work_for_the_overlap() -> None:
    old = issue()
    new = operations_api_keys.rotate_api_key(old.api_key.id, overlap=timedelta(hours=24), actor=SYSTEM, now=NOW)
    assert new.key != old.key
    assert new.api_key.rotated_from_id == old.api_key.id
    assert (new.api_key.name, new.api_key.scope) == ("shop", "write")
    old.api_key.refresh_from_db()
    assert old.api_key.expires_at == NOW + timedelta(hours=24)
    with pytest.raises(Conflict):
        operations_api_keys.rotate_api_key(
            old.api_key.id, overlap=timedelta(0), actor=SYSTEM, now=NOW + timedelta(days=2)
        )


def test_a_new_pepper_locks_no_old_key_out(settings) -> None:
    issued = issue()
    settings.API_KEY_PEPPERS = {"new": "another secret", **settings.API_KEY_PEPPERS}
    assert ask(**{"X-API-Key": issued.key}).id == issued.api_key.id
    assert issue().api_key.pepper_name == "new"


def test_the_command_prints_the_key_alone(capsys) -> None:
    call_command("create_api_key", "worker", "--scope", "usage:write", "--expires", "2099-01-01")
    printed = capsys.readouterr().out
    row = ApiKey.objects.get()
    assert (row.name, row.scope, row.expires_at) == ("worker", "usage:write", datetime(2099, 1, 1, tzinfo=UTC))
    assert (row.rate_limit, row.rate_burst) == (5_000, 10_000)
    assert ask(**{"X-API-Key": printed.removesuffix("\n")}).id == row.id


@pytest.mark.parametrize("expires", ["yesterday", "2020-01-01"])
def test_the_command_says_what_is_wrong(expires: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", "worker", "--expires", expires)
    assert not ApiKey.objects.exists()
