"""Settings are safe when nothing is set, and refuse to start when they would not be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.services.folder import REPOSITORY

LONG_KEY = "0123456789abcdef" * 4
DATABASE_URL = "postgres://reckoner:p@db.example.com:5432/reckoner"
SHOW = """
import json
from config import settings
names = ("DEBUG", "SECRET_KEY", "SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "ALLOWED_HOSTS",
         "DATABASES", "REDIS_URL", "CELERY_BROKER_URL", "EMBEDDED_SERVICES", "PUBLIC_URL",
         "INSTANCE_MODE", "PROVIDER_RATES", "STRIPE_WEBHOOK_SECRETS", "PAYMENT_RETURN_URL")
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a fresh process with this environment alone."""
    surroundings = {"PATH": os.environ["PATH"], "RECKONER_DATA_DIR": str(folder), **environment}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("key", [None, "", "short", "change-me-" + LONG_KEY, "django-insecure-" + LONG_KEY])
def test_production_refuses_a_missing_or_known_secret(tmp_path: Path, key: str | None) -> None:
    given = {} if key is None else {"SECRET_KEY": key}

    done = start(tmp_path, DATABASE_URL=DATABASE_URL, **given)

    assert done.returncode != 0
    assert "SECRET_KEY is missing" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_takes_what_it_is_given_and_makes_nothing(tmp_path: Path) -> None:
    done = start(
        tmp_path,
        DATABASE_URL=DATABASE_URL,
        REDIS_URL="redis://:p@redis.example.com:6379/0",
        SECRET_KEY=LONG_KEY,
        PUBLIC_URL="https://billing.example.com",
    )

    settings = json.loads(done.stdout)
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert settings["REDIS_URL"] == settings["CELERY_BROKER_URL"] == "redis://:p@redis.example.com:6379/0"
    assert settings["EMBEDDED_SERVICES"] == []
    assert settings["DEBUG"] is False
    assert settings["SESSION_COOKIE_SECURE"] is settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SECURE_HSTS_SECONDS"] > 0
    assert "billing.example.com" in settings["ALLOWED_HOSTS"]
    assert "*" not in settings["ALLOWED_HOSTS"]
    assert list(tmp_path.iterdir()) == []


def test_a_box_makes_its_own_secrets_once(tmp_path: Path) -> None:
    first, second = (json.loads(start(tmp_path / "var", RECKONER_PORT="8123").stdout) for _ in range(2))

    assert first == second
    assert len(first["SECRET_KEY"]) == 64
    assert first["EMBEDDED_SERVICES"] == ["postgres", "valkey"]
    assert first["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert first["DATABASES"]["default"]["PASSWORD"] not in (first["SECRET_KEY"], "")
    other = json.loads(start(tmp_path / "other").stdout)
    assert other["SECRET_KEY"] != first["SECRET_KEY"]


def test_each_service_is_replaced_alone(tmp_path: Path) -> None:
    settings = json.loads(start(tmp_path, DATABASE_URL=DATABASE_URL, SECRET_KEY=LONG_KEY).stdout)

    assert settings["EMBEDDED_SERVICES"] == ["valkey"]
    assert settings["REDIS_URL"].startswith("unix://:")


def test_servers_on_sockets_can_be_named(tmp_path: Path) -> None:
    done = start(
        tmp_path,
        DATABASE_URL="postgres://reckoner:p@%2Frun%2Fpostgresql/reckoner",
        REDIS_URL="unix://:p@/run/valkey.sock?db=3",
        SECRET_KEY=LONG_KEY,
    )

    settings = json.loads(done.stdout)
    assert settings["DATABASES"]["default"]["HOST"] == "/run/postgresql"
    assert settings["REDIS_URL"] == "unix://:p@/run/valkey.sock?db=3"
    assert settings["CELERY_BROKER_URL"] == "redis+socket://:p@/run/valkey.sock?virtual_host=3"


@pytest.mark.parametrize(
    ("given", "words"),
    [({"PAYMENT_PROVIDER": "stripe"}, "set STRIPE_API_KEY"), ({"STRIPE_API_KEY": "pk_test_1"}, "secret keys")],
)
def test_stripe_wants_a_secret_key(tmp_path: Path, given: dict[str, str], words: str) -> None:
    done = start(tmp_path, **given)

    assert done.returncode != 0
    assert words in done.stderr


def test_a_live_key_makes_the_instance_live(tmp_path: Path) -> None:
    done = start(
        tmp_path, PAYMENT_PROVIDER="stripe", STRIPE_API_KEY="sk_live_1", STRIPE_WEBHOOK_SECRETS="whsec_1,whsec_2"
    )

    settings = json.loads(done.stdout)
    assert (settings["INSTANCE_MODE"], settings["PROVIDER_RATES"]) == ("live", {"stripe": 100})
    assert settings["STRIPE_WEBHOOK_SECRETS"] == ["whsec_1", "whsec_2"]
    assert settings["PAYMENT_RETURN_URL"] == settings["PUBLIC_URL"]
