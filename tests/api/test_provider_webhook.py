"""`/webhooks/{provider}` and `/dispute`: believed when signed, stored once, read back."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from billing.models import Dispute, ProviderNotice
from billing.operations import notices
from billing.operations.charging import charge_due
from core.clock import wall_now
from tests.api.client import Caller
from tests.cast import JANUARY, make_company
from tests.factories import make_due_charge
from tests.stripe_twin.server import Twin
from tests.stripe_twin.use import make_healthy, use_twin

pytestmark = pytest.mark.django_db


@pytest.fixture
def twin(settings: Settings) -> Iterator[Twin]:
    twin = use_twin(settings)
    make_healthy()
    yield twin
    make_healthy()


def send(twin: Twin, event: dict[str, Any], path: str = "/webhooks/stripe", **how: Any) -> tuple[int, int]:
    """Send an event as Stripe does; return the status and how many notices are stored."""
    body, headers = twin.signed(event, **how)
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    return answer.status_code, ProviderNotice.objects.count()


def test_a_signed_event_is_stored_once_and_anything_else_not_at_all(twin: Twin) -> None:
    event = twin.state.emit("payout.paid", {"id": "po_1"})
    assert send(twin, event, secret="whsec_another") == (400, 0)
    assert send(twin, event, at=1) == (400, 0)
    assert send(twin, event, path="/webhooks/sandbox") == (404, 0)
    assert send(twin, event, path="/webhooks/nobody") == (404, 0)
    assert Client().get("/webhooks/stripe").status_code == 405
    assert Client().post("/webhooks/stripe", b"x" * (1024 * 1024 + 1), content_type="a/b").status_code == 413
    assert send(twin, event) == (200, 1)
    assert send(twin, event) == (200, 1)


def test_nobody_listens_where_stripe_is_not_set_up(twin: Twin, settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    assert send(twin, twin.state.emit("payout.paid", {"id": "po_1"})) == (404, 0)


def test_a_dispute_is_read_over_the_api(api: Caller, twin: Twin) -> None:
    make_due_charge(make_company(), token="pm_card_createDispute")
    charge_due(JANUARY)
    for event in twin.state.events:
        send(twin, event)
    notices.handle_due(wall_now(), limit=10)
    dispute = Dispute.objects.get()
    (one,) = api.get("/dispute?status=needs_response")["data"]
    assert api.get(f"/dispute/{dispute.id}") == one
    assert (one["amount"], one["held"], one["fee"], one["currency"]) == (1190, 1190, 1500, "EUR")
    assert (one["payment_id"], one["closed_at"], one["reason"]) == (str(dispute.payment_id), None, "fraudulent")
    assert api.get("/dispute?status=won")["data"] == []
    assert api.get(f"/dispute?customer={dispute.customer_id}")["data"] == [one]
    assert api.call("GET", f"/dispute/{dispute.customer_id}").status_code == 404
    (payment,) = api.get("/payment")["data"]
    assert payment["status"] == "disputed"
