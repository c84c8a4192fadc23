"""Every filter and the order of every list is answered by an index, however large the table."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import ForeignKey, Model
from django.test.utils import CaptureQueriesContext

from billing.models import BillingRun, MassChange, Payment, PaymentAttempt, Refund
from core.clock import wall_now
from core.identifiers import new_id
from customers.models import Customer, PaymentMethod
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, Quote
from ledger.models import Entry, Posting
from subscriptions.models import Plan, Price, Product, Subscription, Voucher, VoucherRedemption
from tests.api.client import ROOT, Caller
from tests.api.document import document
from tests.api.world import World
from usage.models import UsageLimit

ROWS = 5_000
# A list that walks over rows without an index for their condition must find at least this part of them fitting.
FITTING = 0.05
# What may grow with the company, in an order in which each stands after those it refers to.
LARGE: tuple[type[Model], ...] = (
    Customer, PaymentMethod, Product, Price, Plan, Subscription, Voucher, VoucherRedemption, UsageLimit, Invoice,
    InvoiceLine, CreditNote, CreditNoteLine, Payment, PaymentAttempt, Refund, Quote, Entry, Posting, BillingRun,
    MassChange,
)  # fmt: skip
# A few dozen rows, whoever the company is.
SMALL = {
    "/api-key", "/brand", "/feature", "/metric", "/number-series", "/tax/country", "/tax/country/{country_id}/rule",
    "/tax/country/{country_id}/state", "/tax/state/{state_id}/rule", "/tax/type", "/test-clock",
}  # fmt: skip
# By subscription, metric and time (tests/api/test_events_usage.py).
TOLD = {"name", "email", "company_name", "reference", "external_reference", "code", "code_name"}
OWN_ORDER = {"/events"}


def test_no_list_reads_or_sorts_a_whole_table(api: Caller) -> None:
    world = World(api)
    api.post(f"/customer/{world.ids['customer_id']}/voucher", {"code": "HALF"}, 202)
    enlarge()
    faults, asked = [], 0
    for path, query in requests(world):
        with CaptureQueriesContext(connection) as captured:
            response = api.call("GET", path + query)
        assert response.status_code == 200, response.content
        asked += 1
        for statement in [one["sql"] for one in captured.captured_queries if one["sql"].startswith("SELECT")]:
            faults += [f"{path}{query}: {fault}\n{statement}" for fault in faults_of(statement)]
    assert asked > 80
    assert faults == [], "\n".join(faults)


def enlarge() -> None:
    """Copy one row of each large table thousands of times: same values, but ids, what is unique, and who it is."""
    names = {model: model._meta.db_table for model in LARGE}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in LARGE:
            columns = {field.column: f"one.{connection.ops.quote_name(field.column)}" for field in _fields(model)}
            columns |= {field.column: expression for field in _fields(model) if (expression := _made(model, field))}
            listed = ", ".join(map(connection.ops.quote_name, columns))
            cursor.execute(
                f"INSERT INTO {names[model]} ({listed}) SELECT {', '.join(columns.values())}"  # noqa: S608
                f" FROM (SELECT * FROM {names[model]} LIMIT 1) one, generate_series(1, {ROWS}) n"
            )
            assert cursor.rowcount == ROWS, names[model]
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(
            "SELECT relname, amname FROM pg_class JOIN pg_am ON pg_am.oid = relam"
            " WHERE relkind = 'i' AND amname IN ('gin', 'brin')"
        )
        for index, kind in cursor.fetchall():
            tidy = "gin_clean_pending_list" if kind == "gin" else "brin_summarize_new_values"
            cursor.execute(f"SELECT {tidy}(%s::regclass)", [index])
        cursor.execute(f"ANALYZE {', '.join(names.values())}")


def _fields(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.generated]


def _unique(model: type[Model], field: Any) -> bool:
    together = [set(getattr(one, "fields", ())) for one in model._meta.constraints if getattr(one, "fields", ())]
    return field.unique or any(field.name in names for names in together)


def _id(model: type[Model]) -> str:
    return f"md5('{model._meta.db_table}' || n)::uuid"


def _made(model: type[Model], field: Any) -> str | None:
    """Return the expression of a column whose copies differ, or None."""
    kind = field.get_internal_type()
    if field.primary_key:
        return _id(model) if kind == "UUIDField" else f"1000000 + n + {ROWS * LARGE.index(model)}"
    if isinstance(field, ForeignKey):
        is_copied = field.related_model in LARGE and field.related_model is not model
        return _id(field.related_model) if is_copied else None
    texts = {"CharField", "SlugField"}
    is_unique_text = (
        kind in texts and not field.choices and _unique(model, field) and field.name not in {"kind", "tier"}
    )
    if field.name in TOLD or is_unique_text:
        return f"left(md5('{field.column}' || n) || '-' || n, {field.max_length})"
    by_name = {
        "created_at": f"one.{field.column} - ({ROWS} - n) * interval '1 hour'",
        "accounting_date": f"one.{field.column} - ({ROWS} - n)",
        "object_id": "md5('object' || n)::uuid",
        "sequence": "1000 + n",
        "revision": "1000 + n",
    }
    return by_name.get(field.name)


def requests(world: World) -> Iterator[tuple[str, str]]:
    """Yield each list with no filter, with a page's key, and with each filter in turn."""
    for template, item in document()["paths"].items():
        below = template.removeprefix(ROOT)
        parameters = {one["name"]: one for one in item.get("get", {}).get("parameters", ()) if one["in"] == "query"}
        if not template.startswith(ROOT) or "limit" not in parameters or below in SMALL | OWN_ORDER:
            continue
        path = re.sub(r"{(\w+)}", lambda found: world.ids[found[1]], below)
        yield path, ""
        yield path, f"?last_key={new_id()}"
        for name in sorted(set(parameters) - {"limit", "last_key"}):
            for value in values_of(name, parameters[name]["schema"]):
                yield path, f"?{name}={value}"


