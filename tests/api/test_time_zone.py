"""PUT `/customer/{id}` with another time zone, and the boundaries of what runs."""

from datetime import UTC, datetime

from core.models import TestClock
from subscriptions.models import SubscriptionTerms
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running


def test_it_counts_from_the_next_boundary(running: Running) -> None:
    """1 July 00:00 UTC stays; from there each is at 00:00 in New York, 04:00 UTC; nothing is prorated."""
    running.advance("2026-06-16")
    running.api.put(f"/customer/{running.alice}", {"time_zone": "America/New_York"}, 202)
    assert running.now()["current_period_end"] == "2026-07-01T00:00:00+00:00"
    running.advance("2026-07-01")
    assert running.now()["current_period_end"] == "2026-08-01T04:00:00+00:00"
    running.advance("2026-08-02")
    assert running.totals() == [3000, 3000, 3000]


def test_what_is_paused_follows_when_it_resumes_and_what_has_ended_stays(api: Caller, shop: Shop) -> None:
    running = Running(api, shop, time_zone="Europe/Berlin")
    api.post(f"{running.path}/cancel", {"when": "instantly"}, 202)
    before = SubscriptionTerms.objects.count()
    api.put(f"/customer/{running.alice}", {"time_zone": "Asia/Tokyo"}, 202)
    api.put(f"/customer/{running.alice}", {"name": "Alice"}, 202)
    assert SubscriptionTerms.objects.count() == before


def test_what_was_due_before_the_move_is_billed_by_the_zone_before(running: Running) -> None:
    """No run came by since 1 July, when another price began: 1 September stays, 1 October is New York's."""
    running.api.post(f"{running.path}/price", {"price": running.big, "when": "next-cycle"}, 200)
    TestClock.objects.update(now_at=datetime(2026, 8, 1, tzinfo=UTC))
    running.api.put(f"/customer/{running.alice}", {"time_zone": "America/New_York"}, 202)
    running.advance("2026-08-02")
    assert running.now()["current_period_end"] == "2026-09-01T00:00:00+00:00"
    running.advance("2026-09-02")
    assert running.now()["current_period_end"] == "2026-10-01T04:00:00+00:00"
    assert running.totals() == [3000, 4500, 4500, 4500]
