"""POST `/simulate` without a customer, and GET `/simulate/{id}`: a row carries the work, a worker does it."""

from typing import Any

import pytest

from billing import tasks
from billing.models import SimulationRun
from core.clock import wall_now
from core.models import AuditEntry
from core.operations_instance import hold_instance
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.till import Till
from tests.api.world import count_rows


@pytest.fixture
def till(api: Caller, shop: Shop) -> Till:
    """Return a till whose two customers, Alice and Bob, pay by invoice."""
    made = Till(api, shop)
    for label in ("alice", "bob"):
        made.sell(label, billing_type="invoice")
    return made


def ask(api: Caller, **body: Any) -> str:
    return str(api.post("/simulate", body, status=202)["id"])


def test_it_is_asked_for_and_done_by_a_worker(api: Caller, till: Till) -> None:
    response = api.call("POST", "/simulate", '{"months": 3}', **idempotent("once"))
    made = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/simulate/{made['id']}"
    assert made == {"id": made["id"], "status": "waiting"}
    again = api.call("POST", "/simulate", '{"months": 3}', **idempotent("once"))
    assert (again.json(), again["Idempotent-Replayed"]) == (made, "true")
    assert AuditEntry.objects.get(action="simulation.requested").object_id == SimulationRun.objects.get().id
    waiting = api.get(f"/simulate/{made['id']}")
    assert (waiting["status"], waiting["months"], "totals" in waiting) == ("waiting", 3, False)
    before = count_rows()
    tasks.simulate()
    told = api.get(f"/simulate/{made['id']}")
    assert (told["status"], told["customers"], told["failed"]) == ("finished", 2, 0)
    assert sum(one["invoices"] for one in told["totals"]) == 6
    # Where the first invoices fall due in a month without a renewal, that month has cash alone.
    one = next(one for one in told["totals"] if one["invoices"])
    assert one["total"] == one["sub_total"] + one["tax_total"] > 0
    assert (told["failures"], told["remarks"]) == ([], [])
    assert count_rows() == before


def test_it_is_the_sum_of_what_each_is_told(api: Caller, till: Till) -> None:
    made = ask(api, months=4)
    tasks.simulate()
    ids = [one["id"] for one in api.get("/customer")["data"]]
    alone = [api.post("/simulate", {"customer": one, "months": 4}, status=200) for one in ids]
    documents = [document for told in alone for document in told["documents"]]
    cash = [paid["amount"] for told in alone for paid in told["cash"]]
    told = api.get(f"/simulate/{made}")
    assert sum(one["total"] for one in told["totals"]) == sum(one["total"] for one in documents)
    assert sum(one["cash"] for one in told["totals"]) == sum(cash) > 0


def test_also_while_the_instance_is_held(api: Caller, till: Till) -> None:
    made = ask(api)
    hold_instance(now=wall_now())
    tasks.simulate()
    assert api.get(f"/simulate/{made}")["status"] == "finished"


def test_what_is_wrong_is_said_where(api: Caller, till: Till) -> None:
    subscription = api.get("/subscription")["data"][0]["id"]
    mine = {"subscription": subscription, "seats": 2}
    assert set(api.errors("POST", "/simulate", {"change": mine})) == {"customer"}
    assert set(api.errors("POST", "/simulate", {"months": 0})) == {"months"}
    assert set(api.errors("POST", "/simulate", {"customer": "x"})) == {"customer"}
    assert "change.seats" in api.errors("POST", "/simulate", {"change": {"plan": "unknown", "seats": 2}})
    assert not SimulationRun.objects.exists()
    assert api.call("GET", "/simulate/01890a5d-ac96-774b-bcce-b302099a8057").status_code == 404


def test_who_may_ask(api: Caller, till: Till) -> None:
    reader = Caller("read")
    assert reader.call("POST", "/simulate", "{}").status_code == 403
    assert reader.get(f"/simulate/{ask(Caller('write'))}")["status"] == "waiting"
