"""An invoice in words: which days, which price, why (Architecture: every line explained)."""

import re
import string
from decimal import Decimal

import pytest

from billing.operations.balance import Adjustment, adjust_balance
from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.documents.explaining_words import SENTENCES, sentences_for
from invoicing.models import Invoice
from invoicing.queries.explaining import explain_invoice
from tests.cast import Company, at, make_company
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def explained(position: int = 0) -> tuple[list[list[str]], list[str]]:
    """Return the sentences of an invoice's lines and of its summary, the newest first."""
    invoice = Invoice.objects.select_related("brand").order_by("-id")[position]
    made = explain_invoice(invoice)
    return [[plain(text) for text in line.sentences] for line in made.lines], [plain(text) for text in made.summary]


def plain(text: str) -> str:
    """Return a text with plain spaces for the ones that do not break."""
    return re.sub("[\u00a0\u2009\u202f]", " ", text)


def test_a_prorated_charge_with_voucher_and_tax(company: Company) -> None:
    company.tax("DE", "19")
    price = company.price()
    alice = company.customer("Alice", locale="en")
    company.voucher(alice)
    adjust_balance(customer_id=alice.id, adjustment=Adjustment("credit", 100, "EUR"), now=at("2026-01-01"))
    plan = company.plan("Team", price)
    company.start(alice, plan, price, now=at("2026-04-16"), alignment="calendar")
    lines, summary = explained()
    assert lines == [
        [
            "Charged for Apr 16 – 30, 2026.",
            "1 × €30.00 = €30.00.",
            "Only 15 of 30 days of the period are charged, so that it comes to €15.00.",
            "Your voucher takes 50% off: €7.50.",
            "Tax: 19% on €7.50 is €1.43.",
            "Together €8.93.",
        ]
    ]
    assert summary == [
        "€7.50 without tax and €1.43 tax are €8.93.",
        "€1.00 was paid from your credit balance.",
        "€7.93 is due by May 16, 2026.",
    ]


def test_in_german(company: Company) -> None:
    company.tax("DE", "19")
    price = company.price(unit_price=1199, including_tax=True)
    company.start(company.customer("Alice", locale="de_DE"), company.plan("Team", price), price, now=at("2026-03-01"))
    lines, summary = explained()
    assert lines == [
        [
            "Berechnet für 1.–31. März 2026.",
            "1 × 11,99 € = 11,99 €.",
            "Der Preis enthält die Steuer: 19 %, das sind 1,91 € von 11,99 €.",
        ]
    ]
    assert summary[-1] == "11,99 € sind bis 31. März 2026 zu zahlen."


def test_tiers_seats_and_no_tax(company: Company) -> None:
    tiers = [
        {"first_unit": 1, "last_unit": 10, "unit_price": "1500", "flat_fee": "1000"},
        {"first_unit": 11, "last_unit": None, "unit_price": "1000", "flat_fee": "0"},
    ]
    price = company.price(type="tiered_graduated", tiers=tiers, unit_price=Decimal(0))
    plan = company.plan("Team", price, per_seat=True)
    subscription = company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"), seats=12)
    lines, _ = explained()
    assert lines[0][1:3] == [
        "This is tier 1 of the price, for units 1 to 10.",
        "10 × €15.00 and a flat fee of €10.00 = €160.00.",
    ]
    assert lines[1][1:3] == ["This is tier 2 of the price, from unit 11 on.", "2 × €10.00 = €20.00."]
    assert lines[0][3] == "No tax is charged. No tax is collected in DE."
    add_seats(subscription_id=subscription.id, seats=2, now=at("2026-01-16"))
    run("2026-02-01")
    lines, _ = explained()
    (seats,) = [line for line in lines if "seats were added" in line[0]]
    assert seats[:2] == [
        "2 seats were added; charged for Jan 16 – 31, 2026.",
        "Only 16 of 31 days of the period are charged, so that it comes to €10.32.",
    ]
    remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-02-15"))
    run("2026-03-01")
    lines, _ = explained()
    (seats,) = [line for line in lines if "seats were removed" in line[0]]
    assert seats[1] == "14 of 28 days of the period are credited, which comes to -€10.00."


def test_usage_tells_its_window_and_count(company: Company) -> None:
    metric = company.metric("calls")
    price = company.price(usage=True, metric=metric, type="unit", unit_price=Decimal("0.5"))
    plan = company.plan("Team", price)
    subscription = company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"))
    for number in range(3):
        UsageEvent.objects.create(
            subscription_id=subscription.id,
            event_id=f"event-{number}",
            metric_id=metric.id,
            value=Decimal(15),
            timestamp=at("2026-01-10"),
            received_at=at("2026-01-10"),
        )
    run("2026-02-01")
    lines, _ = explained()
    assert lines[0][:3] == [
        "Used from January 1, 2026 to February 1, 2026: 45, counted from 3 events.",
        "45 × €0.005 = €0.225.",
        "Rounded to €0.23.",
    ]


def test_every_language_fills_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = SENTENCES["en"]
    for language, sentences in SENTENCES.items():
        for name in english.__slots__:
            assert places(getattr(sentences, name)) == places(getattr(english, name)), (language, name)
    assert sentences_for("pt-BR") is english
    assert sentences_for("fr-CA") is SENTENCES["fr"]
