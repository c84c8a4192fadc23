"""`/webhook-endpoint`: made, changed, rotated, tried, replayed; what arrives is the object of the API."""

import pytest
from standardwebhooks import Webhook

from core.clock import wall_now
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.hooks import Receivers, deliver

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.example.com/"


def test_an_endpoint_is_told_what_the_api_answers(api: Caller, shop: Shop) -> None:
    made = api.post("/webhook-endpoint", {"url": URL, "events": ["customer.*"]})
    path = f"/webhook-endpoint/{made['id']}"
    assert "secret" not in api.get(path)
    customer = shop.customer("alice", metadata={"plan": "gold"})
    changed = api.put(f"/customer/{customer}", {"name": "Alice"}, 202)
    receivers = Receivers()
    deliver(receivers, wall_now())

    created, updated = receivers.taken[URL]
    assert (created["type"], updated["type"]) == ("customer.created", "customer.updated")
    assert updated["data"] == {"object": changed, "previous": {"name": ""}}
    Webhook(made["secret"]).verify(receivers.bodies[1], dict(receivers.headers[1]))
    log = api.get(f"{path}/delivery?status=delivered")["data"]
    assert [entry["type"] for entry in log] == ["customer.updated", "customer.created"]
    assert (log[0]["webhook_id"], log[0]["answer_status"], log[0]["answer_body"]) == (updated["id"], 200, "ok")
    assert "next_try_at" not in log[0]

    rotated = api.post(f"{path}/rotate-secret", {"overlap_hours": 1}, 200)
    assert rotated["secret"] != made["secret"]
    assert "former_secret_until" in api.get(path)
    api.post(f"{path}/test", status=202)
    asked = {"from": "2020-01-01T00:00:00Z", "types": ["customer.created"]}
    assert api.post(f"{path}/replay", asked, 202) == {"count": 1}
    deliver(receivers, wall_now())
    assert [event["type"] for event in receivers.taken[URL][2:]] == ["customer.created", "webhook_endpoint.test"]
    assert api.post(f"{path}/disable", status=200)["disabled_reason"] == "asked"
    for action in ("disable", "test", "replay"):
        api.post(f"{path}/{action}", asked if action == "replay" else {}, 409)
    assert api.post(f"{path}/enable", status=200)["status"] == "enabled"
    assert api.put(path, {"events": []})["events"] == []
    api.delete(path)
    assert api.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": URL, "events": ["invoice.eaten"]}, "events.0"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_cannot_be_told_is_refused(api: Caller, body: dict[str, object], field: str) -> None:
    assert field in api.errors("POST", "/webhook-endpoint", body)
    assert api.get("/webhook-endpoint")["data"] == []


def test_only_admins_manage_endpoints(api: Caller) -> None:
    assert Caller("write").call("GET", "/webhook-endpoint").status_code == 403
    assert Caller("write").call("POST", "/webhook-endpoint", {"url": URL}).status_code == 403
