"""A folder of files becomes a company: once, whatever is wrong with single rows."""

import json
from pathlib import Path
from typing import Any

import pytest

from billing.loading.progress import Silence
from billing.loading.report import Fate
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Invalid
from core.models import TestClock
from customers.models import Brand, Customer, PaymentMethod
from invoicing.models import Invoice, InvoiceLine, TaxRule
from subscriptions.models import ItemTerms, Plan, Price, Subscription, VoucherRedemption
from tests.books import assert_books_balance
from tests.cast import at
from tests.loading_cast import CLOCK, FILES, NOW, TIMED_FILES, bad_rows, count_rows, load, loaded, write_files
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db

LOADED = {
    "brands": 1, "tax_types": 1, "tax_countries": 3, "tax_states": 1, "tax_rules": 1, "products": 1, "metrics": 1,
    "prices": 3, "features": 1, "plans": 1, "vouchers": 1, "customers": 2, "cards": 1, "redemptions": 1,
    "subscriptions": 2, "seat_changes": 1, "events": 2,
}  # fmt: skip


def test_every_kind_of_file_is_loaded(tmp_path: Path) -> None:
    report = load(write_files(tmp_path, FILES))
    assert bad_rows(report) == []
    assert loaded(report) == LOADED
    assert Brand.objects.get().logo_type == "image/svg+xml"
    assert Price.objects.get(external_reference="tiered").tiers[0]["unit_price"] == "2"
    assert Plan.objects.get().limits.get().limit == 5
    # The standard rates that ship with us, one of them over since 2021; and the one of the files.
    assert set(TaxRule.objects.filter(country__code="DE").values_list("rate", flat=True)) == {16, 19}
    assert TaxRule.objects.get(country__code="US").state is not None
    bob = Customer.objects.get(reference="bob")
    assert (bob.name, bob.city, bob.test_clock) == ("Bob, the second", "Besançon", None)
    assert ItemTerms.objects.filter(item__subscription__customer=bob).order_by("-version")[0].quantity == 3
    assert Invoice.objects.filter(customer=bob).get().discount_total_minor == 100
    assert Invoice.objects.get(customer__reference="alice").status == "paid"
    assert_books_balance()


