"""POST /events and GET /events. API, sections 1, 3 and 4; billing rules, section 4."""

from datetime import timedelta
from datetime import timezone as dt_timezone
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core import operations_api_keys
from core.identifiers import new_id
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft
from subscriptions.models import Subscription
from tests.usage_cast import make_customer, make_metric, make_subscription
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db
BAD_BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b'{"event_id": "x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"value": ' * 50_000,
    b'{"value": NaN}',
]
BAD_FIELDS: list[tuple[str, Any]] = [
    ("event_id", ""),
    ("event_id", "x" * 129),
    ("event_id", "a\0b"),
    ("event_id", "\ud800"),
    ("event_id", 5),
    ("event_id", None),
    ("event_id", ["x"]),
    ("subscription", "x"),
    ("subscription", ""),
    ("subscription", 5),
    ("subscription", None),
    ("subscription", "01936f00-0000-7000-8000-000000000000"),
    ("code", "unknown"),
    ("code", ""),
    ("code", "c" * 101),
    ("code", "a\0b"),
    ("code", 1),
    ("value", None),
    ("value", True),
    ("value", "abc"),
    ("value", ""),
    ("value", "NaN"),
    ("value", "sNaN"),
    ("value", "Infinity"),
    ("value", "-Infinity"),
    ("value", "1e400"),
    ("value", "1e9999999999999999999999"),
    ("value", 10**16),
    ("value", -(10**16)),
    ("value", 10**30),
    ("value", "0.0000000000001"),
    ("value", []),
    ("value", {}),
    ("properties", []),
    ("properties", "x"),
    ("properties", 1),
    ("properties", {"a": "\0"}),
    ("properties", {"\0": "a"}),
    ("properties", {"a": "\udc00"}),
    ("properties", {"a": 10**40}),
    ("timestamp", 1735689600),
    ("timestamp", "yesterday"),
    ("timestamp", "2025-01-01"),
    ("timestamp", "2025-01-01T00:00:00"),
    ("timestamp", "2025-13-01T00:00:00Z"),
    ("timestamp", "9999-12-31T23:59:59-23:59"),
    ("timestamp", "2025-06-01T12:00:00+16:00"),
    ("timestamp", "9999-12-31T23:59:59Z"),
    ("timestamp", "0001-01-01T00:00:00+23:59"),
    ("timestamp", ""),
    ("unknown", 1),
    ("received", "x"),
]


@pytest.fixture
def alice() -> Subscription:
    make_metric("calls")
    return make_subscription(started_at=timezone.now() - timedelta(days=90), billed_to_at=None)


@pytest.fixture
def client() -> Client:
    return client_of("usage:write")


def client_of(scope: str) -> Client:
    issued = operations_api_keys.create_api_key(ApiKeyDraft("shop", scope), actor=SYSTEM, now=timezone.now())
    return Client(headers={"X-API-Key": issued.key})


def event_of(subscription: Subscription, **fields: Any) -> dict[str, Any]:
    return {"event_id": "one", "subscription": str(subscription.id), "code": "calls", "value": 1} | fields


def post(client: Client, body: Any, path: str = "/api/v1/events", content_type: str = "application/json") -> Any:
    return client.post(path, body, content_type=content_type)


def test_an_event_is_stored(client: Client, alice: Subscription) -> None:
    answer = post(client, event_of(alice, value="0.1", properties={"region": "eu"}))
    assert (answer.status_code, answer.json()) == (201, {})
    assert "Event-Duplicate" not in answer
    stored = UsageEvent.objects.get()
    assert (stored.event_id, stored.value, stored.properties) == ("one", Decimal("0.1"), {"region": "eu"})


def test_a_number_keeps_every_digit(client: Client, alice: Subscription) -> None:
    for number, text in enumerate(("0.1", "1234567890123456.123456789012", "-0.000000000001", "1e15", "100e-2", "-0")):
        body = f'{{"event_id": "{number}", "subscription": "{alice.id}", "code": "calls", "value": {text}}}'
        assert post(client, body).status_code == 201, text
        assert UsageEvent.objects.get(event_id=str(number)).value == Decimal(text)


