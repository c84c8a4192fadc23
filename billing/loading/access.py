"""Let the person who runs the demo in: a login for the back office and a key for the API."""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.models import StaffUser
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft, create_api_key
from core.queries_api_keys import find_key
from core.services.folder import DataFolder

USER_NAME = "admin"
PASSWORD_BYTES = 12
KEY_NAME = "demo"


@dataclass(frozen=True, slots=True)
class Access:
    """What opens the doors; without a password the login was there before, or its password was changed since."""

    user_name: str
    password: str | None
    api_key: str


def grant_access(data: DataFolder, *, now: datetime) -> Access:
    """Return a login and an API key, made the first time and kept beside the instance's other secrets.

    Whoever can read that folder could open every door anyway.
    """
    folder = data.private_folder("secrets")
    return Access(USER_NAME, _password(folder / "demo-password"), _api_key(folder / "demo-api-key", now))


def _password(kept: Path) -> str | None:
    """Return the login's password, made with it; None when somebody else chose it."""
    user = StaffUser.objects.filter(username=USER_NAME).first()
    if user is None:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        StaffUser.objects.create_superuser(USER_NAME, password=password)
        _keep(kept, password)
        return password
    password = _read(kept)
    return password if password and user.check_password(password) else None


def _api_key(kept: Path, now: datetime) -> str:
    """Return a key that is in force."""
    key = _read(kept)
    row = find_key(key) if key else None
    if row is None or row.disabled_at is not None or (row.expires_at is not None and row.expires_at <= now):
        key = create_api_key(ApiKeyDraft(KEY_NAME, "admin"), actor=SYSTEM, now=now).key
        _keep(kept, key)
    return key


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _keep(path: Path, text: str) -> None:
    """Write a secret that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
