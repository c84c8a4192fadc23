"""A company small enough to read: the files of the loader's tests, and what became of them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps

from billing.loading.company import load_company
from billing.loading.progress import Silence
from billing.loading.report import Fate, Report
from billing.loading.surroundings import read_company
from tests.cast import at

NOW = at("2026-03-10 12:00")
CLOCK = {"name": "Test clock", "starts_at": "2026-01-31T09:30:00Z", "plays_to": "2026-04-05T00:00:00Z"}
PLAIN_TABLES = (
    "customers.Brand", "customers.Customer", "customers.PaymentMethod", "subscriptions.Product", "subscriptions.Price",
    "subscriptions.Plan", "subscriptions.Metric", "subscriptions.MetricFilter", "subscriptions.Feature",
    "subscriptions.Voucher", "subscriptions.VoucherRedemption", "subscriptions.Subscription", "subscriptions.ItemTerms",
    "invoicing.TaxCountry", "invoicing.TaxRule", "invoicing.TaxState", "invoicing.Invoice", "invoicing.InvoiceLine",
    "billing.Payment", "billing.PaymentAttempt", "billing.Receipt", "ledger.Entry", "ledger.Posting",
    "usage.UsageEvent", "core.OutboxEvent", "core.AuditEntry",
)  # fmt: skip

FILES: dict[str, str] = {
    "brands.csv": "code,name,country,tax_number,time_zone,logo\nacme,Acme GmbH,DE,DE136695976,Europe/Berlin,logo.svg\n",
    "logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "tax_types.csv": "name,default,digital\nServices,yes,yes\n",
    "tax_countries.csv": "country,collecting\nDE,yes\nFR,\nUS,\n",
    "tax_states.csv": "country,code,collecting\nUS,WA,yes\n",
    "tax_rules.csv": "country,state,tax_type,rate,valid_from\nUS,WA,Services,6.5,2020-01-01\n",
    "products.csv": "external_reference,name,tax_type\nplatform,Platform,Services\n",
    "metrics.json": json.dumps([{"code": "calls", "name": "Calls", "aggregation": "sum"}]),
    "prices.csv": (
        "external_reference,product,type,currency,amount,unit_price,interval,metric,tiers\n"
        "seat,platform,unit,EUR,1000,,month,,\n"
        "call,platform,unit,EUR,,0.03,month,calls,\n"
        'tiered,platform,tiered_volume,EUR,,,month,calls,"[{""first_unit"": 1, ""unit_price"": ""2""}]"\n'
    ),
    "features.csv": "code,name\nprojects,Projects\n",
    "plans.json": json.dumps(
        [
            {
                "code_name": "team",
                "name": "Team",
                "product": "platform",
                "prices": ["seat"],
                "per_seat": True,
                "features": ["projects"],
                "limits": [{"feature": "projects", "limit": 5}],
            }
        ]
    ),
    "vouchers.csv": "code,name,type,percent,duration\nTENTH,A tenth,percentage,10,once\n",
    "customers.csv": (
        "reference,email,name,brand,country,billing_type,city\n"
        "alice,alice@example.com,Alice,acme,DE,card,Köln\n"
        'bob,bob@example.com,"Bob, the second",acme,FR,invoice,Besançon\n'
    ),
    "cards.csv": "customer,token,at\nalice,tok_visa,\n",
    "redemptions.csv": "customer,code,at\nbob,tenth,\n",
    "subscriptions.csv": (
        "reference,customer,plan,price,items,seats\ns-alice,alice,team,seat,call,3\ns-bob,bob,team,seat,,1\n"
    ),
    "seat_changes.csv": "reference,subscription,change,seats\nmore,s-bob,added,2\n",
    "events.ndjson": (
        '{"event_id": "e1", "subscription": "s-alice", "code": "calls", "value": 1000, '
        '"timestamp": "2026-03-10T12:00:00Z"}\n'
        '{"event_id": "e2", "subscription": "s-alice", "code": "calls", "value": "0.5", '
        '"properties": {"region": "eu"}, "timestamp": "2026-03-10T12:00:01Z"}\n'
    ),
}

TIMED_FILES: dict[str, str] = {
    **FILES,
    "company.json": json.dumps({"name": "Acme", "clock": CLOCK}),
    "cards.csv": "customer,token,at\nalice,tok_declined_after_first,2026-01-31T09:30:00Z\n",
    "redemptions.csv": "customer,code,at\nbob,tenth,2026-02-02T08:00:00Z\n",
    "subscriptions.csv": (
        "reference,customer,plan,price,items,seats,start_at\n"
        "s-alice,alice,team,seat,call,3,2026-01-31T09:30:00Z\n"
        "s-bob,bob,team,seat,,1,2026-02-02T08:00:00Z\n"
    ),
    "seat_changes.csv": (
        "reference,subscription,change,seats,at\n"
        "more,s-bob,added,2,2026-02-10T10:00:00Z\n"
        "less,s-bob,removed,1,2026-03-05T10:00:00Z\n"
    ),
    "events.csv": (
        "event_id,subscription,code,value,timestamp,sent_at\n"
        "e1,s-alice,calls,10000,2026-02-01T00:00:00Z,\n"
        "e2,s-alice,calls,20000,2026-02-28T09:29:59Z,\n"
        "e3,s-alice,calls,40000,2026-02-28T09:30:00Z,\n"
        "late,s-alice,calls,5000,2026-02-15T00:00:00Z,2026-03-03T00:00:00Z\n"
    ),
}
del TIMED_FILES["events.ndjson"]


def write_files(folder: Path, files: dict[str, str | bytes] | dict[str, str]) -> Path:
    """Write files into a folder and return it."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def load(folder: Path, *, now: datetime = NOW, play: bool = False, progress: Any = None) -> Report:
    """Load a folder and return what became of its rows."""
    report = Report(lambda row: None)
    load_company(read_company(folder), report, progress or Silence(), now=now, play=play)
    return report


def bad_rows(report: Report) -> list[str]:
    """Return the bad rows as lines."""
    return [f"{row.place}: {row.reason}" for row in report.bad]


def count_rows() -> dict[str, int]:
    """Return how many rows each table has."""
    return {name: apps.get_model(name).objects.count() for name in PLAIN_TABLES}


def loaded(report: Report) -> dict[str, int]:
    """Return how many rows of each kind were loaded."""
    return {table: tally[Fate.LOADED] for table, tally in report.counts.items() if Fate.LOADED in tally}