def test_the_same_event_again_is_answered_alike_and_other_content_is_a_conflict(
    client: Client, alice: Subscription
) -> None:
    assert post(client, event_of(alice)).status_code == 201
    again = post(client, event_of(alice))
    assert (again.status_code, again.json(), again["Event-Duplicate"]) == (201, {}, "true")
    other = post(client, event_of(alice, value=2))
    assert other.status_code == 409
    assert other.json()["error"] == "event_id_conflict"
    assert UsageEvent.objects.get().value == 1


@pytest.mark.parametrize(
    "event_id", ["😀", "a b", " ", "ü" * 128, "\\N", "\t\n\r", "'; DROP TABLE usage_event; --", "\\."]
)
def test_any_text_is_an_id(client: Client, alice: Subscription, event_id: str) -> None:
    assert post(client, event_of(alice, event_id=event_id)).status_code == 201
    assert post(client, event_of(alice, event_id=event_id))["Event-Duplicate"] == "true"
    assert UsageEvent.objects.get().event_id == event_id


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_holds_no_event_is_refused(client: Client, alice: Subscription, body: bytes) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_bad_field_is_named(client: Client, alice: Subscription, field: str, value: Any) -> None:
    answer = post(client, event_of(alice) | {field: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not UsageEvent.objects.exists()


def test_an_offset_that_the_database_would_refuse_is_refused_before(client: Client, alice: Subscription) -> None:
    far = timezone.now().astimezone(dt_timezone(timedelta(hours=16))).isoformat()
    assert list(post(client, event_of(alice, timestamp=far)).json()["errors"]) == ["timestamp"]
    near = timezone.now().astimezone(dt_timezone(timedelta(hours=15, minutes=59))).isoformat()
    assert post(client, event_of(alice, timestamp=near)).status_code == 201


def test_all_faults_are_named_at_once(client: Client, alice: Subscription) -> None:
    answer = post(client, {"event_id": "", "value": "x", "timestamp": "y", "properties": 1, "what": 1})
    assert set(answer.json()["errors"]) == {
        "event_id", "subscription", "code", "value", "timestamp", "properties", "what",
    }  # fmt: skip


def test_properties_nested_too_deeply_are_refused(client: Client, alice: Subscription) -> None:
    nested: Any = 1
    for _ in range(33):
        nested = {"a": nested}
    assert list(post(client, event_of(alice, properties=nested)).json()["errors"]) == ["properties"]


def test_what_our_answers_carry_may_be_sent_back(client: Client, alice: Subscription) -> None:
    assert post(client, event_of(alice, received_at="whatever")).status_code == 201


def test_null_means_not_sent(client: Client, alice: Subscription) -> None:
    assert post(client, event_of(alice, properties=None, timestamp=None)).status_code == 201


def test_a_body_above_the_limit_is_refused(client: Client, alice: Subscription) -> None:
    answer = post(client, event_of(alice, properties={"a": "x" * 5_000_000}))
    assert answer.status_code == 413
    assert not UsageEvent.objects.exists()


def test_a_query_is_refused(client: Client, alice: Subscription) -> None:
    assert post(client, event_of(alice), "/api/v1/events?dry_run=1").status_code == 400


def test_a_key_for_usage_may_record_and_nothing_else(alice: Subscription) -> None:
    usage, reader, nobody = client_of("usage:write"), client_of("read"), Client()
    assert post(usage, event_of(alice)).status_code == 201
    assert usage.get(f"/api/v1/events?subscription={alice.id}").status_code == 403
    assert usage.get(f"/api/v1/subscription/{alice.id}/usage").status_code == 403
    assert post(reader, event_of(alice)).status_code == 403
    refused = post(nobody, event_of(alice))
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    for other in (client_of("write"), client_of("admin")):
        assert post(other, event_of(alice)).status_code == 201


def test_another_method_is_refused(alice: Subscription) -> None:
    answer = client_of("admin").delete("/api/v1/events")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {name.strip() for name in answer["Allow"].split(",")}


def fill(subscription: Subscription, count: int, code: str = "calls") -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    batch = [
        event_of(
            subscription,
            event_id=f"{code} {number:03}",
            code=code,
            # Two events share each moment: the event id decides between them.
            timestamp=(now - timedelta(hours=number // 2)).isoformat(),
            value="0.5",
            properties={"number": 0.1},
        )
        for number in range(count)
    ]
    assert post(client_of("write"), batch, "/api/v1/events/batch").json()["stored"] == count


def pages(path: str, limit: int = 7) -> list[dict[str, Any]]:
    reader, rows, last_key = client_of("read"), [], ""
    while True:
        page = reader.get(f"{path}&limit={limit}{last_key}").json()
        rows += page["data"]
        if not page["has_more"]:
            return rows
        last_key = f"&last_key={page['last_key']}"


def test_events_are_listed_newest_first_page_by_page(alice: Subscription) -> None:
    make_metric("bytes")
    fill(alice, 25)
    fill(alice, 10, "bytes")
    rows = pages(f"/api/v1/events?subscription={alice.id}")
    assert len({row["event_id"] for row in rows}) == len(rows) == 35
    assert rows == sorted(rows, key=lambda row: (row["timestamp"], row["event_id"]), reverse=True)
    assert rows[0] == {
        "event_id": "calls 001",
        "subscription": str(alice.id),
        "code": "calls",
        "value": 0.5,
        "properties": {"number": 0.1},
        "timestamp": rows[0]["timestamp"],
        "received_at": rows[0]["received_at"],
    }
    assert len(pages(f"/api/v1/events?subscription={alice.id}&code=bytes")) == 10
    assert len(pages(f"/api/v1/events?subscription={alice.id}", limit=100)) == 35


def test_events_of_a_customer_are_listed_within_31_days(alice: Subscription) -> None:
    second = make_subscription(alice.customer, alice.plan, started_at=alice.started_at, billed_to_at=None)
    stranger = make_subscription(make_customer("Charlie"), alice.plan, started_at=alice.started_at, billed_to_at=None)
    for one in (alice, second, stranger):
        fill(one, 3)
    today = timezone.now().date()
    path = f"/api/v1/events?customer={alice.customer_id}"
    week = f"{path}&timestamp_from={today - timedelta(days=6)}&timestamp_to={today + timedelta(days=1)}"
    found = pages(week, limit=2)
    assert [row["subscription"] for row in found].count(str(alice.id)) == 3
    assert [row["subscription"] for row in found].count(str(second.id)) == 3
    assert len(found) == 6
    reader = client_of("read")
    assert list(reader.get(path).json()["errors"]) == ["timestamp_from", "timestamp_to"]
    longer = f"{path}&timestamp_from={today - timedelta(days=31)}&timestamp_to={today + timedelta(days=1)}"
    assert list(reader.get(longer).json()["errors"]) == ["timestamp_to"]
    assert list(reader.get("/api/v1/events").json()["errors"]) == ["subscription"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 400),
        ("limit=101", 413),
        ("last_key=x", 400),
        ("last_key=%00", 400),
        ("last_key=ü", 400),
        ("last_key=" + "A" * 2000, 400),
        ("last_key=WzEsImEiLDFd", 400),
        ("timestamp_from=yesterday", 400),
        ("timestamp_from=2025-02-01&timestamp_to=2025-01-01", 400),
        ("subscription=x", 400),
        ("what=1", 400),
        ("code=unknown", 200),
    ],
)
def test_bad_parameters_are_refused(alice: Subscription, query: str, status: int) -> None:
    own = "" if "subscription" in query else f"subscription={alice.id}&"
    assert client_of("read").get(f"/api/v1/events?{own}{query}").status_code == status


def test_a_stranger_subscription_has_no_events(alice: Subscription) -> None:
    page = client_of("read").get(f"/api/v1/events?subscription={new_id()}").json()
    assert page == {"data": [], "has_more": False}
