"""No card number, key, secret or token in any log, error, admin page or column: planted ones are searched for."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from billing.models import PaymentAttempt, ProviderNotice
from billing.operations import notices
from billing.operations.charging import charge_due
from core.clock import wall_now
from core.models import StaffUser
from customers.models import Customer
from tests.api.client import Caller, idempotent
from tests.cast import JANUARY, make_company
from tests.factories import make_invoice, schedule
from tests.stripe_twin.cards import Card
from tests.stripe_twin.server import API_KEY, SECRET, Twin
from tests.stripe_twin.use import make_healthy, use_twin

pytestmark = pytest.mark.django_db

CARD = "4242424242424242"
GROUPED = "4000 0000 0000 9995"
WRONG_KEY = "sk_test_planted0123456789"


@pytest.fixture
def twin(settings: Settings) -> Iterator[Twin]:
    twin = use_twin(settings)
    make_healthy()
    yield twin
    make_healthy()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Return what is logged, as the real handler writes it."""
    root = logging.getLogger()
    (formatter,) = {
        handler.formatter
        for handler in root.handlers
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    }
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def hand_over(api: Caller, customer_id: str, token: str, **headers: str) -> Any:
    path = f"/customer/{customer_id}/payment-methods/frontend-payment-token"
    return api.call("POST", path, {"token": token}, **headers)


def rows_with(needle: str) -> list[str]:
    """Return the tables with a row in which a text stands, whatever the column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
        tables = [row[0] for row in cursor.fetchall()]
        questions = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table} t WHERE t::text LIKE %s)" for table in tables]  # noqa: S608 - names from the catalogue
        cursor.execute(" UNION ALL ".join(questions), [f"%{needle}%"] * len(tables))
        return [row[0] for row in cursor.fetchall()]


def every_admin_page() -> Iterator[tuple[str, str]]:
    """Return what each list, and the page of each list's first row, shows."""
    client = Client()
    client.force_login(StaffUser.objects.create_superuser("alice", password="not planted"))
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield name, client.get(reverse(f"admin:{name}_changelist")).content.decode()
        row = model._default_manager.first()
        if row is not None:
            yield name, client.get(reverse(f"admin:{name}_change", args=[row.pk])).content.decode()


def test_nothing_planted_is_found(api: Caller, twin: Twin, settings: Settings, logged: io.StringIO) -> None:
    company = make_company()
    customer = company.customer("Alice", billing_type="card")
    answers = []
    # A client secret is handed out, and kept nowhere.
    client_secret = api.get(f"/customer/{customer.id}/payment-methods/frontend-payment-token")["token"]
    # A card number where a token belongs; a good card under an idempotency key, whose answer is kept.
    answers += [hand_over(api, str(customer.id), token) for token in (CARD, GROUPED, client_secret)]
    answers.append(hand_over(api, str(customer.id), "pm_card_visa", **idempotent("card")))
    customer.refresh_from_db()
    # A bank whose words quote the card.
    (reference,) = twin.state.cards.keys() & {m for m in twin.state.methods if twin.state.methods[m]["customer"]}
    twin.state.cards[reference] = Card(charge_code=CARD)
    declined = schedule(make_invoice(customer), customer.payment_methods.get())
    answers.append(api.call("POST", f"/invoice/{declined.invoice_id}/charge", **idempotent("charge")))
    # A provider whose words quote the key, to the API, to the worker and in a notice.
    settings.STRIPE_API_KEY = WRONG_KEY
    answers.append(hand_over(api, str(customer.id), "pm_card_visa"))
    schedule(make_invoice(company.customer("Bob", external_reference="cus_1")), customer.payment_methods.get())
    charge_due(JANUARY)
    body, headers = twin.signed(
        next(one for one in twin.state.events if one["type"] == "payment_intent.payment_failed")
    )
    assert "_secret_" in body.decode()
    for signature in (headers["Stripe-Signature"], SECRET):
        signed = {"Stripe-Signature": signature}
        answers.append(Client().post("/webhooks/stripe", body, content_type="application/json", headers=signed))
    notices.handle_due(wall_now(), limit=10)
    structlog.get_logger("planted").warning("said", words=f"{WRONG_KEY} {client_secret} {CARD}", token="tok_visa")
    assert [answer.status_code for answer in answers] == [400, 400, 400, 201, 402, 503, 200, 400]
    assert "[redacted]" in ProviderNotice.objects.get().failure
    assert "[redacted]" in PaymentAttempt.objects.get(id=declined.id).failure_message

    assert "[redacted]" in logged.getvalue()
    pages = list(every_admin_page())
    event_secret = next(part for part in body.decode().split('"') if "_secret_" in part and part != "client_secret")
    for needle in (CARD, GROUPED, API_KEY, WRONG_KEY, SECRET, client_secret, event_secret, api.key):
        assert rows_with(needle) == [], needle
        assert [name for name, shown in pages if needle in shown] == [], needle
        assert needle not in logged.getvalue(), needle
        assert [answer.status_code for answer in answers if needle in answer.content.decode()] == [], needle
    # What is searched for would be found.
    assert rows_with(str(customer.email)) != []
    assert Customer.objects.count() == 2
