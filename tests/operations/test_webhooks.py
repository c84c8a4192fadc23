"""Webhooks: who is told what, in which order, how often, and when it is given up."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Min
from standardwebhooks import Webhook, WebhookVerificationError

from core.clock import wall_now
from core.errors import Conflict, Invalid
from core.models import OutboxEvent
from core.operations import SYSTEM
from core.operations_instance import InstanceHeld, hold_instance
from core.operations_sealing import rotate_secrets
from core.sealing import CannotUnseal, unseal
from notifications.domain.retries import MOST_TRIES
from notifications.models import WebhookBody, WebhookDelivery, WebhookEndpoint
from notifications.operations import delivering, dispatching, endpoints
from notifications.operations.endpoints import ReplayWanted
from notifications.operations.purging import purge_webhooks
from notifications.posting import PostAnswer
from tests.cast import JANUARY
from tests.hooks import DOWN, TAKEN, Receivers, deliver, make_endpoint, states, tell

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.example.com/"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def receivers() -> Receivers:
    return Receivers()


def refresh(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    endpoint.refresh_from_db()
    return endpoint


def next_due(now: datetime) -> datetime:
    """Return when the next try is due of one that failed already, in a second if none did."""
    failed = WebhookDelivery.objects.filter(status="pending", tries__gt=0)
    due_at = failed.aggregate(Min("due_at"))["due_at__min"]
    return max(now + timedelta(seconds=1), due_at or now)


def test_the_public_library_verifies_what_arrives(receivers: Receivers) -> None:
    issued = make_endpoint()
    now = wall_now()
    tell(("plan.updated", uuid.uuid4()), payload={"previous": {"name": "Team"}, "count": 3})
    deliver(receivers, now)

    fact = OutboxEvent.objects.get()
    event = Webhook(issued.secret).verify(receivers.bodies[0], dict(receivers.headers[0]))
    assert event == {
        "id": str(fact.event_id),
        "type": "plan.updated",
        "created_at": "2026-01-01T00:00:00+00:00",
        "data": {"object": {"id": str(fact.object_id)}, "previous": {"name": "Team"}, "details": {"count": 3}},
    }
    assert receivers.headers[0]["webhook-id"] == str(fact.event_id)
    assert issued.secret.startswith("whsec_")
    with pytest.raises(WebhookVerificationError):
        Webhook(issued.secret).verify(receivers.bodies[0] + b" ", dict(receivers.headers[0]))


def test_two_secrets_are_valid_while_one_takes_the_place_of_the_other(receivers: Receivers) -> None:
    first = make_endpoint()
    now = wall_now()
    second = endpoints.rotate_secret(first.endpoint.id, overlap=HOUR, actor=SYSTEM, now=now)
    tell(("plan.updated", uuid.uuid4()))
    deliver(receivers, now)
    for issued in (first, second):
        Webhook(issued.secret).verify(receivers.bodies[0], dict(receivers.headers[0]))

    tell(("plan.updated", uuid.uuid4()))
    deliver(receivers, now + HOUR)
    assert len(receivers.headers[1]["webhook-signature"].split()) == 1
    third = endpoints.rotate_secret(first.endpoint.id, overlap=timedelta(0), actor=SYSTEM, now=now)
    assert refresh(first.endpoint).former_secret == ""
    assert unseal(first.endpoint.secret) == third.secret


def test_secrets_are_stored_encrypted_and_outlive_their_key(settings: object) -> None:
    issued = make_endpoint()
    assert issued.secret not in str(WebhookEndpoint.objects.values().get())
    former = settings.ENCRYPTION_KEYS  # type: ignore[attr-defined]
    new = "bmV3IGtleSBvZiB0aGUgdGVzdHMgYW5kIG5vdGhpbmc="
    settings.ENCRYPTION_KEYS = [new, *former]  # type: ignore[attr-defined]
    assert rotate_secrets() == 1
    settings.ENCRYPTION_KEYS = [new]  # type: ignore[attr-defined]
    assert unseal(refresh(issued.endpoint).secret) == issued.secret
    settings.ENCRYPTION_KEYS = former  # type: ignore[attr-defined]
    with pytest.raises(CannotUnseal):
        unseal(issued.endpoint.secret)


def test_an_endpoint_is_told_what_it_wants_and_nothing_from_before_it(receivers: Receivers) -> None:
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    make_endpoint("plans", "plan.*")
    make_endpoint("all")
    make_endpoint("paid", "invoice.paid")
    tell(("plan.updated", uuid.uuid4()), ("price.created", uuid.uuid4()), ("customer.erased", uuid.uuid4()))
    deliver(receivers, JANUARY)

    assert receivers.types("https://plans.example.com/") == ["plan.updated"]
    assert sorted(receivers.types("https://all.example.com/")) == ["plan.updated", "price.created"]
    assert receivers.types("https://paid.example.com/") == []
    assert not OutboxEvent.objects.filter(dispatched_at__isnull=True).exists()


def test_a_fact_committed_late_is_told_although_later_numbers_went_before() -> None:
    endpoint = make_endpoint().endpoint
    one, two = uuid.uuid4(), uuid.uuid4()
    tell(("plan.created", one), ("plan.created", two))
    late = OutboxEvent.objects.order_by("id").first()
    assert late is not None
    # As if its transaction had not committed when the other was handed on.
    OutboxEvent.objects.filter(id=late.id).update(dispatched_at=JANUARY)
    assert dispatching.dispatch_facts(JANUARY) == 1
    OutboxEvent.objects.filter(id=late.id).update(dispatched_at=None)
    assert dispatching.dispatch_facts(JANUARY) == 1
    assert WebhookDelivery.objects.filter(endpoint=endpoint).count() == 2
    assert dispatching.dispatch_facts(JANUARY) == 0


def test_an_object_waits_behind_its_oldest_event_and_others_do_not(receivers: Receivers) -> None:
    endpoint = make_endpoint().endpoint
    one, two = uuid.uuid4(), uuid.uuid4()
    receivers.answers[URL] = lambda event: DOWN if event["data"]["object"]["id"] == str(one) else TAKEN
    tell(("plan.created", one), ("plan.updated", one), ("plan.created", two), ("plan.updated", two))
    deliver(receivers, JANUARY)
    assert states(endpoint) == [
        ("plan.created", "pending", 1),
        ("plan.updated", "pending", 0),
        ("plan.created", "delivered", 1),
        ("plan.updated", "delivered", 1),
    ]
    receivers.answers.clear()
    deliver(receivers, JANUARY + timedelta(seconds=4))
    assert len(receivers.taken[URL]) == 2
    deliver(receivers, JANUARY + timedelta(seconds=6))
    assert receivers.types(URL) == ["plan.created", "plan.updated"] * 2


def test_a_receiver_down_for_a_day_gets_every_event_in_order_per_object_once_it_is_back(receivers: Receivers) -> None:
    endpoint = make_endpoint().endpoint
    objects = [uuid.uuid4() for _ in range(3)]
    receivers.answers[URL] = lambda event: DOWN
    now, told = JANUARY, 0
    while now < JANUARY + DAY:
        if told < 6:
            tell(*((f"plan.{'created' if told == 0 else 'updated'}", one) for one in objects), payload={"n": told})
            told += 1
        deliver(receivers, now)
        now = next_due(now)
    receivers.answers.clear()
    while WebhookDelivery.objects.filter(status="pending").exists():
        deliver(receivers, now)
        now = next_due(now)
    assert refresh(endpoint).status == "enabled"
    assert len(receivers.taken[URL]) == 3 * 6
    for one in objects:
        of_object = [e["data"]["details"]["n"] for e in receivers.taken[URL] if e["data"]["object"]["id"] == str(one)]
        assert of_object == [0, 1, 2, 3, 4, 5]
    # The first that arrived brought the others with it.
    assert now < JANUARY + DAY + 5 * HOUR


def test_one_out_of_tries_fails_and_frees_the_next(receivers: Receivers) -> None:
    endpoint = make_endpoint().endpoint
    one, other = uuid.uuid4(), uuid.uuid4()
    receivers.answers[URL] = lambda event: PostAnswer(500, "no") if event["type"] == "plan.created" else TAKEN
    tell(("plan.created", one), ("plan.updated", one))
    now = JANUARY
    while ("plan.created", "failed", MOST_TRIES) not in states(endpoint):
        deliver(receivers, now)
        tell(("price.created", other))
        now = next_due(now)
    assert JANUARY + 2.9 * DAY < now < JANUARY + 3.5 * DAY
    deliver(receivers, now)
    assert ("plan.updated", "delivered", 1) in states(endpoint)
    failed = WebhookDelivery.objects.get(status="failed")
    assert (failed.answer_status, failed.answer_body, failed.failure) == (500, "no", "answered 500")
    # It took other events all the while: it is not disabled for one that it cannot take.
    assert refresh(endpoint).status == "enabled"


def test_an_endpoint_that_took_nothing_for_three_days_is_disabled(receivers: Receivers) -> None:
    endpoint = make_endpoint().endpoint
    receivers.answers[URL] = lambda event: DOWN
    tell(("plan.created", uuid.uuid4()))
    now = JANUARY
    while refresh(endpoint).status == "enabled":
        deliver(receivers, now)
        now = next_due(now)
    assert JANUARY + 2.9 * DAY < now < JANUARY + 3.5 * DAY
    assert endpoint.disabled_reason == "failing"
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, now)
    assert [status for _, status, _ in states(endpoint)] == ["failed"]

    endpoints.enable_endpoint(endpoint.id, actor=SYSTEM, now=now)
    receivers.answers.clear()
    wanted = ReplayWanted(JANUARY, now + HOUR)
    assert endpoints.replay(endpoint.id, wanted, actor=SYSTEM, now=now) == 2
    deliver(receivers, now)
    assert len(receivers.taken[URL]) == 2


def test_a_receiver_that_answers_gone_is_disabled_and_gets_nothing_more(receivers: Receivers) -> None:
    endpoint = make_endpoint().endpoint
    receivers.answers[URL] = lambda event: PostAnswer(410, "bye")
    one = uuid.uuid4()
    tell(("plan.created", one), ("plan.updated", one))
    deliver(receivers, JANUARY)
    assert (refresh(endpoint).status, endpoint.disabled_reason) == ("disabled", "gone")
    assert states(endpoint) == [("plan.created", "failed", 1), ("plan.updated", "failed", 0)]
    deliver(receivers, JANUARY + DAY)
    assert len(receivers.tries[URL]) == 1


def test_a_receiver_that_asks_to_be_left_alone_is(receivers: Receivers) -> None:
    make_endpoint()
    receivers.answers[URL] = lambda event: PostAnswer(429, "", "3600")
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY + timedelta(minutes=59))
    assert len(receivers.tries[URL]) == 1
    receivers.answers.clear()
    deliver(receivers, JANUARY + HOUR)
    assert len(receivers.taken[URL]) == 2


def test_a_slow_receiver_leaves_threads_to_the_others() -> None:
    slow = make_endpoint("slow").endpoint
    quick = make_endpoint("quick").endpoint
    tell(*(("plan.created", uuid.uuid4()) for _ in range(40)))
    dispatching.dispatch_facts(JANUARY)
    claimed = delivering.claim(JANUARY, limit=40, busy=[slow.id])
    assert {parcel.endpoint_id for parcel in claimed} == {quick.id}


def test_what_a_dead_sender_had_claimed_is_sent_again_after_its_lease(receivers: Receivers) -> None:
    make_endpoint()
    tell(("plan.created", uuid.uuid4()))
    dispatching.dispatch_facts(JANUARY)
    assert len(delivering.claim(JANUARY, limit=10)) == 1
    assert delivering.claim(JANUARY, limit=10) == []
    deliver(receivers, JANUARY + timedelta(seconds=59))
    assert receivers.tries[URL] == []
    deliver(receivers, JANUARY + timedelta(seconds=61))
    assert len(receivers.taken[URL]) == 1


def test_two_dispatchers_share_the_work_and_hand_on_one_at_a_time() -> None:
    make_endpoint()
    tell(*(("plan.created", uuid.uuid4()) for _ in range(4)))
    dispatching.dispatch_facts(JANUARY)
    first = delivering.claim(JANUARY, limit=2)
    second = delivering.claim(JANUARY, limit=10)
    assert (len(first), len(second)) == (2, 2)
    assert not {one.delivery_id for one in first} & {one.delivery_id for one in second}


def test_a_replay_repeats_a_range_in_order_with_the_same_ids(receivers: Receivers) -> None:
    endpoint = make_endpoint("hooks", "plan.*").endpoint
    one = uuid.uuid4()
    tell(("plan.created", one), ("plan.updated", one), ("price.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    tell(("plan.retired", one))
    deliver(receivers, JANUARY + DAY)
    first = receivers.tries[URL][:]
    wanted = ReplayWanted(JANUARY, JANUARY + HOUR)
    assert endpoints.replay(endpoint.id, wanted, actor=SYSTEM, now=JANUARY + DAY) == 2
    # Asked twice while it is under way, nothing is sent twice.
    assert endpoints.replay(endpoint.id, wanted, actor=SYSTEM, now=JANUARY + DAY) == 0
    deliver(receivers, JANUARY + DAY)
    assert receivers.tries[URL] == [*first, *first[:2]]
    assert receivers.types(URL)[3:] == ["plan.created", "plan.updated"]
    failed_only = ReplayWanted(JANUARY, JANUARY + 2 * DAY, failed_only=True)
    assert endpoints.replay(endpoint.id, failed_only, actor=SYSTEM, now=JANUARY + DAY) == 0
    created = ReplayWanted(JANUARY, JANUARY + 2 * DAY, types=("plan.retired",))
    assert endpoints.replay(endpoint.id, created, actor=SYSTEM, now=JANUARY + DAY) == 1
    for broken in (ReplayWanted(JANUARY, JANUARY), ReplayWanted(JANUARY, JANUARY + DAY, types=("plan.eaten",))):
        with pytest.raises(Invalid):
            endpoints.replay(endpoint.id, broken, actor=SYSTEM, now=JANUARY)


def test_a_test_event_goes_to_one_endpoint_whatever_it_wants(receivers: Receivers) -> None:
    endpoint = make_endpoint("hooks", "invoice.paid").endpoint
    make_endpoint("other")
    endpoints.send_test_event(endpoint.id, now=JANUARY)
    deliver(receivers, JANUARY)
    assert receivers.types(URL) == ["webhook_endpoint.test"]
    assert receivers.taken["https://other.example.com/"] == []
    endpoints.disable_endpoint(endpoint.id, actor=SYSTEM, now=JANUARY)
    with pytest.raises(Conflict):
        endpoints.send_test_event(endpoint.id, now=JANUARY)


def test_a_held_instance_sends_nothing(receivers: Receivers) -> None:
    make_endpoint()
    tell(("plan.created", uuid.uuid4()))
    hold_instance(now=JANUARY)
    with pytest.raises(InstanceHeld):
        deliver(receivers, JANUARY)
    assert receivers.tries == {}
    assert OutboxEvent.objects.filter(dispatched_at__isnull=True).count() == 1


def test_a_fact_that_is_rolled_back_is_not_told(receivers: Receivers) -> None:
    make_endpoint()
    with transaction.atomic():
        tell(("plan.created", uuid.uuid4()))
        transaction.set_rollback(True)
    deliver(receivers, JANUARY)
    assert receivers.tries == {}


def test_the_log_is_kept_for_its_days_and_what_waits_is_kept(receivers: Receivers) -> None:
    make_endpoint()
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    receivers.answers[URL] = lambda event: DOWN
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, JANUARY)
    assert purge_webhooks(now=JANUARY + timedelta(days=30)) == 0
    assert purge_webhooks(now=JANUARY + timedelta(days=31)) == 2
    assert WebhookDelivery.objects.get().status == "pending"
    assert WebhookBody.objects.count() == 1


def test_what_is_too_slow_or_wrong_to_store_is_refused() -> None:
    for facts in ({"url": "http://example.com/"}, {"url": "https://10.0.0.1/"}, {"url": URL, "events": ["plan"]}):
        with pytest.raises(Invalid):
            endpoints.create_endpoint(facts, actor=SYSTEM, now=JANUARY)
    assert not WebhookEndpoint.objects.exists()


def test_a_moment_is_signed_to_the_second(receivers: Receivers) -> None:
    make_endpoint()
    tell(("plan.created", uuid.uuid4()))
    deliver(receivers, datetime(2026, 1, 1, 0, 0, 1, 999_999, tzinfo=JANUARY.tzinfo))
    assert receivers.headers[0]["webhook-timestamp"] == "1767225601"
