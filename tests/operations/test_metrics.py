"""`/metrics`: who may read it, and what each figure says."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from django.conf import settings as the_settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from backoffice.queries import watching
from billing import tasks
from billing.models import ParkedCustomer, PaymentAttempt
from billing.operations.charging import charge_due
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from config.celery import app
from core.clock import wall_now
from core.identifiers import new_id
from core.models import Instance, OutboxEvent, TestClock
from core.operations_instance import hold_instance
from core.redis_client import redis_client
from customers.models import Agenda
from ledger.models import CustomerBalance
from notifications.models import WebhookDelivery, WebhookEndpoint
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import make_due_charge
from tests.hooks import make_endpoint, tell
from usage.domain.event import DUPLICATE, REJECTED, STORED, Reason
from usage.operations.counting import count_outcomes, flush_counts
from usage.queries.counts import counts_key

pytestmark = pytest.mark.django_db

Figures = dict[str, float]


@pytest.fixture(autouse=True)
def empty_redis() -> Iterator[None]:
    flush_counts()
    redis_client().delete(watching.QUEUE, counts_key())
    yield
    flush_counts()
    redis_client().delete(watching.QUEUE, counts_key())


@pytest.fixture
def company() -> Company:
    return make_company()


def read(client: Client) -> Figures:
    """Return every figure by its name, with its labels when it has any."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.content
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def subscribe(company: Company, name: str) -> None:
    price = company.price()
    company.start(company.customer(name), company.plan(f"Plan of {name}", price), price, now=JANUARY)


def test_an_idle_instance(client: Client) -> None:
    assert read(client) == {
        "reckoner_info test 0.1.0": 1,
        "reckoner_held": 0,
        "reckoner_due_customer_age_seconds": 0,
        "reckoner_due_customers": 0,
        "reckoner_parked_customers": 0,
        "reckoner_unknown_payment_age_seconds": 0,
        "reckoner_disputes_open": 0,
        "reckoner_provider_notice_age_seconds": 0,
        "reckoner_provider_notices_failed": 0,
        "reckoner_provider_paused manual": 0,
        "reckoner_provider_paused sandbox": 0,
        "reckoner_unknown_payments": 0,
        "reckoner_payment_attempts_open": 0,
        "reckoner_payment_attempts_due": 0,
        "reckoner_outbox_age_seconds": 0,
        "reckoner_outbox_facts": 0,
        "reckoner_webhooks_pending": 0,
        "reckoner_webhook_endpoints_failing": 0,
        "reckoner_webhook_endpoints_disabled": 0,
        "reckoner_dunning_processes": 0,
        "reckoner_dunning_step_age_seconds": 0,
        "reckoner_dunning_failed": 0,
        "reckoner_redis_up": 1,
        "reckoner_queue_length": 0,
        "reckoner_queue_age_seconds": 0,
    }


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"REMOTE_ADDR": "::1"}, 200),
        ("", {"REMOTE_ADDR": "10.0.0.7"}, 403),
        ("", {"REMOTE_ADDR": ""}, 403),
        ("", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ("", {"HTTP_FORWARDED": "for=127.0.0.1"}, 403),
        ("secret", {}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer guess"}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Basic secret"}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer sécret"}, 401),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer secret", "REMOTE_ADDR": "10.0.0.7"}, 200),
        ("secret", {"HTTP_AUTHORIZATION": "bearer secret", "HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 200),
    ],
)
def test_only_this_machine_or_the_token(
    client: Client, settings: Settings, token: str, headers: dict[str, str], status: int
) -> None:
    settings.METRICS_TOKEN = token
    answer = client.get("/metrics", **headers)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert (b"reckoner_held" in answer.content) == (status == 200)
    assert ("WWW-Authenticate" in answer) == (status == 401)
    assert "no-store" in answer["Cache-Control"]


def test_it_is_only_read(client: Client) -> None:
    assert client.post("/metrics").status_code == 405


def test_due_and_parked_customers(client: Client, company: Company) -> None:
    for name in ("Alice", "Bob", "Charlie"):
        subscribe(company, name)
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    now = wall_now()
    Agenda.objects.filter(customer__name="Alice").update(due_at=now - timedelta(hours=2))
    Agenda.objects.filter(customer__name="Bob").update(
        due_at=now - timedelta(hours=9), retry_at=now + timedelta(hours=1)
    )
    Agenda.objects.filter(customer__name="Charlie").update(due_at=JANUARY, test_clock=clock)
    bob = Agenda.objects.get(customer__name="Bob").customer
    ParkedCustomer.objects.create(customer=bob, reason="no tax", first_failed_at=now, last_failed_at=now)
    figures = read(client)
    assert figures["reckoner_due_customer_age_seconds"] == pytest.approx(7200, abs=60)
    assert (figures["reckoner_due_customers"], figures["reckoner_parked_customers"]) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_charges(client: Client, company: Company) -> None:
    for name, token in (("Alice", "tok_visa"), ("Bob", "tok_pending"), ("Charlie", "tok_visa")):
        make_due_charge(company, name, token)
    PaymentAttempt.objects.filter(customer__name="Charlie").update(due_at=wall_now() + timedelta(days=3))
    before = read(client)
    assert (before["reckoner_payment_attempts_open"], before["reckoner_payment_attempts_due"]) == (3, 2)
    assert before["reckoner_unknown_payment_age_seconds"] == 0
    charge_due(JANUARY)
    after = read(client)
    assert (after["reckoner_payment_attempts_open"], after["reckoner_payment_attempts_due"]) == (2, 1)
    assert after["reckoner_unknown_payments"] == 1
    # By the wall's clock, though the customers were charged in January.
    assert 0 < after["reckoner_unknown_payment_age_seconds"] < 60


