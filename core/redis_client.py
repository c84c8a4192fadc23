"""Connections of this process to the Redis-protocol server, for figures that may be lost."""

from functools import lru_cache

import redis
from django.conf import settings

from core.services.errors import ServiceError
from core.services.redis_pool import EmbeddedConnectionPool

TIMEOUT_SECONDS = 0.5
REDIS_AWAY = (redis.RedisError, ServiceError, OSError)
"""What a call raises when the server is away."""


def redis_client() -> redis.Redis:
    """Return a client whose calls give up soon: whoever asks it can do without the answer."""
    return _client(settings.REDIS_URL, "valkey" in settings.EMBEDDED_SERVICES)


@lru_cache(maxsize=4)
def _client(url: str, embedded: bool) -> redis.Redis:
    pool_class = EmbeddedConnectionPool if embedded else redis.ConnectionPool
    pool = pool_class.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
    return redis.Redis(connection_pool=pool)
