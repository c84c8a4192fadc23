"""Alive is one question, ready another."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

from core import health


def test_alive_needs_no_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
def test_ready_with_every_migration(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "missing": []})


@pytest.mark.django_db
def test_not_ready_names_each_missing_migration(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.migrations.recorder import MigrationRecorder

    monkeypatch.setattr(health, "_complete", set())
    MigrationRecorder.Migration.objects.filter(app="sessions", name="0001_initial").delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "missing": ["migration sessions.0001_initial"]}


def test_not_ready_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection.__class__, "cursor", refuse, raising=False)
    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", refuse)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "missing": ["database"]}
