"""The database keeps the books whole, whoever writes to it (Billing rules, section 9; house style, Transactions)."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.identifiers import new_id
from invoicing.operations.recognition import recognise_revenue
from ledger.domain.entry import EntryDraft, PostingDraft
from ledger.models import Entry
from ledger.operations import post_entries
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db(transaction=True)

APPEND_ONLY = {
    "ledger_entry": "kind",
    "ledger_posting": "account",
    "invoicing_creditnote": "number",
    "invoicing_creditnoteline": "net_minor",
    "invoicing_revenuerecognition": "recognised_minor",
    "invoicing_schedulerow": "days_passed",
}
FINALISED = ("invoicing_invoice", "invoicing_invoiceline")


@pytest.fixture(autouse=True)
def books() -> Iterator[None]:
    """Bill, credit and recognise something; then be a session that may not empty tables."""
    company = make_company()
    price = company.price(type="unit")
    plan = company.plan("Team", price, per_seat=True)
    subscription = company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"), seats=5)
    remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-01-02"))
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    recognise_revenue(now=at("2026-02-01 12:00"))
    with connection.cursor() as cursor:
        cursor.execute("SET reckoner.may_truncate = 'off'")
        yield
        cursor.execute("SET reckoner.may_truncate = 'on'")


def execute(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def add_postings(*rows: tuple[uuid.UUID, str, int]) -> None:
    """Add postings to revenue by one statement, as somebody would who knows the tables and not the code."""
    values = ", ".join(["(%s, 'revenue', '', %s, %s)"] * len(rows))
    columns = "entry_id, account, country, currency, amount_minor"
    execute(
        f"INSERT INTO ledger_posting ({columns}) VALUES {values}",  # noqa: S608 - placeholders
        *(value for row in rows for value in row),
    )


@pytest.mark.parametrize("table", [*APPEND_ONLY, *FINALISED])
def test_rows_are_neither_deleted_nor_the_table_emptied(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name from the list above
        assert cursor.fetchone()[0] > 0, "an empty table proves nothing"
    with pytest.raises(IntegrityError, match=r"append-only|never changes"):
        execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    with pytest.raises(IntegrityError, match="append-only"):
        execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(("table", "column"), APPEND_ONLY.items())
def test_rows_never_change(table: str, column: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        execute(f"UPDATE {table} SET {column} = {column}")  # noqa: S608 - names from the list above


@pytest.mark.parametrize(
    "amounts",
    [[("EUR", 100)], [("EUR", 100), ("EUR", -99)], [("EUR", 100), ("USD", -100)]],
    ids=["one side", "a unit out", "two currencies"],
)
def test_an_unbalanced_entry_is_refused(amounts: list[tuple[str, int]]) -> None:
    entry = Entry.objects.all()[0]
    with pytest.raises(IntegrityError, match="out of balance"):
        add_postings(*((entry.id, currency, amount) for currency, amount in amounts))


def test_a_posting_of_nothing_is_refused() -> None:
    with pytest.raises(IntegrityError, match="posting_is_not_zero"):
        add_postings((Entry.objects.all()[0].id, "EUR", 0))


def test_a_fact_is_posted_once() -> None:
    at_once = at("2026-02-02")
    sides = PostingDraft("revenue", 5, "EUR"), PostingDraft("credit_granted", -5, "EUR")
    entry = EntryDraft("balance", "balance", new_id(), None, at_once, at_once.date(), sides)
    with transaction.atomic():
        post_entries([entry])
    with pytest.raises(IntegrityError, match="one_entry_per_fact"), transaction.atomic():
        post_entries([entry])


def test_a_posting_belongs_to_an_entry() -> None:
    nobody = new_id()
    with pytest.raises(IntegrityError, match="foreign key"):
        add_postings((nobody, "EUR", 1), (nobody, "EUR", -1))
