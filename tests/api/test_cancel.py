"""POST `/subscription/{id}/cancel`, `/uncancel`."""

import uuid
from typing import Any

import pytest

from billing.models import Refund
from core.models import AuditEntry
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.running import Running


def cancel(running: Running, **fields: Any) -> Any:
    """Cancel, and return the subscription after it."""
    assert running.api.post(f"{running.path}/cancel", fields, 202) == {}
    return running.now()


@pytest.mark.parametrize("body", [{}, {"when": "end-of-run"}, {"when": "end_of_run", "refund_type": "none"}])
def test_at_the_end_of_the_run(running: Running, body: dict[str, Any]) -> None:
    ending = cancel(running, **body)
    assert (ending["status"], ending["cancel_at"]) == ("pending_cancel", "2026-07-01T00:00:00+00:00")
    running.advance("2026-08-01")
    ended = running.now()
    assert (ended["status"], ended["ended_at"]) == ("cancelled", "2026-07-01T00:00:00+00:00")
    assert running.totals() == [3000]


@pytest.mark.parametrize(("refund_type", "given_back"), [("none", []), ("prorate", [1500]), ("full", [3000])])
def test_instantly(running: Running, refund_type: str, given_back: list[int]) -> None:
    running.advance("2026-06-16")
    ended = cancel(running, when="instantly", refund_type=refund_type, comment="Moved to the sea")
    assert (ended["status"], running.credits()) == ("cancelled", given_back)
    entry = AuditEntry.objects.get(action="subscription.cancelled")
    assert (entry.reason, str(entry.object_id)) == ("Moved to the sea", running.id)


def test_a_card_gets_its_money_back(api: Caller, shop: Shop, django_capture_on_commit_callbacks: Any) -> None:
    running = Running(api, shop, card=True)
    running.advance("2026-06-16")
    with django_capture_on_commit_callbacks() as hints:
        cancel(running, when="instantly", refund_type="prorate")
    assert len(hints) == 1
    assert (Refund.objects.get().amount_minor, Refund.objects.get().status) == (1500, "started")


def test_on_a_date(running: Running) -> None:
    ending = cancel(running, when="specific-date", date="2026-06-21", refund_type="prorate")
    assert (ending["status"], ending["cancel_at"]) == ("pending_cancel", "2026-06-21T00:00:00+00:00")
    running.advance("2026-06-21")
    assert (running.now()["status"], running.credits()) == ("cancelled", [1000])


def test_a_second_time_nothing_happens(running: Running) -> None:
    ending = cancel(running, when="specific-date", date="2026-08-11")
    assert cancel(running, when="end-of-run", refund_type="full") == ending
    ended = cancel(running, when="instantly")
    assert ended["status"] == "cancelled"
    assert cancel(running, when="instantly", refund_type="full") == ended
    assert running.credits() == []
    assert AuditEntry.objects.filter(action="subscription.cancelled").count() == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"when": "soon"}, {"when"}),
        ({"refund_type": "half"}, {"refund_type"}),
        ({"when": "specific-date"}, {"date"}),
        ({"when": "specific-date", "date": "2026-05-31"}, {"date"}),
        ({"when": "specific-date", "date": "2026-06-01"}, {"date"}),
        ({"when": "specific-date", "date": "2026-06-01T00:00:00Z"}, {"date"}),
        ({"date": "2026-06-21"}, {"date"}),
        ({"when": "instantly", "date": "2026-06-21"}, {"date"}),
        ({"comment": 5, "why": "x"}, {"comment", "why"}),
    ],
)
def test_refusals_store_nothing(running: Running, body: dict[str, Any], named: set[str]) -> None:
    assert set(running.refused("POST", "/cancel", body)) == named


def test_it_is_taken_back_while_the_end_lies_ahead(running: Running) -> None:
    assert running.conflict("POST", "/uncancel") == "not_pending_cancel"
    cancel(running)
    going_on = running.api.post(f"{running.path}/uncancel", status=200)
    assert (going_on["status"], "cancel_at" in going_on) == ("active", False)
    running.advance("2026-07-02")
    assert running.totals() == [3000, 3000]
    cancel(running, when="instantly")
    assert running.conflict("POST", "/uncancel") == "not_pending_cancel"


def test_what_the_scheduled_end_left_out_is_charged(running: Running) -> None:
    """To 11 July: 10 of 31 days are 968; taken back on the 5th, the other 2032 are charged."""
    cancel(running, when="specific-date", date="2026-07-11")
    running.advance("2026-07-05")
    running.api.post(f"{running.path}/uncancel", status=200)
    assert running.totals() == [3000, 968, 2032]


def test_the_same_request_twice_ends_once(running: Running) -> None:
    running.advance("2026-06-16")
    body = {"when": "instantly", "refund_type": "prorate"}
    first = running.api.call("POST", f"{running.path}/cancel", body, **idempotent("end"))
    again = running.api.call("POST", f"{running.path}/cancel", body, **idempotent("end"))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (202, 202, "true")
    assert running.credits() == [1500]
    assert running.api.call("POST", f"/subscription/{uuid.uuid4()}/cancel", {}).status_code == 404
