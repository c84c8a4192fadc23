"""POST `/subscription/{id}/plan`, `/price`; GET and DELETE `/subscription/{id}/pending-change`."""

import uuid
from typing import Any

import pytest

from billing.operations import charging
from invoicing.models import InvoiceLine
from subscriptions.models import PendingChange
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.cast import at
from tests.contract.shapes import check_shape


def plan(running: Running, price: str, when: str = "instantly", status: int = 202, **fields: Any) -> Any:
    """Change the plan."""
    body = {"when": when, "plan": "team", "price": price, **fields}
    return running.api.post(f"{running.path}/plan", body, status)


def test_instantly_in_the_middle_of_the_period(running: Running) -> None:
    running.advance("2026-06-16")
    changed = plan(running, running.big)
    check_shape("subscription", changed)
    assert (changed["price"]["id"], changed["current_period_end"]) == (running.big, "2026-07-01T00:00:00+00:00")
    assert running.totals() == [3000, 750]
    lines = InvoiceLine.objects.filter(invoice__total_minor=750).order_by("position")
    assert list(lines.values_list("kind", "amount_minor")) == [("credit", -1500), ("recurring", 2250)]
    running.advance("2026-07-01")
    assert running.totals() == [3000, 750, 4500]


def test_another_interval_restarts_the_period(running: Running) -> None:
    running.advance("2026-06-08")
    changed = plan(running, running.yearly)
    assert (running.totals(), changed["schedule"]) == ([3000, 27700], "year")
    assert changed["current_period_end"] == "2027-06-08T00:00:00+00:00"


def test_another_plan_takes_its_own_price(running: Running) -> None:
    changed = plan(running, running.other, plan="solo")
    assert changed["plan"]["id"] == running.solo
    assert running.totals() == [3000, 3000]
    assert plan(running, running.small, plan={"id": running.team})["plan"]["code_name"] == "team"


def test_the_price_alone(running: Running) -> None:
    running.advance("2026-06-16")
    body = {"price": {"id": running.big}, "when": "instantly"}
    assert running.api.post(f"{running.path}/price", body, 200) == {"success": True}
    assert running.totals() == [3000, 750]
    foreign = {"price": running.other, "when": "instantly"}
    assert set(running.refused("POST", "/price", foreign)) == {"price"}


@pytest.mark.parametrize(
    ("proration", "total"), [("day", 750), ("second", 750), ("thirty_360", 750), ("none", None), ("full", 4500)]
)
def test_the_proration_asked_for(running: Running, proration: str, total: int | None) -> None:
    running.advance("2026-06-16")
    plan(running, running.big, proration=proration)
    assert running.totals() == [3000] + ([] if total is None else [total])


@pytest.mark.parametrize("when", ["next-cycle", "next_cycle"])
def test_with_the_next_cycle_it_waits(running: Running, when: str) -> None:
    changed = plan(running, running.big, when)
    check_shape("subscription", changed)
    assert changed["price"]["id"] == running.small
    waiting = running.api.get(f"{running.path}/pending-change")
    assert waiting == changed["pending_change"] == running.now()["pending_change"]
    assert (waiting["kind"], waiting["when"], waiting["due_at"]) == ("plan", "next-cycle", "2026-07-01T00:00:00+00:00")
    assert (waiting["plan"]["code_name"], waiting["price"]["id"]) == ("team", running.big)
    running.advance("2026-07-01")
    assert running.totals() == [3000, 4500]
    assert "pending_change" not in running.now()
    assert running.conflict("GET", "/pending-change", status=404) == "not_found"


@pytest.mark.parametrize(
    ("date", "due_at"),
    [("2026-06-16", "2026-06-15T22:00:00+00:00"), ("2026-06-16T12:30:00+02:00", "2026-06-16T10:30:00+00:00")],
)
def test_on_a_date_it_waits(api: Caller, shop: Shop, date: str, due_at: str) -> None:
    """A day begins where the customer lives: 16 June in Berlin is 15 June, 22:00 UTC."""
    running = Running(api, shop, time_zone="Europe/Berlin")
    changed = plan(running, running.big, "specific-date", date=date)
    assert (changed["pending_change"]["due_at"], changed["pending_change"]["when"]) == (due_at, "specific-date")
    running.advance("2026-06-16T11:00:00Z")
    assert running.now()["price"]["id"] == running.big
    assert running.totals() == [3000, 750]


def test_one_waits_per_kind_and_each_can_be_taken_back(running: Running) -> None:
    plan(running, running.big, "next-cycle")
    plan(running, running.yearly, "next-cycle")
    running.api.post(f"{running.path}/seats/add", {"seats": 2, "date": "2026-06-20"}, 200)
    waiting = running.now()["pending_change"]
    assert (waiting["kind"], waiting["seat_number"]) == ("seats", 3)
    assert [(one["kind"], one["price"]["id"]) for one in waiting["others"]] == [("plan", running.yearly)]
    assert running.api.get(f"{running.path}/pending-change?kind=plan")["price"]["id"] == running.yearly
    assert running.conflict("GET", "/pending-change?kind=item", status=404) == "not_found"
    assert set(running.refused("GET", "/pending-change?kind=moon", {})) == {"kind"}
    running.api.delete(f"{running.path}/pending-change?kind=plan")
    assert running.now()["pending_change"]["kind"] == "seats"
    running.api.delete(f"{running.path}/pending-change")
    assert running.conflict("DELETE", "/pending-change", status=404) == "not_found"
    running.advance("2026-07-01")
    assert running.totals() == [3000, 3000]
    assert sorted(PendingChange.objects.values_list("outcome", flat=True)) == ["replaced", "revoked", "revoked"]


