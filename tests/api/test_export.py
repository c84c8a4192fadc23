"""GET `/export/{table}`: every table of the business as CSV, streamed."""

import csv
import io
import itertools
import re
import tracemalloc

from django.db import connection, transaction

from billing.queries.exports import TABLES, columns_of, stream_csv
from core.models import AuditEntry
from customers.models import Customer
from tests.api.client import Caller
from tests.api.conftest import Shop

SECRET = re.compile(r"hash|password|secret|token|pepper")


def export(api: Caller, table: str) -> list[dict[str, str]]:
    """Export a table, and return its rows by name of column."""
    response = api.call("GET", f"/export/{table}")
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert response["Content-Disposition"] == f'attachment; filename="{table}.csv"'
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_what_is_stored_comes_out_as_it_is(api: Caller, shop: Shop) -> None:
    name = 'Zoë "Z", Ltd\nsecond line'
    alice, bob = shop.customer("alice", name=name, metadata={"a": [1]}), shop.customer("bob")
    rows = export(api, "customer")
    assert [row["id"] for row in rows] == [alice, bob]
    assert (rows[0]["name"], rows[0]["metadata"], rows[1]["name"]) == (name, '{"a": [1]}', "")
    assert set(rows[0]) == set(columns_of("customer"))
    price = shop.price(shop.product(), amount=2_900)
    [found] = export(api, "price")
    assert (found["id"], float(found["unit_price"])) == (price, 2_900)


def test_every_table_has_a_file_and_no_secret_a_column(db: None) -> None:
    for table in TABLES:
        head, *_ = b"".join(stream_csv(table)).decode().split("\n")
        assert head == ",".join(columns_of(table))
        assert not [column for column in columns_of(table) if SECRET.search(column)]


def test_who_exported_what_is_kept(api: Caller) -> None:
    export(api, "brand")
    entry = AuditEntry.objects.get(action="table.exported")
    assert (entry.after, entry.actor_id, entry.actor_kind) == ({"table": "brand"}, api.api_key_id, "api_key")
    head = api.call("HEAD", "/export/brand")
    assert (head.status_code, head["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert AuditEntry.objects.filter(action="table.exported").count() == 1


def test_only_admins_export_and_only_what_there_is(api: Caller) -> None:
    for table in ("api-key", "staff-user", "customers_customer", "x"):
        assert api.call("GET", f"/export/{table}").status_code == 404
    assert set(api.errors("GET", "/export/customer?format=parquet")) == {"format"}
    for scope in ("read", "write"):
        assert Caller(scope).call("GET", "/export/customer").status_code == 403
    assert not AuditEntry.objects.filter(action="table.exported").exists()


def test_memory_holds_a_piece_and_not_the_table(api: Caller, shop: Shop) -> None:
    """40 000 rows are some 8 MB; whoever reads slowly is not read ahead of, whoever stops reading stops it."""
    shop.customer("alice")
    columns = [column for column in columns_of("customer") if column != "id"]
    quoted = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_customer (id, {quoted}) SELECT gen_random_uuid(), {quoted} FROM customers_customer,"  # noqa: S608
            " generate_series(1, 40000)"
        )
    tracemalloc.start()
    try:
        length = sum(map(len, stream_csv("customer")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length > 5_000_000
    assert peak < 1_000_000
    with transaction.atomic():
        begun = stream_csv("customer")
        assert len(list(itertools.islice(begun, 2))) == 2
        del begun
        transaction.set_rollback(True)
    assert Customer.objects.count() == 40_001
