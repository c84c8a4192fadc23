"""GET `/subscription/{id}/timeline`."""

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Brand
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running


def told(running: Running) -> list[tuple[str, str, str, str]]:
    """Return the timeline as day, kind, what and details."""
    rows = running.api.get(f"{running.path}/timeline")["data"]
    return [(row["at"][:10], row["kind"], row["what"], row.get("details", "")) for row in rows]


def test_everything_that_happened_is_told_in_order(running: Running) -> None:
    plan = {"plan": "team", "price": running.big, "when": "next-cycle"}
    running.advance("2026-06-05")
    running.api.post(f"{running.path}/plan", plan, 202)
    running.api.delete(f"{running.path}/pending-change")
    running.api.post(f"{running.path}/plan", {**plan, "when": "specific-date", "date": "2026-06-16"}, 202)
    running.advance("2026-06-20")
    running.api.post(f"{running.path}/cancel", {"when": "instantly", "refund_type": "prorate"}, 202)
    rows = told(running)
    assert [row[:3] for row in rows] == [
        ("2026-06-01", "terms", "Terms 1: paid"),
        ("2026-06-01", "item", "Item 0: started"),
        ("2026-06-01", "status", "Start"),
        ("2026-06-01", "invoice", rows[3][2]),
        ("2026-06-05", "pending_change", "Change planned"),
        ("2026-06-05", "pending_change", "Planned change revoked"),
        ("2026-06-05", "pending_change", "Change planned"),
        ("2026-06-16", "item", "Item 0: price changed"),
        ("2026-06-16", "pending_change", "Planned change applied"),
        ("2026-06-16", "invoice", rows[9][2]),
        ("2026-06-20", "terms", "Terms 2: ended"),
        ("2026-06-20", "status", "Cancel"),
        ("2026-06-20", "credit_note", rows[12][2]),
    ]
    assert rows[3][2].startswith("Invoice INV-")
    assert (rows[3][3], rows[12][3]) == ("€30.00, open", "€16.50")
    assert rows[4][3] == "plan Team, with the next cycle: 2026-07-01 00:00 UTC"
    assert rows[6][3] == "plan Team, on a date: 2026-06-16 00:00 UTC"
    assert (rows[7][3], rows[9][3]) == ("1 × Cloud", "€7.50, paid")
    assert rows[11][3] == "active → cancelled"


def test_what_fails_says_why(running: Running) -> None:
    running.api.post(f"{running.path}/plan", {"plan": "team", "price": running.yearly, "when": "next-cycle"}, 202)
    running.api.post(f"{running.path}/item", {"price": running.extra})
    running.advance("2026-07-01")
    failed = [row for row in told(running) if row[2] == "Planned change failed"]
    assert len(failed) == 1
    assert "interval" in failed[0][3]


def test_what_dunning_does_is_told(running: Running) -> None:
    Brand.objects.update(overdue_reminder_days=[0, 3])
    running.advance("2026-07-10")
    dunned = [row for row in told(running) if row[1] == "dunning"]
    words = f"Dunning of {next(row[2] for row in told(running) if row[1] == 'invoice').removeprefix('Invoice ')}"
    assert [(day, what.removeprefix(words), details) for day, _, what, details in dunned] == [
        ("2026-07-02", ": began", "overdue invoice"),
        ("2026-07-02", ": reminded 1", ""),
        ("2026-07-05", ": reminded 2", ""),
        ("2026-07-05", ": finished", "keep"),
    ]


def test_nobody_sees_what_is_charlies(api: Caller, shop: Shop, running: Running) -> None:
    running.start(running.customer("charlie"), "team", running.small)
    assert len([row for row in told(running) if row[1] == "invoice"]) == 1
    assert api.call("GET", f"/subscription/{uuid.uuid4()}/timeline").status_code == 404


def test_it_costs_the_same_however_long_it_is(running: Running) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            running.api.get(f"{running.path}/timeline")
        return len(asked)

    running.api.put(f"{running.path}/seats", {"seats": 2, "invoice_now": True})
    running.advance("2026-06-16")
    running.api.put(f"{running.path}/seats", {"seats": 1, "invoice_now": True})
    few = count()
    for day in ("2026-07-02", "2026-08-02"):
        running.advance(day)
        running.api.put(f"{running.path}/seats", {"seats": 3, "invoice_now": True})
        running.advance(f"{day[:8]}20")
        running.api.put(f"{running.path}/seats", {"seats": 1, "invoice_now": True})
    assert count() == few
