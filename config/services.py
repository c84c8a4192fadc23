"""Where the database and the Redis-protocol server are: what the environment names, else the embedded ones in the data folder."""

from typing import Any
from urllib.parse import quote, urlsplit

import environ

from core.services import postgres, valkey
from core.services.folder import DataFolder

env = environ.Env()

DATA_FOLDER = DataFolder.from_environment()
DATABASE_IS_EMBEDDED = not env.str("DATABASE_URL", default="")
REDIS_IS_EMBEDDED = not env.str("REDIS_URL", default="")


def database() -> dict[str, Any]:
    """Return Django's settings of the database; no server needs to run for it."""
    common = {
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # A statement that waits longer for a lock than this has met a mistake; better an error than a queue behind it.
            "options": f"-c lock_timeout={env.int('DATABASE_LOCK_TIMEOUT_MS', default=30_000)}",
            "application_name": "reckoner",
        },
    }
    if not DATABASE_IS_EMBEDDED:
        given = env.db("DATABASE_URL")
        return {**given, **common, "OPTIONS": {**common["OPTIONS"], **given.get("OPTIONS", {})}}
    return {
        **common,
        "ENGINE": "core.services.postgresql",
        "HOST": str(DATA_FOLDER.sockets),
        "NAME": postgres.DATABASE,
        "USER": postgres.ROLE,
        "PASSWORD": DATA_FOLDER.secret(postgres.PASSWORD_SECRET),
    }


def redis_url(database_number: int = 0) -> str:
    """Return the address of the Redis-protocol server for redis-py; the number counts for the embedded one only."""
    if not REDIS_IS_EMBEDDED:
        return env.str("REDIS_URL")
    password = DATA_FOLDER.secret(valkey.PASSWORD_SECRET)
    socket = quote(str(DATA_FOLDER.sockets / valkey.SOCKET_NAME))
    return f"unix://:{password}@{socket}?db={database_number}"


def broker_url() -> str:
    """Return the same address as Celery spells it."""
    url = redis_url()
    if not REDIS_IS_EMBEDDED:
        return url
    parts = urlsplit(url)
    return f"redis+socket://:{parts.password}@{parts.path}?virtual_host=0"
