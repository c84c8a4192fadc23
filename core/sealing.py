"""Secrets that must be read again: stored encrypted, under keys that can be exchanged."""

from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:  # Django's fields take type arguments for the checker alone
    LongText = models.TextField[Any, Any]
else:
    LongText = models.TextField


class SealedField(LongText):
    """A secret as `seal` returns it; empty for none. `manage.py rotate_secrets` finds the columns by this class."""


class CannotUnseal(Exception):
    """The secret was stored under a key that is no longer among ENCRYPTION_KEYS."""


def seal(secret: str) -> str:
    """Return a secret encrypted under the first key; an empty one stays empty."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Return the secret that was sealed, under whichever key. Raises CannotUnseal when none of them opens it."""
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise CannotUnseal("No key of ENCRYPTION_KEYS opens a stored secret.") from error


def reseal(sealed: str) -> str:
    """Return a sealed secret sealed anew under the first key. Raises CannotUnseal."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
