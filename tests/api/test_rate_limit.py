"""Requests a second by key: a bucket in Redis, open when Redis is away."""

import time

import pytest
import redis
import structlog

from core.api import rate_limit
from core.models import ApiKey
from tests.api.client import Caller


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process held."""
    monkeypatch.setattr(rate_limit, "_closed_until", 0.0)
    rate_limit._slices.clear()


def limited(rate: int | None, burst: int | None, scope: str = "read") -> Caller:
    """Return a caller with a limit of its own."""
    caller = Caller(scope)
    ApiKey.objects.filter(id=caller.api_key_id).update(rate_limit=rate, rate_burst=burst)
    return caller


def test_a_burst_passes_and_the_next_waits(api: Caller) -> None:
    slow, other = limited(1, 3), limited(1, 3)
    assert [slow.call("GET", "/customer").status_code for _ in range(3)] == [200] * 3
    refused = slow.call("GET", "/customer")
    assert refused.status_code == 429
    assert refused.json()["error"] == "rate_limited"
    assert 1 <= int(refused["Retry-After"]) <= 2
    assert other.call("GET", "/customer").status_code == 200


def test_tokens_come_back_with_time(api: Caller) -> None:
    caller = limited(20, 1)
    assert caller.call("GET", "/customer").status_code == 200
    deadline = time.monotonic() + 5
    while caller.call("GET", "/customer").status_code == 429:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_key_without_a_limit_asks_nobody(api: Caller, monkeypatch) -> None:
    caller = limited(None, None)
    monkeypatch.setattr(rate_limit, "_ask", lambda *arguments: pytest.fail("Redis was asked"))
    assert caller.call("GET", "/customer").status_code == 200


def test_fast_keys_take_tokens_in_slices(api: Caller, monkeypatch) -> None:
    asked: list[int] = []
    ask = rate_limit._ask

    def count(name: str, rate: int, burst: int, wanted: int) -> tuple[int, float] | None:
        asked.append(wanted)
        return ask(name, rate, burst, wanted)

    monkeypatch.setattr(rate_limit, "_ask", count)
    caller = limited(1_000, 1_000)
    for _ in range(10):
        assert caller.call("GET", "/customer").status_code == 200
    assert asked[0] == 10
    assert len(asked) <= 3


def test_without_redis_requests_pass_and_the_log_says_so(api: Caller, monkeypatch) -> None:
    calls: list[int] = []

    class Away:
        def eval(self, *arguments: object) -> None:
            calls.append(1)
            raise redis.ConnectionError("no server")

    monkeypatch.setattr(rate_limit, "_client", lambda *arguments: Away())
    caller = limited(1, 1)
    with structlog.testing.capture_logs() as logs:
        assert [caller.call("GET", "/customer").status_code for _ in range(4)] == [200] * 4
    assert len(calls) == 1, "asked again before the pause was over"
    assert [line["event"] for line in logs].count("rate_limit_open") == 1


def test_refused_requests_of_unknown_keys_take_no_tokens(api: Caller) -> None:
    caller = limited(1, 1)
    assert caller.call("GET", "/customer").status_code == 200
    assert caller.call("GET", "/customer").status_code == 429
    assert api.call("GET", "/customer").status_code == 200
