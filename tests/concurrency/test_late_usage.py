"""An ingest transaction that is open during a run commits behind it; the next run finds what it stored."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event

import pytest
from django.db import connection, transaction

from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.models import InvoiceLine
from subscriptions.models import Subscription
from tests.cast import at, make_company
from usage.domain.event import STORED, EventDraft, EventOutcome
from usage.operations import intake

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Subscription:
    """Alice pays 10 a call from 1 January 2026."""
    company = make_company()
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    return company.start(company.customer("Alice"), company.plan("Team", calls), calls, now=at("2026-01-01"))


def run(moment: str) -> list[tuple[str, int, int]]:
    run_billing(Scope(as_of=at(moment), now=at(moment)))
    lines = InvoiceLine.objects.order_by("id").values_list("period_start", "revision", "amount_minor")
    return [(f"{start:%m-%d}", revision, amount) for start, revision, amount in lines]


def test_what_commits_behind_a_run_is_on_the_next_invoice(alice: Subscription) -> None:
    """Judged in time, on 31 January; stored in a transaction that commits when January is invoiced already."""
    is_open, may_commit = Event(), Event()
    drafts = [
        EventDraft(
            event_id=str(number),
            subscription_id=alice.id,
            code="calls",
            value=Decimal(1),
            timestamp=at("2026-01-31 10:00"),
        )
        for number in range(100)
    ]

    def slowly() -> tuple[EventOutcome, ...]:
        try:
            batch = intake._Batch(drafts, intake._known(drafts, at("2026-01-31 12:00")))
            with transaction.atomic():
                intake._copy(batch.rows(), at("2026-01-31 12:00"))
                batch.settle(None)
                is_open.set()
                assert may_commit.wait(30)
            return tuple(outcome for outcome in batch.outcomes if outcome is not None)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(slowly)
        assert is_open.wait(30)
        assert run("2026-02-01") == []
        may_commit.set()
        assert stored.result(30) == (STORED,) * 100
    assert run("2026-03-01") == [("01-01", 1, 1000)]
    assert run("2026-04-01") == [("01-01", 1, 1000)]
