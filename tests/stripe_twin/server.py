"""The twin's HTTP side: form-encoded requests, keys, idempotency, lists, trouble on demand, signed webhooks."""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

from tests.stripe_twin.state import Refusal, State, Thing, missing

API_KEY = "sk_test_twin0123456789abcdef"
SECRET = "whsec_twin0123456789abcdef"
DAY = 24 * 3600

# What each call may say; everything else is an unknown parameter.
CALLS: dict[tuple[str, str], tuple[set[str], Callable[[State, str, Thing], Thing]]] = {
    ("POST", "customers"): ({"email", "name", "metadata"}, lambda s, _, told: s.create_customer(told)),
    ("POST", "payment_methods"): ({"type", "card"}, lambda s, _, told: s.create_method(told)),
    ("GET", "payment_methods/*"): (set(), lambda s, one, _: s.method(one)),
    ("POST", "payment_methods/*/detach"): (set(), lambda s, one, _: s.detach(one)),
    ("POST", "setup_intents"): (
        {"customer", "usage", "payment_method", "payment_method_types", "confirm", "metadata"},
        lambda s, _, told: s.create_setup(told),
    ),
    ("GET", "setup_intents/*"): (set(), lambda s, one, _: _found(s.setups, "setupintent", one)),
    ("POST", "payment_intents"): (
        {
            "amount",
            "currency",
            "customer",
            "payment_method",
            "payment_method_types",
            "confirm",
            "off_session",
            "capture_method",
            "metadata",
        },
        lambda s, _, told: s.create_intent(told),
    ),
    ("GET", "payment_intents/*"): (set(), lambda s, one, _: s.intent(one)),
    ("POST", "payment_intents/*/confirm"): (
        {"payment_method", "return_url"},
        lambda s, one, told: s.confirm_intent(one, told),
    ),
    ("POST", "payment_intents/*/cancel"): (set(), lambda s, one, _: s.cancel_intent(one)),
    ("GET", "payment_intents"): ({"customer", "created"}, lambda s, _, told: _page(s.intents, told)),
    ("POST", "refunds"): ({"payment_intent", "amount", "metadata"}, lambda s, _, told: s.create_refund(told)),
    ("GET", "refunds/*"): (set(), lambda s, one, _: _found(s.refunds, "refund", one)),
    ("GET", "refunds"): ({"payment_intent", "created"}, lambda s, _, told: _page(s.refunds, told)),
    ("GET", "disputes/*"): (set(), lambda s, one, _: _found(s.disputes, "dispute", one)),
    ("GET", "disputes"): ({"created"}, lambda s, _, told: _page(s.disputes, told)),
    ("GET", "mandates/*"): (set(), lambda s, one, _: _found(s.mandates, "mandate", one)),
}