def test_a_second_load_stores_nothing(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    load(folder)
    before = count_rows()
    report = load(folder)
    assert bad_rows(report) == []
    assert loaded(report) == {}
    assert report.number_of(Fate.KNOWN) == 24
    assert count_rows() == before


def test_rows_added_later_are_loaded(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    load(folder)
    more = FILES["customers.csv"] + "carl,carl@example.com,Carl,acme,DE,invoice,Bonn\n"
    report = load(write_files(folder, {"customers.csv": more, "customers-2.csv": more.replace("carl", "dora")}))
    assert loaded(report) == {"customers": 2}
    # The second file repeats the first one's customers: named, not stored twice.
    assert bad_rows(report) == [
        f"customers.csv:{line}: reference {name} stands already in customers-2.csv:{line}"
        for line, name in ((2, "alice"), (3, "bob"))
    ]


def _event(event_id: str, **fields: Any) -> str:
    """Return an event of Alice's as a line."""
    return json.dumps({"event_id": event_id, "subscription": "s-alice", "code": "calls", **fields}) + "\n"


BROKEN: dict[str, tuple[str, list[str]]] = {
    "brands.csv": (
        "code,name,country,logo,colour\n"
        "acme,Acme GmbH,DE,,\n"
        "nowhere,Nowhere,ZZ,,\n"
        "faceless,Faceless,DE,missing.svg,\n"
        "escaped,Escaped,DE,../logo.svg,\n"
        "bright,Bright,DE,,blue\n",
        [
            "brands.csv:3: country: must be an upper-case ISO 3166-1 code of two letters",
            "brands.csv:4: logo: cannot be read: No such file or directory",
            "brands.csv:5: logo: must be a file beside this one: .svg, .png, .jpg",
            "brands.csv:6: colour: must be a colour such as #14304f",
        ],
    ),
    "tax_rules.csv": (
        "country,state,tax_type,rate,valid_from\n"
        "US,WA,Services,6.5,2020-01-01\n"
        "US,WA,Services,7,2019-01-01\n"
        "US,OR,Services,7,2020-01-01\n"
        "FR,,Services,120,1 January\n"
        "FR,,Goods,20,2020-01-01\n",
        [
            "tax_rules.csv:3: valid_from: 7 % from 2019-01-01 meets 6.500000 % from 2020-01-01",
            "tax_rules.csv:4: state: no state of US is known by 'OR'",
            "tax_rules.csv:5: rate: must be at most 100; valid_from: must be a day such as 2026-01-31",
            "tax_rules.csv:6: tax_type: no tax type is known by 'Goods'",
        ],
    ),
    "prices.csv": (
        "external_reference,product,type,currency,amount,interval,metric,tiers\n"
        "seat,platform,unit,EUR,1000,month,,\n"
        "call,platform,unit,EUR,1,month,calls,\n"
        "nothing,nowhere,unit,EUR,1000,month,,\n"
        "odd,platform,unit,Euro,ten,month,,\n"
        "silent,platform,unit,EUR,1,month,whispers,\n"
        'gap,platform,tiered_volume,EUR,,month,calls,"[{""first_unit"": 2, ""unit_price"": 1}]"\n'
        "seat,platform,unit,EUR,2000,month,,\n"
        'torn,platform,tiered_volume,EUR,,month,calls,"[{"\n',
        [
            "prices.csv:4: product: no product is known by 'nowhere'",
            "prices.csv:5: amount: must be a whole number; "
            "currency: must be an upper-case ISO 4217 code of a currency in use",
            "prices.csv:6: metric: no metric is known by 'whispers'",
            "prices.csv:7: tiers: tier 1 must start at 1, not 2",
            "prices.csv:8: external_reference seat stands already in prices.csv:2",
            "prices.csv:9: tiers is no JSON: Expecting property name enclosed in double quotes (column 3)",
        ],
    ),
    "plans.json": (
        json.dumps(
            [
                {"code_name": "team", "name": "Team", "product": "platform", "prices": ["seat"], "per_seat": True},
                {"code_name": "none", "name": "None", "product": "platform", "prices": ["unknown"]},
                {"code_name": "trial", "name": "T", "product": "platform", "prices": ["seat"], "has_trial": True},
                {"code_name": "typo", "nmae": "T", "product": "platform", "prices": ["seat"]},
            ]
        ).replace("}, {", "},\n{"),
        [
            "plans.json:2: prices.0: no price is known by 'unknown'",
            "plans.json:3: trial_length_days: is required for a plan with a trial",
            "plans.json:4: nmae: is not a field of this request; name: is required",
        ],
    ),
    "vouchers.csv": (
        "code,name,type,percent\nTENTH,A tenth,percentage,10\ntenth,Again,percentage,10\nALL,All,percentage,101\n",
        [
            "vouchers.csv:3: code tenth stands already in vouchers.csv:2",
            "vouchers.csv:4: percent: must be at most 100",
        ],
    ),
    "customers.csv": (
        "reference,email,name,brand,country,billing_type,standard_tax_rate\n"
        "alice,alice@example.com,Alice,acme,DE,card,\n"
        "bob,bob@example.com,Bob,acme,FR,invoice,\n"
        "carl,not an address,Carl,acme,Germany,cash,much\n"
        "dora,dora@example.com,Dora,other,DE,card,\n"
        "alice,alice@example.com,Alice again,acme,DE,card,\n"
        ",eve@example.com,Eve,acme,DE,card,\n",
        [
            "customers.csv:4: email: must be an e-mail address; standard_tax_rate: must be a decimal number; "
            "billing_type: must be one of: card, invoice; "
            "country: must be an upper-case ISO 3166-1 code of two letters",
            "customers.csv:5: brand: no brand is known by 'other'",
            "customers.csv:6: reference alice stands already in customers.csv:2",
            "customers.csv:7: reference: is required",
        ],
    ),
    "cards.csv": (
        "customer,token\nalice,tok_visa\nbob,tok_unheard_of\nnobody,tok_visa\nalice,tok_visa\n",
        [
            "cards.csv:3: token: The token is unknown.",
            "cards.csv:4: customer: no customer is known by 'nobody'",
            "cards.csv:5: customer alice and token tok_visa stands already in cards.csv:2",
        ],
    ),
    "redemptions.csv": (
        "customer,code,at\nbob,TENTH,\nbob,LOST,\nbob,TENTH,2026-03-11T00:00:00Z\nbob,SOON,tomorrow\n",
        [
            "redemptions.csv:3: code: no voucher has this code",
            "redemptions.csv:5: at: must be an instant such as 2026-01-31T10:17:00+00:00",
            "redemptions.csv:4: customer bob and code TENTH stands already in redemptions.csv:2",
        ],
    ),
    "subscriptions.csv": (
        "reference,customer,plan,price,items,seats,start_at\n"
        "s-alice,alice,team,seat,call,3,\n"
        "s-bob,bob,team,seat,,1,\n"
        "s-1,nobody,unheard-of,seat,,1,\n"
        "s-2,bob,team,call,,1,\n"
        "s-3,bob,team,seat,gone|call,0,\n"
        "s-4,bob,team,seat,,1,2026-03-11T00:00:00Z\n"
        's-5,bob,team,seat,"[{""price"": ""call"", ""quantity"": 0}]",1,\n',
        [
            "subscriptions.csv:4: customer: no customer is known by 'nobody'; plan: no plan is known by 'unheard-of'",
            "subscriptions.csv:5: price: It does not belong to this plan.",
            "subscriptions.csv:6: items.0: no price is known by 'gone'; seats: must be at least 1",
            "subscriptions.csv:8: items.0: must be at least 1",
            "subscriptions.csv:7: start_date: A subscription starts now or earlier.",
        ],
    ),
    "seat_changes.csv": (
        "reference,subscription,change,seats\nmore,s-bob,added,2\nless,s-bob,removed,3\nlost,s-0,added,1\n"
        "odd,s-bob,doubled,1\n",
        [
            "seat_changes.csv:3: seats: 3 seats would become 0; it stays between 1 and 1000000.",
            "seat_changes.csv:4: subscription: no subscription is known by 's-0'",
            "seat_changes.csv:5: change: must be one of: added, removed",
        ],
    ),
    "events.ndjson": (
        _event("e1", value=1)
        + _event("e1", value=2)
        + _event("e1", value=1)
        + _event("e2", value=1, subscription="s-nobody")
        + _event("e3", value=1, code="shouts")
        + _event("e4", value="much", timestamp="2026-03-10")
        + _event("e5", value=1, timestamp="2026-03-11T00:00:00Z")
        + _event("e6", value=1, timestamp="2026-03-01T00:00:00Z")
        + _event("e7", vaule=1)
        + '{"event_id": "e8", "subscription":\n'
        + _event("e9", value=float("nan")),
        [
            "events.ndjson:4: subscription: no subscription is known by 's-nobody'",
            "events.ndjson:6: value: must be a decimal number; timestamp: must be an instant with its offset, "
            "such as 2026-01-31T10:17:00+00:00",
            "events.ndjson:9: vaule: is not a field of this request; value: is required",
            "events.ndjson:10: is no JSON: Expecting value (column 1)",
            "events.ndjson:11: is no JSON: NaN is no number",
            "events.ndjson:2: event_id: was used for an event with other content",
            "events.ndjson:5: code: no metric has this code",
            "events.ndjson:7: timestamp: lies more than 5 minutes ahead",
            "events.ndjson:8: timestamp: lies outside the life of the subscription",
        ],
    ),
}


@pytest.mark.parametrize("file", BROKEN)
def test_bad_rows_are_told_and_the_others_loaded(tmp_path: Path, file: str) -> None:
    content, reasons = BROKEN[file]
    report = load(write_files(tmp_path, {**FILES, file: content}))
    assert bad_rows(report) == reasons
    table = file.partition(".")[0]
    good = len(content.splitlines()) - len(reasons) - (0 if file.endswith("json") else 1)
    if file == "plans.json":
        good = 1
    assert report.counts[table][Fate.LOADED] + report.counts[table].get(Fate.KNOWN, 0) == good
    others = {name: number for name, number in LOADED.items() if name != table}
    assert {name: number for name, number in loaded(report).items() if name != table} == others
    assert_books_balance()


def test_every_file_broken_at_once(tmp_path: Path) -> None:
    files = {**FILES, **{name: content for name, (content, _) in BROKEN.items()}}
    report = load(write_files(tmp_path, files))
    expected = [reason for _, reasons in BROKEN.values() for reason in reasons]
    assert sorted(bad_rows(report)) == sorted(expected)
    assert Subscription.objects.count() == 2
    assert UsageEvent.objects.count() == 1


def test_a_misspelt_file_is_told(tmp_path: Path) -> None:
    report = load(write_files(tmp_path, {**FILES, "custommers.csv": "reference\n", "notes.txt": "anything"}))
    (reason,) = bad_rows(report)
    assert reason.startswith("custommers.csv: is no file that is known here; known are: brands, tax_types")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (reason,) = bad_rows(load(tmp_path))
    assert "holds no file that is known here" in reason


def test_a_declined_card_is_no_bad_row(tmp_path: Path) -> None:
    report = load(write_files(tmp_path, {**FILES, "cards.csv": "customer,token\nalice,tok_lack_of_funds\n"}))
    assert [str(row.place) for row in report.declined] == ["subscriptions.csv:2"]
    assert report.declined[0].reason == "The card has insufficient funds."
    assert not Subscription.objects.filter(customer__reference="alice").exists()
    # What followed from the start that never was.
    assert bad_rows(report) == [
        f"events.ndjson:{line}: subscription: no subscription is known by 's-alice'" for line in (1, 2)
    ]


def test_a_card_that_replaces_another_becomes_the_default(tmp_path: Path) -> None:
    cards = "customer,token,default\nalice,tok_visa,\nalice,tok_mastercard_exp_0429,yes\nbob,tok_amex,no\n"
    folder = write_files(tmp_path, {**FILES, "cards.csv": cards})
    load(folder)
    assert load(folder).counts["cards"] == {Fate.KNOWN: 3}
    defaults = PaymentMethod.objects.filter(is_default=True).order_by("customer__reference")
    assert list(defaults.values_list("brand", flat=True)) == ["mastercard", "amex"]


def test_a_broken_company_file_stops_everything(tmp_path: Path) -> None:
    for content in (
        "{",
        '{"name": 3}',
        json.dumps({"name": "Acme", "clock": {**CLOCK, "plays_to": CLOCK["starts_at"]}}),
    ):
        with pytest.raises(Invalid):
            load(write_files(tmp_path, {**FILES, "company.json": content}))
    assert Customer.objects.count() == 0


# --- On a test clock ------------------------------------------------------------------------------------------------


def test_rows_ahead_of_the_clock_wait(tmp_path: Path) -> None:
    report = load(write_files(tmp_path, TIMED_FILES))
    assert bad_rows(report) == []
    assert loaded(report)["subscriptions"] == 1
    waiting = {table: tally.get(Fate.WAITING, 0) for table, tally in report.counts.items()}
    assert (waiting["subscriptions"], waiting["redemptions"], waiting["seat_changes"], waiting["events"]) == (
        1,
        1,
        2,
        4,
    )
    assert Customer.objects.exclude(test_clock=TestClock.objects.get()).count() == 0


def played() -> list[tuple[Any, ...]]:
    """Return every invoice line of the small company."""
    return list(
        InvoiceLine.objects.order_by("invoice__sequence", "position").values_list(
            "invoice__customer__reference", "invoice__issue_date", "kind", "quantity", "amount_minor", "net_minor"
        )
    )


def shown(lines: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return lines as they are easiest to read."""
    return [
        (who, f"{day:%m-%d}", kind, float(quantity), amount, net) for who, day, kind, quantity, amount, net in lines
    ]


WHOLE_PLAY = [
    ("alice", "01-31", "recurring", 3.0, 3000, 3000),
    ("bob", "02-02", "recurring", 1.0, 1000, 900),
    # e1 and e2: the second is a second before the boundary, and so stored before it was billed.
    ("alice", "02-28", "recurring", 3.0, 3000, 3000),
    ("alice", "02-28", "usage", 30000.0, 900, 900),
    # Two seats more for 20 of 28 days.
    ("bob", "03-02", "seats", 2.0, 1429, 1429),
    ("bob", "03-02", "recurring", 3.0, 3000, 3000),
    # The late event on the next invoice, as a correction of the period it belongs to.
    ("alice", "03-31", "recurring", 3.0, 3000, 3000),
    ("alice", "03-31", "usage", 5000.0, 150, 150),
    ("alice", "03-31", "usage", 40000.0, 1200, 1200),
    ("bob", "04-02", "seats", -1.0, -903, -903),
    ("bob", "04-02", "recurring", 2.0, 2000, 2000),
]


def test_a_played_company_is_billed_as_time_would_have(tmp_path: Path) -> None:
    folder = write_files(tmp_path, TIMED_FILES)
    report = load(folder, play=True)
    assert bad_rows(report) == []
    assert shown(played()) == WHOLE_PLAY
    clock = TestClock.objects.get()
    assert (clock.now_at.isoformat(), clock.status) == ("2026-04-05T00:00:00+00:00", "ready")
    # Alice's card pays once and declines then; Bob is sent invoices.
    statuses = Invoice.objects.order_by("customer__reference", "sequence").values_list("status", flat=True)
    assert list(statuses) == ["paid", "open", "open", "open", "open", "open"]
    before = count_rows()
    again = load(folder, play=True)
    assert (bad_rows(again), loaded(again), count_rows()) == ([], {}, before)


class Interrupted(Silence):
    """Stop a load after so many steps, as Ctrl-C would."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, count: int, note: str = "") -> None:
        """Count down."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", [0, 16, 20, 24])
def test_a_play_that_is_cut_off_goes_on_where_it_was(tmp_path: Path, steps: int) -> None:
    folder = write_files(tmp_path, TIMED_FILES)
    with pytest.raises(KeyboardInterrupt):
        load(folder, play=True, progress=Interrupted(steps))
    report = load(folder, play=True)
    assert bad_rows(report) == []
    assert shown(played()) == WHOLE_PLAY
    assert VoucherRedemption.objects.count() == 1
    assert_books_balance()


def test_a_declined_start_is_not_tried_again_by_a_second_load(tmp_path: Path) -> None:
    cards = (
        "customer,token,at,default\nalice,tok_expired,2026-01-31T09:30:00Z,\nalice,tok_visa,2026-02-03T08:00:00Z,yes\n"
    )
    again = "s-alice-again,alice,team,seat,,3,2026-02-03T08:00:00Z\n"
    folder = write_files(
        tmp_path,
        {
            **TIMED_FILES,
            "cards.csv": cards,
            "subscriptions.csv": TIMED_FILES["subscriptions.csv"] + again,
            "events.csv": "event_id,subscription,code,value,timestamp\n",
        },
    )
    report = load(folder, play=True)
    assert [str(row.place) for row in report.declined] == ["subscriptions.csv:2"]
    assert report.declined[0].reason == "The card has expired."
    references = Subscription.objects.filter(customer__reference="alice").values_list("metadata__reference", flat=True)
    assert list(references) == ["s-alice-again"]
    before = count_rows()
    assert load(folder, play=True).number_of(Fate.DECLINED) == 0
    assert count_rows() == before


def test_an_event_without_a_moment_cannot_be_played(tmp_path: Path) -> None:
    events = (
        "event_id,subscription,code,value,timestamp\ne1,s-alice,calls,1,\ne2,s-alice,calls,1,2026-02-01T00:00:00Z\n"
    )
    report = load(write_files(tmp_path, {**TIMED_FILES, "events.csv": events}), play=True)
    (reason,) = bad_rows(report)
    assert reason.startswith("events.csv:2: timestamp: on a clock it is required")
    assert UsageEvent.objects.count() == 1


def test_what_is_loaded_in_real_time_waits_for_nobody(tmp_path: Path) -> None:
    load(write_files(tmp_path, FILES))
    subscription = Subscription.objects.get(customer__reference="alice")
    assert subscription.started_at == NOW
    assert subscription.metadata == {"reference": "s-alice"}


def test_who_moves_in_is_not_billed_again_for_what_was_billed_elsewhere(tmp_path: Path) -> None:
    moved = (
        "reference,customer,plan,price,seats,start_at,bill_from_at\n"
        "s-bob,bob,team,seat,4,2025-03-31T09:00:00Z,2026-03-31T09:00:00Z\n"
    )
    files = {**FILES, "subscriptions.csv": moved, "seat_changes.csv": "reference,subscription,change,seats\n"}
    del files["events.ndjson"]
    assert bad_rows(load(write_files(tmp_path, files))) == []
    assert not Invoice.objects.exists()
    for moment in ("2026-03-31 09:00", "2026-04-30 09:00"):
        run_billing(Scope(as_of=at(moment), now=at(moment)))
    lines = InvoiceLine.objects.order_by("period_start").values_list("period_start", "amount_minor")
    # The renewal day stays the 31st, in Berlin's time.
    assert list(lines) == [(at("2026-03-31 09:00"), 4000), (at("2026-04-30 09:00"), 4000)]
