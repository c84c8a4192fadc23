"""POST `/subscription/{id}/plan/preview`, `/price/preview`, `/seats/preview`."""

from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/plan/preview", {}, {"when", "plan", "price"}),
        ("/plan/preview", {"plan": "team", "price": "{other}", "when": "instantly"}, {"price"}),
        ("/price/preview", {"price": "{dollars}", "when": "instantly"}, {"price"}),
        ("/seats/preview", {"seats": 0}, {"seats"}),
    ],
)
def test_it_is_refused_as_the_change_would_be(
    running: Running, path: str, body: dict[str, Any], named: set[str]
) -> None:
    filled = {name: value.format(**vars(running)) if isinstance(value, str) else value for name, value in body.items()}
    assert set(running.refused("POST", path, filled)) == named
