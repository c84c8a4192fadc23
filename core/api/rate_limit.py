"""How many requests a key may make: a token bucket per key in Redis, open when Redis is away.

A bucket holds `rate_burst` tokens and gains `rate_limit` a second; a request takes one. Fast keys take their tokens in
slices, so that most requests of a process ask nobody.
"""

import math
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

import redis
import structlog
from django.conf import settings

from core.api.errors import RateLimited
from core.models import ApiKey
from core.services.errors import ServiceError
from core.services.redis_pool import EmbeddedConnectionPool

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.25
PAUSE_SECONDS = 5.0
SLICES_A_SECOND = 100
SLICE_LIFE_SECONDS = 1.0
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1]) or burst
local at = tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return {granted, tostring((1 - tokens) / rate)}
"""


@dataclass(slots=True)
class _Slice:
    """Tokens a process has taken ahead of their requests."""

    tokens: int
    taken_at: float


_slices: dict[str, _Slice] = {}
_lock = threading.Lock()
_closed_until = 0.0


@lru_cache(maxsize=4)
def _client(url: str, embedded: bool) -> redis.Redis:
    pool_class = EmbeddedConnectionPool if embedded else redis.ConnectionPool
    pool = pool_class.from_url(
        url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, max_connections=64
    )
    return redis.Redis(connection_pool=pool)


def limit_rate(api_key: ApiKey) -> None:
    """Take one token of the key's bucket. A key without a limit has none to take.

    When Redis is away the request is let through and the fact logged. Raises RateLimited, with the seconds until a
    token is there.
    """
    if not api_key.rate_limit:
        return
    rate, burst = api_key.rate_limit, api_key.rate_burst or api_key.rate_limit
    name = f"rate:{api_key.id}"
    if _take_from_slice(name):
        return
    wanted = min(max(1, rate // SLICES_A_SECOND), burst)
    answer = _ask(name, rate, burst, wanted)
    if answer is None:
        return
    granted, wait_seconds = answer
    if granted < 1:
        raise RateLimited(max(1, math.ceil(wait_seconds)))
    if granted > 1:
        with _lock:
            _slices[name] = _Slice(granted - 1, time.monotonic())


def _take_from_slice(name: str) -> bool:
    with _lock:
        held = _slices.get(name)
        if held is None:
            return False
        if held.tokens < 1 or time.monotonic() - held.taken_at > SLICE_LIFE_SECONDS:
            del _slices[name]
            return False
        held.tokens -= 1
        return True


def _ask(name: str, rate: int, burst: int, wanted: int) -> tuple[int, float] | None:
    """Return how many tokens Redis granted and how long the next takes, or None when it is away."""
    global _closed_until  # noqa: PLW0603 - one process, one state of the line to Redis
    if time.monotonic() < _closed_until:
        return None
    try:
        client = _client(settings.REDIS_URL, "valkey" in settings.EMBEDDED_SERVICES)
        granted, wait_seconds = client.eval(_TAKE, 1, name, rate, burst, wanted)
    except (redis.RedisError, ServiceError, OSError) as error:
        _closed_until = time.monotonic() + PAUSE_SECONDS
        log.warning("rate_limit_open", reason=str(error), seconds=PAUSE_SECONDS)
        return None
    return int(granted), float(wait_seconds)
