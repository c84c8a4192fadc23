"""POST `/subscription/{id}/extend`."""

from typing import Any

import pytest

from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running


@pytest.fixture
def trial(running: Running) -> Running:
    """Return Alice with a standalone trial of 14 days beside her subscription, as the one that runs."""
    plan = {"has_trial": True, "trial_length_days": 14, "is_trial_standalone": True}
    running.shop.plan(running.product, running.small, running.yearly, code_name="try", **plan)
    path = f"/customer/{running.alice}/subscription/trial"
    running.id = running.api.post(path, {"plan": "try", "price": running.small})["id"]
    running.path = f"/subscription/{running.id}"
    return running


def test_before_its_end_it_is_paid_from_there(trial: Running) -> None:
    trial.advance("2026-06-05")
    extended = trial.api.post(f"{trial.path}/extend", {"price": trial.yearly}, 200)
    assert (extended["status"], extended["price"]["id"]) == ("active", trial.yearly)
    assert trial.totals() == [3000]
    trial.advance("2026-06-15")
    assert trial.totals() == [3000, 30000]
    assert trial.now()["current_period_end"] == "2027-06-15T00:00:00+00:00"


def test_after_its_end_it_is_paid_from_now(trial: Running) -> None:
    trial.advance("2026-06-20")
    assert trial.now()["status"] == "trial_ended"
    extended = trial.api.post(f"{trial.path}/extend", {"price": {"id": trial.small}}, 200)
    assert (extended["status"], extended["current_period_end"]) == ("active", "2026-07-20T00:00:00+00:00")
    assert trial.totals() == [3000, 3000]


def test_without_a_card_it_is_not_acceptable(trial: Running) -> None:
    bob = trial.shop.customer("bob", test_clock=trial.clock)
    path = f"/customer/{bob}/subscription/trial"
    trial.id = trial.api.post(path, {"plan": "try", "price": trial.small})["id"]
    trial.path = f"/subscription/{trial.id}"
    assert trial.conflict("POST", "/extend", {"price": trial.small}, 406) == "no_payment_method"
    trial.api.post(f"/customer/{bob}/payment-methods/frontend-payment-token", {"token": "tok_visa"})
    assert trial.api.post(f"{trial.path}/extend", {"price": trial.small}, 200)["status"] == "active"


@pytest.mark.parametrize("body", [{}, {"price": "nothing"}, {"price": "{other}"}, {"price": "{big}"}])
def test_refusals_store_nothing(trial: Running, body: dict[str, Any]) -> None:
    filled = {name: value.format(**vars(trial)) for name, value in body.items()}
    assert set(trial.refused("POST", "/extend", filled)) == {"price"}


def test_what_is_paid_already_is_not_extended(api: Caller, shop: Shop, running: Running) -> None:
    assert running.conflict("POST", "/extend", {"price": running.small}) == "subscription_not_active"
