"""GET and PUT `/settings`."""

from datetime import timedelta

from core.clock import wall_now
from core.models import AuditEntry, Instance
from core.operations_instance import note_reconciled, note_restored
from tests.api.client import Caller


def test_the_hold_is_set_and_lifted(api: Caller, settings) -> None:
    settings.USAGE_LATE_DAYS = 7
    told = api.get("/settings")
    assert (told["mode"], told["held"], told["held_at"], told["usage_late_days"]) == ("test", False, None, 7)
    held = api.put("/settings", {"held": True})
    assert held["held"] is True
    assert held["held_at"] is not None
    assert api.post("/billing-run", status=409)["error"] == "instance_held"
    # What was read can be sent back: only the switch is looked at.
    assert api.put("/settings", {**held, "mode": "live", "usage_late_days": 1}) == held
    assert api.put("/settings", {}) == held
    assert api.put("/settings", {"held": False}) == told
    api.post("/billing-run", status=202)
    assert list(AuditEntry.objects.filter(object_kind="instance").values_list("action", "actor_name")) == [
        ("instance.resumed", "admin"),
        ("instance.held", "admin"),
    ]


def test_a_restored_instance_is_not_resumed_before_it_is_reconciled(api: Caller) -> None:
    note_restored(taken_at=wall_now() - timedelta(hours=1), now=wall_now())
    assert api.get("/settings")["needs_reconcile"] is True
    assert api.put("/settings", {"held": False}, 409)["error"] == "not_reconciled"
    assert Instance.objects.get().held_at is not None
    note_reconciled(now=wall_now())
    assert api.put("/settings", {"held": False})["held"] is False


def test_only_the_switch_is_a_field(api: Caller) -> None:
    assert api.errors("PUT", "/settings", {"held": "yes", "colour": 1}) == {
        "held": "must be true or false",
        "colour": "is not a field of this request",
    }
    for scope in ("read", "write"):
        assert Caller(scope).call("GET", "/settings").status_code == 403
        assert Caller(scope).call("PUT", "/settings", {"held": True}).status_code == 403
    assert Instance.objects.get().held_at is None
