"""Where the database and the Redis-protocol server are: what the environment names, else the embedded ones."""

from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from config.environment import env
from core.services import postgres, valkey
from core.services.folder import DataFolder

SECRET_KEY_SECRET = "secret-key"  # noqa: S105 - the name of the file that holds it


def data_folder() -> DataFolder:
    """Return the data folder of this instance."""
    return DataFolder.from_environment()


def database_is_embedded() -> bool:
    """Tell whether the database is the one in the data folder."""
    return not env.str("DATABASE_URL", default="")


def redis_is_embedded() -> bool:
    """Tell whether the Redis-protocol server is the one in the data folder."""
    return not env.str("REDIS_URL", default="")


def embedded() -> list[str]:
    """Return the names of the services that run in the data folder, in the order in which they start."""
    names = {"postgres": database_is_embedded(), "valkey": redis_is_embedded()}
    return [name for name, is_embedded in names.items() if is_embedded]


def database() -> dict[str, Any]:
    """Return Django's settings of the database; no server needs to run for it."""
    timeout_ms = env.int("DATABASE_LOCK_TIMEOUT_MS", default=30_000)
    options = {
        # Who waits longer for a lock than this has met a mistake; better an error than a queue behind it. And no disk
        # has a head to move: with PostgreSQL's own 4 it reads a whole table where a chunk of a run names its rows.
        "options": f"-c lock_timeout={timeout_ms} -c random_page_cost=1.1",
        "application_name": "reckoner",
        "connect_timeout": 10,
    }
    common = {"CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=60), "CONN_HEALTH_CHECKS": True}
    if not database_is_embedded():
        given = env.db("DATABASE_URL")
        # A socket's folder stands in the place of the host, percent-encoded.
        given["HOST"] = unquote(given["HOST"])
        return {**given, **common, "OPTIONS": {**options, **given.get("OPTIONS", {})}}
    data = data_folder()
    return {
        **common,
        "OPTIONS": options,
        "ENGINE": "core.services.postgresql",
        "HOST": str(data.sockets),
        "NAME": postgres.DATABASE,
        "USER": postgres.ROLE,
        "PASSWORD": data.secret(postgres.PASSWORD_SECRET),
    }


def redis_url(database_number: int = 0) -> str:
    """Return the address of the Redis-protocol server for redis-py; the number counts for the embedded one only."""
    if not redis_is_embedded():
        return str(env.str("REDIS_URL"))
    data = data_folder()
    socket = quote(str(data.sockets / valkey.SOCKET_NAME))
    return f"unix://:{data.secret(valkey.PASSWORD_SECRET)}@{socket}?db={database_number}"


def broker_url() -> str:
    """Return the same address as Celery spells it, which differs for a Unix socket."""
    url = redis_url()
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database_number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://:{parts.password or ''}@{parts.path}?virtual_host={database_number}"


def cache() -> dict[str, Any]:
    """Return Django's settings of the cache, which all processes share."""
    settings: dict[str, Any] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(database_number=1),
        "KEY_PREFIX": "cache",
    }
    if redis_is_embedded():
        settings["OPTIONS"] = {"pool_class": "core.services.redis_pool.EmbeddedConnectionPool"}
    return settings


def secret_key() -> str:
    """Return SECRET_KEY, else the embedded instance's own one, else nothing (then settings refuse to start)."""
    given = str(env.str("SECRET_KEY", default=""))
    if given or not database_is_embedded():
        return given
    return data_folder().secret(SECRET_KEY_SECRET)