@pytest.mark.django_db(transaction=True)
def test_documents_are_counted_for_ever(client: Client, company: Company) -> None:
    subscribe(company, "Alice")
    make_due_charge(company, "Bob")
    charge_due(JANUARY)
    run_billing(Scope(as_of=at("2026-02-02"), now=at("2026-02-02")))
    figures = read(client)
    assert figures["reckoner_documents_finalised_total invoice"] == 3
    assert figures["reckoner_documents_finalised_total receipt"] == 1


def test_the_worker_the_books_and_the_hold(client: Client, company: Company) -> None:
    now = wall_now()
    Instance.objects.update(worker_seen_at=now - timedelta(minutes=7))
    hold_instance(now=now)
    CustomerBalance.objects.create(customer=company.customer("Alice"), currency="EUR", balance_minor=1)
    tasks.prove_books()
    figures = read(client)
    assert figures["reckoner_worker_heartbeat_age_seconds"] == pytest.approx(420, abs=60)
    assert figures["reckoner_held"] == 1
    assert figures["reckoner_books_breaches"] == 1
    assert figures["reckoner_books_check_age_seconds"] == pytest.approx(0, abs=60)


def test_the_books_are_proved_every_night() -> None:
    entry = the_settings.CELERY_BEAT_SCHEDULE["prove_books"]
    assert entry["task"] == tasks.prove_books.name
    assert (entry["schedule"].hour, entry["schedule"].minute) == ({3}, {17})


def test_events_by_outcome_and_reason(client: Client) -> None:
    count_outcomes([STORED, STORED, DUPLICATE, REJECTED[Reason.TOO_LATE]])
    count_outcomes([STORED, REJECTED[Reason.INVALID]])
    figures = read(client)
    assert {name: count for name, count in figures.items() if "events" in name} == {
        "reckoner_events_total stored ": 3,
        "reckoner_events_total duplicate ": 1,
        "reckoner_events_total rejected invalid": 1,
        "reckoner_events_total rejected too_late": 1,
    }


def test_counts_wait_while_redis_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> redis.Redis:
        raise redis.ConnectionError("away")

    for module in ("usage.operations.counting", "usage.queries.counts", "backoffice.queries.watching"):
        monkeypatch.setattr(f"{module}.redis_client", refuse)
    count_outcomes([STORED])
    figures = read(client)
    assert figures["reckoner_redis_up"] == 0
    assert not any("events" in name or "queue" in name for name in figures)
    monkeypatch.undo()
    assert read(client)["reckoner_events_total stored "] == 1


def test_the_queue_is_as_old_as_its_oldest_message(client: Client, settings: Settings) -> None:
    sent = []
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue(watching.QUEUE)
        app.send_task(tasks.tick.name, connection=connection)
        message = queue.get(timeout=5)
        sent.append(json.dumps({"headers": message.headers}))
        message.ack()
        queue.close()
    old = json.loads(sent[0])
    old["headers"]["sent_at"] = (wall_now() - timedelta(minutes=10)).isoformat()
    # Celery pushes on the left and takes from the right.
    redis_client().lpush(watching.QUEUE, json.dumps(old), sent[0])
    figures = read(client)
    assert figures["reckoner_queue_length"] == 2
    assert figures["reckoner_queue_age_seconds"] == pytest.approx(600, abs=60)
    redis_client().delete(watching.QUEUE)
    redis_client().lpush(watching.QUEUE, json.dumps({"headers": {}}))
    assert read(client)["reckoner_queue_age_seconds"] == 0


def test_without_a_database_it_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def refuse(now: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("backoffice.metrics.read_figures", refuse)
    assert client.get("/metrics").status_code == 503


def test_before_the_first_migration_made_the_row(client: Client) -> None:
    Instance.objects.all().delete()
    assert read(client)["reckoner_info test 0.1.0"] == 1


def test_a_scrape_takes_a_constant_number_of_statements(
    client: Client, company: Company, django_assert_num_queries: object
) -> None:
    subscribe(company, "Alice")
    with django_assert_num_queries(5):  # type: ignore[operator]
        client.get("/metrics")


def test_what_waits_to_be_told(client: Client) -> None:
    tell(("plan.created", new_id()), ("plan.created", new_id()))
    figures = read(client)
    assert figures["reckoner_outbox_facts"] == 2
    assert 0 <= figures["reckoner_outbox_age_seconds"] < 60
    endpoint = make_endpoint().endpoint
    fact = OutboxEvent.objects.earliest("id")
    WebhookDelivery.objects.create(
        endpoint=endpoint,
        fact=fact,
        event_id=fact.event_id,
        type=fact.type,
        object_kind="plan",
        object_id=fact.object_id,
        due_at=JANUARY,
        created_at=JANUARY,
    )
    WebhookEndpoint.objects.update(failing_since=JANUARY)
    figures = read(client)
    assert (figures["reckoner_webhooks_pending"], figures["reckoner_webhook_endpoints_failing"]) == (1, 1)
