"""POST `/subscription/{id}/plan/preview`, `/price/preview`, `/seats/preview`, `/cancel/preview`."""

from typing import Any

import pytest

from tests.api import papers
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.api.world import count_rows


def shown(running: Running, call: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents of a preview, which must have stored nothing."""
    before, stands = count_rows(), running.now()
    documents: list[dict[str, Any]] = running.api.post(f"{running.path}/{call}/preview", body, 200)["documents"]
    assert (count_rows(), running.now()) == (before, stands)
    return documents


def test_it_is_the_invoice_that_the_change_makes(running: Running) -> None:
    running.advance("2026-06-16")
    body = {"plan": "team", "price": running.big, "when": "instantly"}
    (document,) = shown(running, "plan", body)
    assert (document["type"], document["total"], document["amount_due"]) == ("invoice", 750, 750)
    assert [(line["kind"], line["total"]) for line in document["lines"]] == [("credit", -1500), ("recurring", 2250)]
    assert shown(running, "price", {"price": running.big, "when": "instantly"}) == [document]
    running.api.post(f"{running.path}/plan", body, 202)
    made = running.api.get(f"/customer/{running.alice}/invoices")["data"][0]
    assert (made["total"], made["due_date"]) == (750, document["due_date"])
    assert [line["total"] for line in made["lines"]] == [-1500, 2250]


def test_it_is_the_credit_note_that_the_change_makes(running: Running) -> None:
    running.api.put(f"{running.path}/seats", {"seats": 3, "invoice_now": True})
    running.advance("2026-06-16")
    (document,) = shown(running, "seats", {"seats": 1})
    assert (document["type"], document["total"], "amount_due" in document) == ("credit_note", 3000, False)
    running.api.put(f"{running.path}/seats", {"seats": 1, "invoice_now": True})
    assert running.credits() == [document["total"]]


def test_what_waits_makes_nothing_now(running: Running) -> None:
    assert shown(running, "plan", {"plan": "team", "price": running.big, "when": "next-cycle"}) == []
    assert shown(running, "seats", {"seats": 2, "date": "2026-06-20"}) == []


def cancelled(running: Running, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a cancellation makes, which must be what its preview shows, and leave what that says."""
    before, stands, known = count_rows(), running.now(), papers.document_ids()
    told = running.api.post(f"{running.path}/cancel/preview", body, 200)
    assert (count_rows(), running.now()) == (before, stands)
    running.api.post(f"{running.path}/cancel", body, 202)
    assert papers.made_since(known) == papers.shown(told["documents"])
    ending = running.now()
    assert (told["status"], told.get("cancel_at")) == (ending["status"], ending.get("cancel_at"))
    documents: list[dict[str, Any]] = told["documents"]
    return documents


REFUNDS = {"none": [], "prorate": [1500], "full": [3000]}


@pytest.mark.parametrize("refund_type", REFUNDS)
class TestCancel:
    def test_at_once(self, running: Running, refund_type: str) -> None:
        running.advance("2026-06-16")
        documents = cancelled(running, {"when": "instantly", "refund_type": refund_type})
        assert [one["to_invoices"] for one in documents] == REFUNDS[refund_type]

    @pytest.mark.parametrize("when", [{"when": "end-of-run"}, {"when": "specific-date", "date": "2026-06-21"}])
    def test_before_its_end_comes_nothing_is_made(
        self, running: Running, refund_type: str, when: dict[str, Any]
    ) -> None:
        assert cancelled(running, {**when, "refund_type": refund_type}) == []

    def test_with_seats_and_a_change_behind_it(self, running: Running, refund_type: str) -> None:
        """4500 for half the month, two seats more from the 19th: they are charged for two of 30 days at once."""
        running.advance("2026-06-16")
        running.api.post(f"{running.path}/price", {"price": running.big, "when": "instantly"}, 200)
        running.advance("2026-06-19")
        running.api.put(f"{running.path}/seats", {"seats": 3})
        running.advance("2026-06-21")
        documents = cancelled(running, {"when": "instantly", "refund_type": refund_type})
        wanted = {"none": [600], "prorate": [900], "full": [600, 3000, 750, 600]}
        assert sorted(one["total"] for one in documents) == sorted(wanted[refund_type])

    def test_what_a_card_paid_goes_back_to_it(self, api: Caller, shop: Shop, refund_type: str) -> None:
        running = Running(api, shop, card=True)
        api.post(f"/customer/{running.alice}/credit", {"type": "credit", "amount": 400, "currency": "EUR"})
        running.advance("2026-07-16")
        documents = cancelled(running, {"when": "instantly", "refund_type": refund_type})
        wanted = {"none": [], "prorate": [(1548, 0)], "full": [(2600, 400)]}
        assert [(one["refunded"], one["to_balance"]) for one in documents] == wanted[refund_type]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/plan/preview", {}, {"when", "plan", "price"}),
        ("/plan/preview", {"plan": "team", "price": "{other}", "when": "instantly"}, {"price"}),
        ("/price/preview", {"price": "{dollars}", "when": "instantly"}, {"price"}),
        ("/seats/preview", {"seats": 0}, {"seats"}),
        ("/cancel/preview", {"when": "specific-date", "date": "2026-05-31", "refund_type": "half"}, {"refund_type"}),
        ("/cancel/preview", {"when": "specific-date", "date": "2026-05-31"}, {"date"}),
    ],
)
def test_it_is_refused_as_the_change_would_be(
    running: Running, path: str, body: dict[str, Any], named: set[str]
) -> None:
    filled = {name: value.format(**vars(running)) if isinstance(value, str) else value for name, value in body.items()}
    assert set(running.refused("POST", path, filled)) == named


def test_a_second_cancellation_would_do_nothing(running: Running) -> None:
    cancelled(running, {"when": "specific-date", "date": "2026-06-21"})
    assert cancelled(running, {"when": "end-of-run", "refund_type": "full"}) == []
