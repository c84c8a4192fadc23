"""Whatever a provider does, calling it ends in an answer that is safe to settle; and faults strike only when asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django.fixtures import Settings

from billing.providers import pacing
from billing.providers.base import (
    UNKNOWN,
    ChargeRequest,
    ChargeResult,
    IdempotencyMismatch,
    Outcome,
    OutcomeUnknown,
    ProviderUnavailable,
)
from billing.providers.calling import Answer, Caller
from billing.providers.manual import ManualProvider
from billing.providers.pacing import Pace
from core.faults import InjectedFault, reach

REQUEST = ChargeRequest("key", 100, "EUR", "cus_1", "card_1")
PAID = ChargeResult(Outcome.SUCCEEDED, "ch_1", 100, "EUR")


class Scripted(ManualProvider):
    """A provider that says what it is told to, and remembers what it was asked."""

    def __init__(self, charge: ChargeResult | Exception, lookup: ChargeResult | Exception | None = None) -> None:
        self.answers = {"charge": charge, "lookup": lookup}
        self.asked: list[str] = []

    def charge(self, request: ChargeRequest) -> ChargeResult:
        answer = self._say("charge")
        assert answer is not None
        return answer

    def lookup(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        return self._say("lookup")

    def _say(self, what: str) -> ChargeResult | None:
        self.asked.append(what)
        answer = self.answers[what]
        if isinstance(answer, Exception):
            raise answer
        return answer


def call(provider: Scripted, *, was_called: bool = False, may_charge: bool = True) -> Answer:
    return Caller(provider, Pace("manual")).call(REQUEST, was_called=was_called, may_charge=may_charge)


def test_a_fresh_charge_is_sent() -> None:
    provider = Scripted(PAID)
    assert call(provider) == Answer(PAID)
    assert provider.asked == ["charge"]


def test_a_resumed_charge_is_asked_for_first() -> None:
    known, unknown, unwanted = Scripted(PAID, PAID), Scripted(PAID), Scripted(PAID)
    assert call(known, was_called=True) == Answer(PAID)
    assert call(unknown, was_called=True) == Answer(PAID)
    assert call(unwanted, was_called=True, may_charge=False) == Answer(None)
    assert (known.asked, unknown.asked, unwanted.asked) == (["lookup"], ["lookup", "charge"], ["lookup"])


@pytest.mark.parametrize("error", [OutcomeUnknown("late"), IdempotencyMismatch("used")])
def test_without_a_usable_answer_the_provider_is_asked(error: Exception) -> None:
    provider = Scripted(error, PAID)
    assert call(provider) == Answer(PAID)
    assert provider.asked == ["charge", "lookup"]


def test_a_charge_that_is_not_found_may_still_arrive() -> None:
    assert call(Scripted(OutcomeUnknown("late"))) == Answer(UNKNOWN, failure="late")
    away = Scripted(OutcomeUnknown("late"), ProviderUnavailable("away"))
    assert call(away) == Answer(UNKNOWN, failure="away")


def test_a_provider_that_is_away_leaves_the_outcome_open() -> None:
    assert call(Scripted(ProviderUnavailable("away"))) == Answer(UNKNOWN, failure="away")
    resumed = Scripted(PAID, ProviderUnavailable("away"))
    assert call(resumed, was_called=True) == Answer(UNKNOWN, failure="away")
    assert resumed.asked == ["lookup"]


def test_a_mistake_in_an_adapter_leaves_the_outcome_open(caplog: pytest.LogCaptureFixture) -> None:
    assert call(Scripted(KeyError("amount"))) == Answer(UNKNOWN, failure="KeyError: 'amount'")
    assert "provider_call_failed" in caplog.text


class TestPace:
    """The shared token bucket and the pause after failures."""

    @pytest.fixture
    def pace(self) -> Iterator[Pace]:
        pace = Pace("paced")
        pace.note_answer()
        yield pace
        pace.note_answer()

    def test_calls_beyond_the_rate_wait_their_turn(
        self, pace: Pace, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PROVIDER_RATES = {"paced": 20}
        waits: list[float] = []
        monkeypatch.setattr(time, "sleep", waits.append)
        for _ in range(30):
            pace.wait_for_turn()
        assert waits[:20] == [0.0] * 20
        assert waits[20:] == sorted(waits[20:])
        assert 0.3 < waits[-1] <= 0.5

    def test_without_a_rate_nobody_waits(self, pace: Pace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
        pace.wait_for_turn()

    def test_the_tenth_failure_pauses_and_an_answer_ends_it(self, pace: Pace) -> None:
        for _ in range(9):
            pace.note_failure("away")
        assert not pace.is_paused()
        pace.note_failure("away")
        assert pace.is_paused()
        pace.note_answer()
        assert not pace.is_paused()

    def test_without_redis_nothing_is_held_up(
        self, pace: Pace, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.PROVIDER_RATES = {"paced": 1}
        # As the real one is made: a client that is given no pool tries again for seconds.
        nobody = redis.Redis(connection_pool=redis.ConnectionPool.from_url("unix:///nonexistent/socket"))
        monkeypatch.setattr(pacing, "_client", lambda: nobody)
        pace.wait_for_turn()
        pace.note_failure("away")
        pace.note_answer()
        assert not pace.is_paused()
        for event in ("not_paced", "failure_not_noted", "answer_not_noted", "pause_unknown"):
            assert f"provider_{event}" in caplog.text


class TestFaults:
    """Points at which a test ends the process."""

    def test_nothing_happens_unless_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RECKONER_FAULT", raising=False)
        reach("here")
        monkeypatch.setenv("RECKONER_FAULT", "there:raise")
        reach("here")

    def test_the_point_is_struck_the_time_it_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RECKONER_FAULT", "here:raise@3")
        reach("here")
        reach("here")
        with pytest.raises(InjectedFault):
            reach("here")
        reach("here")
        assert not issubclass(InjectedFault, Exception)

    def test_an_unknown_effect_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RECKONER_FAULT", "here:explode")
        with pytest.raises(ValueError, match="explode"):
            reach("here")

    def test_kill_leaves_no_time_for_anything(self) -> None:
        program = "from core.faults import reach\ntry:\n    reach('here')\nfinally:\n    print('cleaned up')"
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "RECKONER_FAULT": "here"},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            check=False,
        )
        assert (run.returncode, run.stdout) == (-signal.SIGKILL, b"")