def test_an_instant_change_drops_what_waits(running: Running) -> None:
    plan(running, running.yearly, "next-cycle")
    assert "pending_change" not in plan(running, running.big)


REFUSALS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, {"when", "plan", "price"}),
    "no such words": ({"when": "soon", "plan": "nothing", "price": str(uuid.uuid4())}, {"when", "plan", "price"}),
    "a foreign price": ({"when": "instantly", "plan": "team", "price": "{other}"}, {"price"}),
    "a foreign price later": ({"when": "next-cycle", "plan": "solo", "price": "{big}"}, {"price"}),
    "another currency": ({"when": "instantly", "plan": "team", "price": "{dollars}"}, {"price"}),
    "another currency on a date": (
        {"when": "specific-date", "date": "2026-06-20", "plan": "team", "price": "{dollars}"},
        {"price"},
    ),
    "no date": ({"when": "specific-date", "plan": "team", "price": "{big}"}, {"date"}),
    "no day": ({"when": "specific-date", "date": "soon", "plan": "team", "price": "{big}"}, {"date"}),
    "yesterday": ({"when": "specific-date", "date": "2026-06-14", "plan": "team", "price": "{big}"}, {"date"}),
    "today": ({"when": "specific-date", "date": "2026-06-15", "plan": "team", "price": "{big}"}, {"date"}),
    "this instant": (
        {"when": "specific-date", "date": "2026-06-15T12:00:00Z", "plan": "team", "price": "{big}"},
        {"date"},
    ),
    "a date for now": ({"when": "instantly", "date": "2026-06-20", "plan": "team", "price": "{big}"}, {"date"}),
    "a policy": ({"when": "instantly", "plan": "team", "price": "{big}", "proration": "half"}, {"proration"}),
    "none for another interval": (
        {"when": "instantly", "plan": "team", "price": "{yearly}", "proration": "none"},
        {"proration"},
    ),
    "an unknown field": ({"when": "instantly", "plan": "team", "price": "{big}", "now": True}, {"now"}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_store_nothing(running: Running, case: str) -> None:
    running.advance("2026-06-15T12:00:00Z")
    body, named = REFUSALS[case]
    names = vars(running)
    filled = {name: value.format(**names) if isinstance(value, str) else value for name, value in body.items()}
    assert set(running.refused("POST", "/plan", filled)) == named


def test_a_retired_plan_or_price_is_refused(running: Running) -> None:
    running.api.delete(f"/price/{running.big}", 204)
    body = {"when": "instantly", "plan": "solo", "price": running.other}
    assert plan(running, running.big)["price"]["id"] == running.big, "the plan it has keeps its prices"
    running.api.delete(f"/plan/{running.solo}", 204)
    assert set(running.refused("POST", "/plan", body)) == {"plan"}


def test_what_does_not_run_is_not_changed(running: Running) -> None:
    body = {"when": "instantly", "plan": "team", "price": running.big}
    running.api.post(f"{running.path}/pause", status=200)
    assert running.conflict("POST", "/plan", body) == "subscription_not_active"
    running.api.post(f"{running.path}/resume", status=200)
    running.api.post(f"{running.path}/cancel", {"when": "end-of-run"}, 202)
    late = {**body, "when": "specific-date", "date": "2026-08-01"}
    assert running.conflict("POST", "/plan", late) == "subscription_ends_before"
    running.api.post(f"{running.path}/cancel", {"when": "instantly"}, 202)
    assert running.conflict("POST", "/plan", body) == "subscription_not_active"
    assert running.totals() == [3000]


def test_the_same_request_twice_changes_once(running: Running) -> None:
    running.advance("2026-06-16")
    body = {"when": "instantly", "plan": "team", "price": running.big}
    first = running.api.call("POST", f"{running.path}/plan", body, **idempotent("up"))
    again = running.api.call("POST", f"{running.path}/plan", body, **idempotent("up"))
    assert (first.status_code, again.content, again["Idempotent-Replayed"]) == (202, first.content, "true")
    assert running.totals() == [3000, 750]
    other = running.api.call("POST", f"{running.path}/plan", {**body, "price": running.small}, **idempotent("up"))
    assert other.status_code == 422


def test_a_card_is_charged_by_the_worker_and_a_decline_leaves_the_change(
    api: Caller, shop: Shop, django_capture_on_commit_callbacks: Any
) -> None:
    running = Running(api, shop, card=True)
    running.advance("2026-06-16")
    cards = f"/customer/{running.alice}/payment-methods/frontend-payment-token"
    empty = api.post(cards, {"token": "tok_lack_of_funds"})["id"]
    api.put(f"{running.path}/payment-method", {"payment_details": empty}, 202)
    with django_capture_on_commit_callbacks() as hints:
        plan(running, running.big)
    assert len(hints) == 1, "a worker is told"
    attempts = f"/payment-attempt?customer={running.alice}"
    assert [(one["amount"], one["status"]) for one in api.get(attempts)["data"]] == [
        (750, "scheduled"),
        (3000, "succeeded"),
    ]
    charging.charge_due(at("2026-06-16"), test_clock_id=uuid.UUID(running.clock))
    assert api.get(attempts)["data"][0]["failure_reason"] == "lack_of_funds"
    assert api.get(f"/customer/{running.alice}/invoices")["data"][0]["status"] == "open"
    assert running.now()["price"]["id"] == running.big
