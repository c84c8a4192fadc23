"""POST /events/batch: every event is told what became of it, and one bad event never spoils the others."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from subscriptions.models import Subscription
from tests.api.test_events import BAD_FIELDS, alice, client, client_of, event_of
from usage.models import UsageEvent

__all__ = ["alice", "client"]
pytestmark = pytest.mark.django_db
PATH = "/api/v1/events/batch"


def send(client: Client, body: Any, content_type: str = "application/json") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(PATH, content, content_type=content_type)


def lines(*events: Any) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in events)


def statuses(answer: Any) -> list[str]:
    return [one.get("reason", one["status"]) for one in answer.json()["data"]]


def test_each_event_is_told_what_became_of_it(client: Client, alice: Subscription) -> None:
    first = event_of(alice, event_id="first")
    assert send(client, [first]).json() == {
        "data": [{"index": 0, "event_id": "first", "status": "stored"}],
        "stored": 1,
        "duplicates": 0,
        "rejected": 0,
    }
    answer = send(
        client,
        [
            first,
            event_of(alice, event_id="first", value=2),
            event_of(alice, event_id="second", code="unknown"),
            event_of(alice, event_id="third", value="NaN", what=1),
            event_of(alice, event_id="fourth"),
        ],
    )
    assert answer.status_code == 200
    fault_of_name = "is not a field of this request"
    assert answer.json() == {
        "data": [
            {"index": 0, "event_id": "first", "status": "duplicate"},
            {
                "index": 1,
                "event_id": "first",
                "status": "rejected",
                "reason": "event_id_conflict",
                "errors": {"event_id": "was used for an event with other content"},
            },
            {
                "index": 2,
                "event_id": "second",
                "status": "rejected",
                "reason": "unknown_code",
                "errors": {"code": "no metric has this code"},
            },
            {
                "index": 3,
                "event_id": "third",
                "status": "rejected",
                "reason": "invalid",
                "errors": {"what": fault_of_name, "value": "must be a finite number"},
            },
            {"index": 4, "event_id": "fourth", "status": "stored"},
        ],
        "stored": 1,
        "duplicates": 1,
        "rejected": 3,
    }
    assert UsageEvent.objects.count() == 2


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json", "text/plain", ""])
def test_one_object_a_line_is_a_batch_whatever_its_content_type(
    client: Client, alice: Subscription, content_type: str
) -> None:
    body = lines(event_of(alice, event_id="a"), b"", event_of(alice, event_id="b"), b"  ") + b"\r\n"
    assert statuses(send(client, body, content_type)) == ["stored", "stored"]


def test_a_broken_line_is_refused_by_itself(client: Client, alice: Subscription) -> None:
    good, other = event_of(alice, event_id="good"), event_of(alice, event_id="other")
    answer = send(client, lines(good, b'{"event_id": "x", "value": NaN}', b"[1]", b"\xff", b"{", b"null", other))
    assert statuses(answer) == ["stored", *["invalid"] * 5, "stored"]
    assert [list(one["errors"]) for one in answer.json()["data"][1:6]] == [["body"]] * 5
    assert UsageEvent.objects.count() == 2


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
@pytest.mark.parametrize("as_lines", [False, True])
def test_good_events_beside_a_bad_one_are_stored(
    client: Client, alice: Subscription, field: str, value: Any, as_lines: bool
) -> None:
    events = [event_of(alice, event_id="a"), event_of(alice) | {field: value}, event_of(alice, event_id="b")]
    answer = send(client, lines(*events) if as_lines else events)
    assert [one["status"] for one in answer.json()["data"]] == ["stored", "rejected", "stored"]
    assert list(answer.json()["data"][1]["errors"]) == [field]
    assert set(UsageEvent.objects.values_list("event_id", flat=True)) == {"a", "b"}


@pytest.mark.parametrize("bad", [1, None, "x", [], {}, True, [[]]])
def test_what_is_no_event_is_refused_by_itself(client: Client, alice: Subscription, bad: Any) -> None:
    assert statuses(send(client, [event_of(alice), bad])) == ["stored", "invalid"]


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"1", b'"x"', b"[", b"[{]", b'[{"event_id": "x"},]', b"[NaN]", b"[" * 100_000, b"\xff", b"\0"],
)
def test_a_body_that_holds_no_batch_is_refused_as_a_whole(client: Client, alice: Subscription, body: bytes) -> None:
    answer = send(client, body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["body"]


def test_an_empty_batch_is_no_fault(client: Client) -> None:
    assert send(client, []).json() == {"data": [], "stored": 0, "duplicates": 0, "rejected": 0}


def test_a_batch_holds_at_most_10_000_events(client: Client, alice: Subscription) -> None:
    small = [{"event_id": str(number)} for number in range(10_001)]
    too_many = send(client, small)
    assert (too_many.status_code, too_many.json()["error"]) == (413, "too_many_events")
    whole = [event_of(alice, event_id=str(number)) for number in range(10_000)]
    assert send(client, whole).json()["stored"] == 10_000
    assert send(client, lines(*whole)).json()["duplicates"] == 10_000


def test_a_batch_above_the_limit_is_refused(client: Client, alice: Subscription) -> None:
    answer = send(client, [event_of(alice, properties={"a": "x" * 5_000_000})])
    assert answer.status_code == 413
    assert not UsageEvent.objects.exists()


def test_numbers_keep_every_digit(client: Client, alice: Subscription) -> None:
    events = [event_of(alice, event_id=str(number)) for number in range(3)]
    body = json.dumps(events).replace('"value": 1', '"value": 0.1')
    assert statuses(send(client, body.encode())) == ["stored"] * 3
    assert sum(UsageEvent.objects.values_list("value", flat=True)) == Decimal("0.3")


def test_a_byte_order_mark_is_passed_over(client: Client, alice: Subscription) -> None:
    assert statuses(send(client, b"\xef\xbb\xbf" + json.dumps([event_of(alice)]).encode())) == ["stored"]


def test_the_key_needs_the_scope(alice: Subscription) -> None:
    assert send(client_of("read"), [event_of(alice)]).status_code == 403
    assert send(Client(), [event_of(alice)]).status_code == 401
    assert client_of("admin").get(PATH).status_code == 405
    assert not UsageEvent.objects.exists()
