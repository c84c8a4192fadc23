"""Flowglad's published Node client against a running server, unchanged.

It needs Node and a folder in which `npm install @flowglad/server` was run, named by FLOWGLAD_CLIENT; without them there
is nothing to test. docs/neighbours.md tells how.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running

FOLDER = os.environ.get("FLOWGLAD_CLIENT", "")
NODE = shutil.which("node") or ""
SCRIPT = Path(__file__).with_name("flowglad_client.cjs")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (FOLDER and NODE), reason="FLOWGLAD_CLIENT or Node is missing"),
]


def ask(server: LiveServer, key: str, external_id: str) -> dict[str, Any]:
    """Return what the client made of a customer's billing."""
    done = subprocess.run(
        [NODE, str(SCRIPT), str(Path(FOLDER).resolve()), server.url, key, external_id],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("external_id", ["user-42", "a/b", "ü 100% ?#"])
def test_the_client_makes_a_new_customer_once_and_reads_its_billing(live_server: LiveServer, external_id: str) -> None:
    key = Caller().key
    first, second = (ask(live_server, key, external_id) for _ in range(2))
    assert first == second
    assert (first["externalId"], first["email"], first["subscriptions"]) == (external_id, "ada@example.org", [])
    assert Customer.objects.get().reference == external_id


def test_the_client_reads_what_is_there(live_server: LiveServer) -> None:
    api = Caller()
    running = Running(api, Shop(api), card=True, reference="alice")
    feature = api.post("/feature", {"name": "SSO", "code": "sso"})["id"]
    api.put(f"/plan/{running.team}", {"features": [feature]})
    told = ask(live_server, api.key, "alice")
    wanted = {
        "externalId": "alice",
        "email": "alice@example.org",
        "subscriptions": [["Team", "active"]],
        "invoices": [["paid", 3000]],
        "hasFeature": True,
        "hasOther": False,
        "balance": None,
        "product": "Cloud",
        "price": 3000,
    }
    assert {name: told[name] for name in wanted} == wanted
    # Clients before 0.16 do not ask.
    assert told["hasPurchased"] in (True, None)


def test_a_wrong_key_is_an_error_and_makes_nobody(live_server: LiveServer) -> None:
    Caller()
    with pytest.raises(AssertionError, match="401"):
        ask(live_server, "rk_test_wrong", "user-42")
    assert not Customer.objects.exists()
