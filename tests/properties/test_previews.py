"""A preview is the document: whatever was asked for before, each call makes exactly what its preview showed.

Over the API and its database: what the preview does not store and what the call stores are compared as they are read.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from core.models import TestClock
from tests.api import papers
from tests.api.client import Caller
from tests.cast import at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db
BEGIN = at("2026-01-31 10:17")
# Each example runs a subscription on a test clock: few of them, and a failing one is shown as it was drawn.
FEW = settings(
    max_examples=settings().max_examples // 7,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@dataclass(frozen=True)
class Ask:
    """Something asked for so many minutes after the one before it."""

    minutes: int
    verb: str
    price: int = 0
    number: int = 1
    word: str = ""
    later: int = 0


@dataclass(frozen=True)
class Life:
    """A customer, how a subscription starts, and what is asked for; the last of it is previewed."""

    has_card: bool
    credit_minor: int
    grace_days: int
    start: dict[str, Any]
    asks: tuple[Ask, ...]


VERBS = ("price", "price", "plan", "seats", "seats", "item", "use", "pause", "resume", "cancel", "uncancel")
PREVIEWED = ("price", "plan", "seats", "cancel", "cancel")
WHENS = ("instantly", "instantly", "next-cycle", "specific-date")
REFUNDS = ("none", "prorate", "prorate", "full", "full")
POLICIES = ("", "", "day", "second", "thirty_360", "none", "full")


@st.composite
def asks(draw: st.DrawFn, verbs: tuple[str, ...]) -> Ask:
    verb = draw(st.sampled_from(verbs))
    words = {"cancel": REFUNDS, "seats": ("", "now"), "resume": ("", "shift", "keep")}.get(verb, POLICIES)
    return Ask(
        minutes=draw(st.sampled_from([0, 1, 60 * 24]) | st.integers(0, 60 * 24 * 40)),
        verb=verb,
        price=draw(st.integers(0, 4)),
        number=draw(st.integers(1, 9)),
        word=draw(st.sampled_from(words)),
        later=draw(st.sampled_from([0, 0, 0, 1, 7, 45])),
    )


@st.composite
def lives(draw: st.DrawFn) -> Life:
    start: dict[str, Any] = {"price": draw(st.integers(0, 4)), "seat_number": draw(st.integers(1, 12))}
    if draw(st.booleans()):
        start["voucher"] = draw(st.sampled_from(["ONCE", "MONTHS", "EVER", "LESS", "HELLO"]))
    if draw(st.booleans()):
        start["alignment"] = draw(st.sampled_from(["anniversary", "calendar"]))
    if draw(st.booleans()):
        start["items"] = draw(st.integers(1, 3))
    if draw(st.booleans()):
        start["start_date"] = (BEGIN - timedelta(days=draw(st.integers(0, 70)))).date().isoformat()
    return Life(
        has_card=draw(st.booleans()),
        credit_minor=draw(st.sampled_from([0, 0, 700, 100000])),
        grace_days=draw(st.sampled_from([0, 0, 3])),
        start=start,
        asks=(*draw(st.lists(asks(VERBS), max_size=4)), draw(asks(PREVIEWED))),
    )


class Shop:
    """Sells plans by seats in Germany at 19 %, with tax and on top, usage, and vouchers for anybody."""

    def __init__(self) -> None:
        self.company = make_company(vat_registered=True)
        self.company.tax("DE", "19")
        tiers: list[dict[str, Any]] = [
            {"first_unit": 1, "last_unit": 3, "unit_price": "1500", "flat_fee": "1000"},
            {"first_unit": 4, "last_unit": None, "unit_price": "999.5", "flat_fee": "0"},
        ]
        self.api = Caller()
        price = self.company.price
        self.prices = [
            price(unit_price=3000),
            price(unit_price=4599, including_tax=True),
            price(unit_price=Decimal("1234.5"), proration_up="thirty_360", proration_down="second"),
            price(unit_price=30000, interval="year"),
            self._tiered(tiers),
        ]
        self.extras = [price(unit_price=Decimal("777.7")), price(unit_price=1100, including_tax=True)]
        calls = self.company.metric("calls")
        self.extras.append(price(type="unit", unit_price=Decimal("1.5"), usage=True, metric=calls))
        self.company.plan("Team", *self.prices, per_seat=True)
        self.company.plan("Solo", self.prices[0], self.prices[3])
        months: dict[str, Any] = {"duration": "repeating", "duration_count": 2}
        less: dict[str, Any] = {"type": "fixed_discount", "amounts": [{"currency": "EUR", "amount": 777}]}
        vouchers: dict[str, dict[str, Any]] = {
            "ONCE": {"type": "percentage", "percent": 50},
            "MONTHS": {"type": "percentage", "percent": "12.5", **months},
            "EVER": {"type": "percentage", "percent": 33, "duration": "forever"},
            "LESS": {**less, "duration": "forever"},
            "HELLO": {**less, "type": "fixed_credit"},
        }
        for code, fields in vouchers.items():
            self.api.post("/voucher", {"name": code.title(), "code": code, "once_per_customer": False, **fields})

    def _tiered(self, tiers: list[dict[str, Any]]) -> Any:
        body = {"type": "tiered_graduated", "currency": "EUR", "recurring": True, "schedule": "month", "tiers": tiers}
        made = self.api.post(f"/product/{self.company.product.id}/price", body)["id"]
        return self.company.product.prices.get(id=made)


class Customer:
    """One customer on a clock of its own, who asks for things over the API."""

    def __init__(self, shop: Shop, life: Life) -> None:
        self.shop, self.life, self.api = shop, life, shop.api
        clock = TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)
        self.clock_id = clock.id
        type(shop.company.brand).objects.update(grace_days=life.grace_days)
        customer = shop.company.customer(f"Customer{TestClock.objects.count()}", test_clock=clock)
        if life.has_card:
            shop.company.card(customer)
        self.path = f"/customer/{customer.id}"
        if life.credit_minor:
            self.api.post(f"{self.path}/credit", {"type": "credit", "amount": life.credit_minor, "currency": "EUR"})
        self.subscription = ""

    def now(self) -> datetime:
        return TestClock.objects.get(id=self.clock_id).now_at

    def wait(self, minutes: int) -> None:
        """Let time pass; what is due on the way is done, cards are charged."""
        if minutes:
            to_at = self.now() + timedelta(minutes=minutes)
            advance_clock(clock_id=self.clock_id, to_at=to_at, now=at("2030-01-01"))

    def start(self) -> None:
        """Start, by what its preview shows."""
        wanted = dict(self.life.start)
        body = {**wanted, "subscription_plan": "team", "price": str(self.shop.prices[wanted["price"]].id)}
        if "items" in wanted:
            body["items"] = [{"price": str(one.id)} for one in self._extras(wanted["items"])]
        self.made(f"{self.path}/subscription/start", body)
        self.subscription = self.api.get(f"{self.path}/subscription")["data"][0]["id"]

    def _extras(self, number: int) -> list[Any]:
        """Return so many add-ons; a yearly plan takes only what is used."""
        yearly = self.shop.prices[self.life.start["price"]].interval == "year"
        return self.shop.extras[2:] if yearly else self.shop.extras[:number]

    def made(self, path: str, body: dict[str, Any], *, real: tuple[str, str] | None = None) -> bool:
        """Preview a call and make it: both are refused alike, or the call makes what the preview showed."""
        method, real_path = real or ("POST", path)
        known = papers.document_ids()
        told = self.api.call("POST", f"{path}/preview", body)
        done = self.api.call(method, real_path, {**body, **({"invoice_now": True} if method == "PUT" else {})})
        if told.status_code >= 400:
            assert (done.status_code, done.json().get("errors")) == (told.status_code, told.json().get("errors"))
            return False
        assert done.status_code < 300, done.content
        shown = papers.shown(told.json()["documents"])
        assert papers.made_since(known) == shown
        event(f"{path.rsplit('/', 1)[-1]}: {len(shown)} documents")
        return True

    def do(self, ask: Ask) -> None:
        """Ask for something that is not previewed; a refusal is an answer too."""
        path = f"/subscription/{self.subscription}"
        if ask.verb == "use":
            self._use(ask)
        elif ask.verb in {"pause", "uncancel"}:
            self.api.call("POST", f"{path}/{ask.verb}")
        elif ask.verb == "resume":
            self.api.call("POST", f"{path}/resume", {"policy": ask.word} if ask.word else {})
        elif ask.verb == "item":
            body = {"price": str(self.shop.extras[ask.price % 2].id), "quantity": ask.number}
            self.api.call("POST", f"{path}/item", body)
        elif ask.verb == "seats":
            body = {"seats": ask.number, **({"invoice_now": True} if ask.word else {})}
            self.api.call("PUT", f"{path}/seats", body)
        else:
            self.api.call("POST", f"{path}/{ask.verb}", self.body(ask))

    def _use(self, ask: Ask) -> None:
        now = self.now()
        draft = EventDraft(
            event_id=f"{now}",
            subscription_id=uuid.UUID(self.subscription),
            code="calls",
            value=Decimal(ask.number * 100),
            timestamp=now,
        )
        record_events([draft], now=now)

    def body(self, ask: Ask) -> dict[str, Any]:
        """Return what is sent for a change of plan or price, or an end."""
        day = (self.now() + timedelta(days=ask.later)).date().isoformat()
        if ask.verb == "cancel":
            whens = {0: {"when": "instantly"}, 1: {"when": "end-of-run"}}
            return {**whens.get(ask.later, {"when": "specific-date", "date": day}), "refund_type": ask.word}
        when = {0: {"when": "instantly"}, 1: {"when": "next-cycle"}}.get(
            ask.later, {"when": "specific-date", "date": day}
        )
        body = {**when, "price": str(self.shop.prices[ask.price].id), **({"proration": ask.word} if ask.word else {})}
        return {**body, "plan": "solo" if ask.number > 6 else "team"} if ask.verb == "plan" else body

    def preview(self, ask: Ask) -> None:
        """Ask for the last, by what its preview shows."""
        path = f"/subscription/{self.subscription}"
        if ask.verb == "seats":
            self.made(f"{path}/seats", {"seats": ask.number}, real=("PUT", f"{path}/seats"))
        else:
            self.made(f"{path}/{ask.verb}", self.body(ask))


@FEW
@given(life=lives())
def test_a_preview_is_what_the_call_then_makes(life: Life, shop: Shop) -> None:
    note(repr(life))
    customer = Customer(shop, life)
    customer.start()
    for ask in life.asks[:-1]:
        customer.wait(ask.minutes)
        customer.do(ask)
    customer.wait(life.asks[-1].minutes)
    customer.preview(life.asks[-1])
    assert [one for one in check_books(now=customer.now()) if "agenda" not in one.proof] == []


@pytest.fixture
def shop() -> Shop:
    return Shop()
