"""POST `/subscription/{id}/pause`, `/resume`."""

from typing import Any

import pytest

from tests.api.client import idempotent
from tests.api.running import Running


def test_shift_lengthens_the_period(running: Running) -> None:
    running.advance("2026-06-11")
    paused = running.api.post(f"{running.path}/pause", {"ignored": 1}, 200)
    assert paused["status"] == "paused"
    running.advance("2026-07-11")
    assert running.totals() == [3000]
    resumed = running.api.post(f"{running.path}/resume", status=200)
    assert (resumed["status"], resumed["current_period_end"]) == ("active", "2026-07-31T00:00:00+00:00")
    running.advance("2026-07-31")
    assert running.totals() == [3000, 3000]


def test_keep_credits_the_days(running: Running) -> None:
    """15 of 30 paid days paused: 1500 back, the boundary stays."""
    running.advance("2026-06-11")
    running.api.post(f"{running.path}/pause", status=200)
    running.advance("2026-06-26")
    resumed = running.api.post(f"{running.path}/resume", {"policy": "keep"}, 200)
    assert resumed["current_period_end"] == "2026-07-01T00:00:00+00:00"
    assert running.credits() == [1500]


@pytest.mark.parametrize("body", [{"policy": "moon"}, {"policy": 5}, {"policy": ["keep"]}])
def test_refusals_store_nothing(running: Running, body: dict[str, Any]) -> None:
    running.api.post(f"{running.path}/pause", status=200)
    assert set(running.refused("POST", "/resume", body)) == {"policy"}


def test_states_that_do_not_allow_it(running: Running) -> None:
    assert running.conflict("POST", "/resume") == "subscription_not_active"
    running.api.post(f"{running.path}/pause", status=200)
    assert running.conflict("POST", "/pause") == "subscription_not_active"
    running.api.post(f"{running.path}/cancel", {"when": "instantly"}, 202)
    assert running.conflict("POST", "/pause") == "subscription_not_active"
    assert running.conflict("POST", "/resume") == "subscription_not_active"


def test_the_same_request_twice_pauses_once(running: Running) -> None:
    first = running.api.call("POST", f"{running.path}/pause", {}, **idempotent("rest"))
    again = running.api.call("POST", f"{running.path}/pause", {}, **idempotent("rest"))
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