def values_of(name: str, schema: dict[str, Any]) -> list[str]:
    """Return values that fit few or no rows, and every word of a choice."""
    if "enum" in schema:
        return [word for word in schema["enum"] if word]
    if name.endswith(("_from", "_to")):
        edge = wall_now() - timedelta(hours=3 if name.endswith("_from") else ROWS - 3)
        return [str(edge.date() if name.startswith("date") else edge.strftime("%Y-%m-%dT%H:%M:%SZ"))]
    if schema.get("format") == "uuid":
        return [str(Customer.objects.order_by("email")[0].id)]
    return {"country": ["NZ"], "kind": ["recognition", "invoice"]}.get(name, ["abcdef-77"])


def faults_of(statement: str) -> list[str]:
    """Return what a statement's plan does that takes longer the larger the table is."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement.replace("%", "%%"), [])
        plan = cursor.fetchone()[0]
    large = {model._meta.db_table for model in LARGE}
    [top] = plan if isinstance(plan, list) else json.loads(plan)
    return [fault for node in _nodes(top["Plan"]) if (fault := _fault(node, large))]


@cache
def partial_indexes() -> set[str]:
    """Return the indexes that hold some rows only: what they leave out is a condition too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        return {name for (name,) in cursor.fetchall()}


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _fault(node: dict[str, Any], large: set[str]) -> str | None:
    kind, table, rows = node["Node Type"], node.get("Relation Name"), node["Plan Rows"]
    if kind == "Seq Scan" and table in large:
        return f"reads all of {table}"
    is_walk = kind.startswith("Index") and "Index Cond" not in node and "Filter" in node
    if is_walk and table in large and node["Index Name"] not in partial_indexes():
        return f"walks {table} for {node['Filter']}" if rows < ROWS * FITTING else None
    if kind in {"Sort", "Hash", "Materialize"} and max(one["Plan Rows"] for one in node["Plans"]) > ROWS / 10:
        return f"{kind} of {node['Plans'][0]['Plan Rows']} rows"
    return None
