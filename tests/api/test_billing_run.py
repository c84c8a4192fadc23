"""POST and GET `/billing-run`: a row carries the work, a worker does it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing import tasks
from billing.models import BillingRun
from billing.operations import runs
from core.clock import wall_now
from core.models import AuditEntry
from core.operations_instance import hold_instance, resume_instance
from customers.models import Agenda
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.till import Till


@pytest.fixture
def due(api: Caller, shop: Shop) -> Till:
    """Return a till whose two customers, Alice and Bob, are to be looked at now."""
    till = Till(api, shop)
    for label in ("alice", "bob"):
        till.sell(label, billing_type="invoice")
    Agenda.objects.update(due_at=wall_now() - timedelta(minutes=1))
    return till


def ask(api: Caller) -> Any:
    """Ask for a run and return the answer."""
    return api.post("/billing-run", status=202)


def test_a_run_is_asked_for_and_done_by_a_worker(api: Caller, due: Till) -> None:
    response = api.call("POST", "/billing-run", "{}", **idempotent("once"))
    made = response.json()
    assert (response.status_code, response["Location"]) == (202, f"/api/v1/billing-run/{made['id']}")
    assert (made["status"], made["trigger"], made["customers"]) == ("waiting", "api", 0)
    assert "started_at" not in made
    again = api.call("POST", "/billing-run", "{}", **idempotent("once"))
    assert (again.json(), again["Idempotent-Replayed"]) == (made, "true")
    assert AuditEntry.objects.get(action="billing_run.requested").object_id == BillingRun.objects.get().id
    tasks.tick()
    ended = api.get(f"/billing-run/{made['id']}")
    assert (ended["status"], ended["customers"], ended["parked"]) == ("finished", 2, 0)
    assert ended["started_at"] <= ended["finished_at"]
    assert BillingRun.objects.count() == 1  # nobody was left for a run of the scheduler's own


def test_runs_are_listed_and_narrowed(api: Caller, due: Till, django_assert_num_queries: Any) -> None:
    first = ask(api)
    runs.run_requested(clock=wall_now)
    second = ask(api)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/billing-run{query}")["data"]]

    assert ids("") == [second["id"], first["id"]]
    assert ids("?limit=1") == [second["id"]]
    assert ids(f"?last_key={second['id']}") == [first["id"]]
    assert ids("?status=waiting") == [second["id"]]
    assert ids(f"?created_from={(wall_now() + timedelta(days=1)).isoformat()}".replace("+", "%2B")) == []
    assert ids("?created_to=2020-01-01T00:00:00Z") == []
    wrong = api.errors("GET", "/billing-run?status=happy&created_from=soon&limit=0&trigger=api")
    assert set(wrong) == {"status", "created_from", "limit", "trigger"}
    with django_assert_num_queries(2):
        api.get("/billing-run")


def test_who_may_ask(api: Caller, due: Till) -> None:
    reader = Caller("read")
    assert reader.call("POST", "/billing-run").status_code == 403
    assert reader.get("/billing-run")["data"] == []
    ask(Caller("write"))


def test_a_held_instance_takes_none_and_keeps_what_waits(api: Caller, due: Till) -> None:
    waiting = ask(api)
    hold_instance(now=wall_now())
    answer = api.call("POST", "/billing-run")
    assert (answer.status_code, answer.json()["error"]) == (409, "instance_held")
    tasks.tick()
    assert api.get(f"/billing-run/{waiting['id']}")["status"] == "waiting"
    resume_instance(now=wall_now())
    tasks.tick()
    assert api.get(f"/billing-run/{waiting['id']}")["status"] == "finished"


def test_a_run_that_lost_its_worker_is_gone_on_with(api: Caller, due: Till) -> None:
    run = BillingRun.objects.get(id=ask(api)["id"])
    run.status, run.started_at, run.customers = "running", wall_now(), 500
    run.save()
    assert runs.run_requested(clock=wall_now) == 0  # it gave a sign of life just now
    BillingRun.objects.update(heartbeat_at=wall_now() - runs.SILENCE - timedelta(seconds=1))
    assert runs.run_requested(clock=wall_now) == 1
    run.refresh_from_db()
    assert (run.status, run.customers) == ("finished", 502)


def test_a_run_that_fails_is_told_as_stopped(api: Caller, due: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ask(api)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(runs, "run_billing", fail)
        with pytest.raises(ZeroDivisionError):
            runs.run_requested(clock=wall_now)
    assert api.get(f"/billing-run/{asked['id']}")["status"] == "stopped"
    assert runs.run_requested(clock=wall_now) == 0


def test_the_database_knows_what_waiting_means(db: None) -> None:
    now = wall_now()
    moments = {"as_of": now, "created_at": now, "heartbeat_at": now}
    for wrong in ({"status": "waiting", "started_at": now}, {"status": "running", "started_at": None}):
        with pytest.raises(IntegrityError, match="waits_has_not_started"), transaction.atomic():
            BillingRun.objects.create(**moments, **wrong)
