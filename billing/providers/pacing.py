"""How fast a provider's account is charged, and when it is left alone; shared by all processes through Redis.

Billing rules, section 11: a token bucket per account; ten provider failures in a row pause its charges. When Redis is
away nothing is paced or paused, and that is logged: rows carry the work, so a charge refused for its pace is only
tried again.
"""

import time
from functools import cache

import redis
import structlog
from django.conf import settings
from django.db import connection

from core.services.redis_pool import EmbeddedConnectionPool

FAILURES_BEFORE_PAUSE = 10
PAUSE_SECONDS = 60
LONGEST_WAIT_SECONDS = 10.0

# Tokens drip in at ARGV[1] a second up to a bucket of the same size. Returns the milliseconds to wait for one; the one
# waited for is taken already, so that those who wait come out one after the other.
DRAW = """
local rate = tonumber(ARGV[1])
local moment = redis.call('TIME')
local now = tonumber(moment[1]) * 1000 + math.floor(tonumber(moment[2]) / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or rate, tonumber(bucket[2]) or now
tokens = math.min(rate, tokens + (now - at) * rate / 1000) - 1
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], 60000)
if tokens >= 0 then return 0 end
return math.ceil(-tokens * 1000 / rate)
"""

log = structlog.get_logger(__name__)


class Pace:
    """The pace and the health of one provider's account."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        # Two instances may share one Redis, never one database.
        stem = f"{connection.settings_dict['NAME']}:provider:{provider}"
        self._bucket = f"{stem}:tokens"
        self._failures = f"{stem}:failures"
        self._paused = f"{stem}:paused"

    @property
    def rate(self) -> int:
        """Return the calls a second that the setting PROVIDER_RATES allows this account; 0: no limit."""
        return settings.PROVIDER_RATES.get(self.provider, 0)

    def wait_for_turn(self) -> None:
        """Wait until the account may be called once more."""
        if not self.rate:
            return
        try:
            wait_ms = int(_client().eval(DRAW, 1, self._bucket, self.rate))
        except redis.RedisError as error:
            log.warning("provider_not_paced", provider=self.provider, error=str(error))
            return
        time.sleep(min(wait_ms / 1000, LONGEST_WAIT_SECONDS))

    def is_paused(self) -> bool:
        """Tell whether the account is left alone for now."""
        try:
            return bool(_client().exists(self._paused))
        except redis.RedisError as error:
            log.warning("provider_pause_unknown", provider=self.provider, error=str(error))
            return False

    def note_answer(self) -> None:
        """Forget the failures so far: the provider answers."""
        try:
            _client().delete(self._failures, self._paused)
        except redis.RedisError as error:
            log.warning("provider_answer_not_noted", provider=self.provider, error=str(error))

    def note_failure(self, reason: str) -> None:
        """Count a call that got no answer; the tenth in a row pauses the account and raises the alarm.

        After the pause one more failure pauses it again: the count starts anew only with an answer.
        """
        try:
            failures = int(_client().incr(self._failures))
            if failures >= FAILURES_BEFORE_PAUSE:
                _client().set(self._paused, reason[:200], ex=PAUSE_SECONDS)
                log.error("provider_paused", provider=self.provider, failures=failures, reason=reason[:200])
        except redis.RedisError as error:
            log.warning("provider_failure_not_noted", provider=self.provider, error=str(error))


@cache
def _client() -> redis.Redis:
    """Return this process's connections to Redis, made when first asked for."""
    is_embedded = "valkey" in settings.EMBEDDED_SERVICES
    pool_class = EmbeddedConnectionPool if is_embedded else redis.ConnectionPool
    return redis.Redis(connection_pool=pool_class.from_url(settings.REDIS_URL))
