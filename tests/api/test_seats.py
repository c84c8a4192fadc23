"""POST `/subscription/{id}/seats/add`, `/remove`; PUT `/subscription/{id}/seats`."""

import uuid
from typing import Any

import pytest

from subscriptions.models import ItemTerms
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.contract.shapes import check_shape


def test_added_and_removed_at_the_boundary(running: Running) -> None:
    """2 of 3000 for half of June, one of them taken back for the last third: 3000 - 1000 = 2000 with July's 6000."""
    running.advance("2026-06-16")
    assert running.api.post(f"{running.path}/seats/add", {"seats": 2}, 200) == {"success": True}
    running.advance("2026-06-21")
    assert running.api.post(f"{running.path}/seats/remove", {"seats": 1}, 200) == {"success": True}
    assert (running.now()["seat_number"], running.totals()) == (2, [3000])
    running.advance("2026-07-01")
    assert running.totals() == [3000, 2000 + 6000]
    assert list(ItemTerms.objects.order_by("version").values_list("delta", "quantity")) == [(1, 1), (2, 3), (-1, 2)]


def test_invoiced_at_once(running: Running) -> None:
    running.advance("2026-06-16")
    running.api.post(f"{running.path}/seats/add", {"seats": 2, "invoice_now": True}, 200)
    assert running.totals() == [3000, 3000]
    running.advance("2026-06-21")
    running.api.post(f"{running.path}/seats/remove", {"seats": 1, "invoice_now": True}, 200)
    assert running.credits() == [1000]


def test_set_to_a_number(running: Running) -> None:
    running.advance("2026-06-16")
    changed = running.api.put(f"{running.path}/seats", {"seats": 5, "invoice_now": True})
    check_shape("subscription", changed)
    assert (changed["seat_number"], running.totals()) == (5, [3000, 6000])
    assert running.api.put(f"{running.path}/seats", {"seat_number": 5})["seat_number"] == 5
    assert running.totals() == [3000, 6000]
    later = running.api.put(f"{running.path}/seats", {"seats": 2, "date": "2026-06-20"})
    assert (later["seat_number"], later["pending_change"]["seat_number"]) == (5, 2)
    running.advance("2026-06-20")
    assert running.now()["seat_number"] == 2


def test_on_a_date(running: Running) -> None:
    running.api.post(f"{running.path}/seats/add", {"seats": 2, "date": "2026-06-16"}, 200)
    assert running.now()["seat_number"] == 1
    running.advance("2026-06-16")
    assert running.now()["seat_number"] == 3
    running.advance("2026-07-01")
    assert running.totals() == [3000, 3000 + 9000]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/add", {}, {"seats"}),
        ("/add", {"seats": 0}, {"seats"}),
        ("/add", {"seats": 1_000_000}, {"seats"}),
        ("/remove", {"seats": 1}, {"seats"}),
        ("/remove", {"seats": 24}, {"seats"}),
        ("/add", {"seats": 1, "date": "2026-06-01"}, {"date"}),
        ("/add", {"seats": 1, "date": "2026-05-31"}, {"date"}),
        ("/add", {"seats": 1, "date": "2026-06-20", "invoice_now": True}, {"invoice_now"}),
        ("/add", {"seats": 1, "invoice_now": "yes", "users": ["a"]}, {"invoice_now", "users"}),
        ("", {}, {"seats"}),
        ("", {"seats": 0}, {"seats"}),
        ("", {"seats": 10**30}, {"seats"}),
    ],
)
def test_refusals_store_nothing(running: Running, path: str, body: dict[str, Any], named: set[str]) -> None:
    assert set(running.refused("POST" if path else "PUT", f"/seats{path}", body)) == named


def test_a_plan_without_seats_refuses_them(api: Caller, shop: Shop, running: Running) -> None:
    bob = running.customer("bob")
    solo = running.start(bob, "solo", running.other)
    for method, path in (("POST", "/seats/add"), ("POST", "/seats/remove"), ("PUT", "/seats")):
        assert set(api.errors(method, f"/subscription/{solo}{path}", {"seats": 2})) == {"seats"}
    assert api.get(f"/subscription/{solo}")["seat_number"] == 1


def test_what_does_not_run_has_no_seats_changed(running: Running) -> None:
    running.api.post(f"{running.path}/cancel", {"when": "instantly"}, 202)
    assert running.conflict("POST", "/seats/add", {"seats": 1}) == "subscription_not_active"
    assert running.conflict("PUT", "/seats", {"seats": 2}) == "subscription_not_active"
    assert running.api.call("PUT", f"/subscription/{uuid.uuid4()}/seats", {"seats": 2}).status_code == 404
