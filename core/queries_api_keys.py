"""Reads of API keys."""

import uuid
from functools import lru_cache

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from core.domain.api_key import hash_key, key_mode
from core.errors import NotFound
from core.models import ApiKey, Instance


@lru_cache(maxsize=1)
def _fixed_mode() -> str:
    """Return the mode written at first start. It never changes; a missing row raises and is asked for again."""
    return Instance.objects.only("mode").get().mode


def instance_mode() -> str:
    """Return the mode of this instance, test or live; test until it is written."""
    try:
        return _fixed_mode()
    except Instance.DoesNotExist:
        return Instance.Mode.TEST.value


def find_key(key: str) -> ApiKey | None:
    """Return the row of a key as sent, under whichever pepper it was hashed.

    A key of the other mode was issued by another instance, and so is in no row of this one.
    """
    if key_mode(key) is None:
        return None
    hashes = [hash_key(key, pepper) for pepper in settings.API_KEY_PEPPERS.values()]
    names = [field.attname for field in ApiKey._meta.concrete_fields]
    columns = ", ".join(f'"{field.column}"' for field in ApiKey._meta.concrete_fields)
    # Every request asks this: a QuerySet would take longer to put it into words than the database to answer it.
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {ApiKey._meta.db_table} WHERE key_hash = ANY(%s)",  # noqa: S608 - our own columns
            [hashes],
        )
        row = cursor.fetchone()
    return None if row is None else ApiKey.from_db(connection.alias, names, row)


def get_api_key(api_key_id: uuid.UUID) -> ApiKey:
    """Return a key by id. Raises NotFound."""
    api_key = ApiKey.objects.filter(id=api_key_id).first()
    if api_key is None:
        raise NotFound(f"No API key has the id {api_key_id}.")
    return api_key


def list_api_keys() -> QuerySet[ApiKey]:
    """Return all keys, newest first."""
    return ApiKey.objects.order_by("-id")