class Twin:
    """A Stripe of one's own on a port of this machine.

    `trouble` names what goes wrong with the next calls of a kind (`POST payment_intents`): `lose_request`,
    `lose_answer`, `hold` (it arrives when `release` says), `double`, `fail` (500), `limit` (429). `timeout_percent` of
    the charges lose their first answer, every second one before it arrives; `decline_percent` are declined.
    """

    def __init__(self) -> None:
        self.shift_seconds = 0
        self.state = State(self.now)
        self.trouble: list[tuple[str, str]] = []
        self.timeout_percent = self.decline_percent = 0
        self.arrivals: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.kept: dict[str, tuple[int, str, int, Thing]] = {}
        self.held: list[Callable[[], object]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("TwinHandler", (Handler,), {"twin": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def api_base(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        """Forget everything, as a fresh account."""
        self.shift_seconds, self.timeout_percent, self.decline_percent = 0, 0, 0
        self.state = State(self.now)
        self.trouble, self.held, self.kept, self.requests = [], [], {}, []
        self.arrivals = Counter()

    def now(self) -> int:
        """Return its clock's time in seconds."""
        return int(time.time()) + self.shift_seconds

    def release(self) -> None:
        """Let what was held arrive."""
        held, self.held = self.held, []
        for arrive in held:
            arrive()

    def signed(self, event: Thing, *, secret: str = SECRET, at: int | None = None) -> tuple[bytes, dict[str, str]]:
        """Return an event as it is sent: the body and its signature header."""
        body = json.dumps(event, indent=2)
        moment = int(time.time()) if at is None else at
        return body.encode(), {
            "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, secret, moment)
        }

    def charges(self, **metadata: str) -> list[Thing]:
        """Return the charges that took money and carry these facts."""
        intents = [one for one in self.state.intents.values() if one["status"] == "succeeded"]
        return [one for one in intents if metadata.items() <= one["metadata"].items()]

    def answer(self, method: str, path: str, told: Thing, key: str) -> tuple[int, Thing, bool]:
        """Do what is asked; return status, body and whether it was replayed."""
        with self.state.lock:
            return self._answer(method, path, dict(told), key)

    def _answer(self, method: str, path: str, told: Thing, key: str) -> tuple[int, Thing, bool]:
        expand = told.pop("expand", [])
        is_kept = method == "POST" and bool(key)
        fingerprint = hashlib.sha256(json.dumps([path, told, expand], sort_keys=True).encode()).hexdigest()
        found = self.kept.get(key) if is_kept else None
        if found is not None and found[0] > self.now() - DAY:
            if found[1] != fingerprint:
                words = "Keys for idempotent requests can only be used with the parameters they were first used with."
                return 400, {"error": {"type": "idempotency_error", "message": words}}, False
            return found[2], found[3], True
        try:
            status, body = 200, _expanded(json.loads(json.dumps(self._do(method, path, told, key))), expand, self.state)
        except Refusal as refusal:
            status, body = refusal.status, {"error": refusal.error}
            is_kept = is_kept and refusal.has_begun
        if is_kept:
            self.kept[key] = (self.now(), fingerprint, status, body)
        return status, body, False

    def _do(self, method: str, path: str, told: Thing, key: str) -> Thing:
        parts = path.split("/")
        pattern = "/".join("*" if place == 1 else part for place, part in enumerate(parts))
        call = CALLS.get((method, pattern))
        if call is None:
            raise Refusal(404, message=f"Unrecognized request URL ({method}: /v1/{path}).")
        allowed, do = call
        for name in told.keys() - allowed - ({"limit", "starting_after"} if method == "GET" else set()):
            raise Refusal(400, code="parameter_unknown", param=name, message=f"Received unknown parameter: {name}")
        if (method, pattern) == ("POST", "payment_intents") and falls("decline", key, self.decline_percent):
            self._make_decline(told)
        return do(self.state, parts[1] if len(parts) > 1 else "", told)

    def _make_decline(self, told: Thing) -> None:
        """Decline this one charge of a card that pays."""
        state, reference = self.state, told["payment_method"]
        usual = state.cards[reference]
        state.cards[reference] = replace(usual, charge_code="insufficient_funds")
        try:
            state.create_intent(told)
        finally:
            state.cards[reference] = usual

    def trouble_for(self, method: str, path: str, key: str) -> str:
        """Return what goes wrong with this request, empty for nothing."""
        kind = f"{method} {path.split('/', maxsplit=1)[0]}"
        for place, (wanted, what) in enumerate(self.trouble):
            if wanted == kind:
                del self.trouble[place]
                return what
        is_first_charge = kind == "POST payment_intents" and self.arrivals[key] == 1
        if is_first_charge and falls("timeout", key, self.timeout_percent):
            return "lose_request" if falls("before", key, 50) else "lose_answer"
        return ""


class Handler(BaseHTTPRequestHandler):
    """One connection to the twin that the server carries."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    twin: Twin

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self, method: str) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not self._is_ours(method):
            return None
        path, key = url.path.removeprefix("/v1/"), self.headers.get("Idempotency-Key", "")
        told, twin = read_form(body if method == "POST" else url.query), self.twin
        twin.arrivals[key] += 1
        twin.requests.append((method, path))
        trouble = twin.trouble_for(method, path, key)
        if trouble == "limit":
            return self._refuse(429, code="rate_limit", message="Too many requests.")
        if trouble == "fail":
            return self._refuse(500, type="api_error", message="Something went wrong on our end.")
        if trouble == "hold":
            twin.held.append(lambda: twin.answer(method, path, told, key))
        if trouble in ("lose_request", "hold"):
            self.close_connection = True
            return None
        if trouble == "double":
            twin.answer(method, path, told, key)
        status, answer, replayed = twin.answer(method, path, told, key)
        if trouble == "lose_answer":
            self.close_connection = True
            return None
        return self._say(status, answer, replayed=replayed)

    def _is_ours(self, method: str) -> bool:
        if self.headers.get("Authorization") != f"Bearer {API_KEY}":
            # Stripe shows its last digits only; whoever is told the whole must not pass it on.
            self._refuse(401, message=f"Invalid API Key provided: {self.headers.get('Authorization')}")
            return False
        if method == "POST" and self.headers.get_content_type() != "application/x-www-form-urlencoded":
            self._refuse(400, message="Send form-encoded parameters.")
            return False
        return True

    def _refuse(self, status: int, **error: str) -> None:
        self._say(status, {"error": {"type": "invalid_request_error", **error}})

    def _say(self, status: int, answer: Thing, *, replayed: bool = False) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", "req_twin")
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(body)


def falls(kind: str, key: str, percent: float) -> bool:
    """Tell whether a key is among a percentage, the same each time."""
    draw = int.from_bytes(hashlib.sha256(f"{kind}:{key}".encode()).digest()[:8])
    return draw % 10_000 < percent * 100


def read_form(text: str) -> Thing:
    """Read Stripe's form encoding: `metadata[a]=1&expand[0]=x` to nested values."""
    values: Thing = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, *rest = name.replace("]", "").split("[")
        if not rest:
            values[first] = value
        elif rest[0].isdigit() or not rest[0]:
            values.setdefault(first, []).append(value)
        else:
            values.setdefault(first, {})[rest[0]] = value
    return values


def _found(things: dict[str, Thing], kind: str, reference: str) -> Thing:
    if reference not in things:
        raise missing(kind, reference)
    return things[reference]


def _page(things: dict[str, Thing], told: Thing) -> Thing:
    """Return a page of a list, newest first."""
    limit = int(told.get("limit", 10))
    if not 1 <= limit <= 100:
        raise Refusal(400, param="limit", message="This value must be between 1 and 100.")
    found = [one for one in reversed(things.values()) if _fits(one, told)]
    after = told.get("starting_after")
    if after:
        _found(things, "object", after)
        found = [one for one in found if one["id"] < after]
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": "/v1/list"}


def _fits(one: Thing, told: Thing) -> bool:
    if any(name in told and one[name] != told[name] for name in ("customer", "payment_intent")):
        return False
    return one["created"] >= int((told.get("created") or {}).get("gte", 0))


def _expanded(body: Thing, expand: list[str], state: State) -> Thing:
    """Show whole what is asked for, and by id what is not."""
    if body.get("object") == "setup_intent" and "payment_method" in expand and body["payment_method"]:
        body["payment_method"] = state.methods[body["payment_method"]]
    things = body["data"] if body.get("object") == "list" else [body]
    for one in things:
        charge = one.get("latest_charge")
        if (
            one.get("object") == "payment_intent"
            and charge
            and not any(name.startswith("latest_charge") for name in expand)
        ):
            one["latest_charge"] = charge["id"]
    return body
