"""What an end with `full` gives back: worked by hand, with 19 % on top (Billing rules, section 5, Cancel)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.ending import PeriodRefund
from core.domain.schedule import Interval, IntervalUnit
from invoicing.domain.postings import CreditUsed
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import PriceTerms
from tests.histories import account, price, start
from tests.lives import Deed, Life, did, opened, punctual
from tests.standings import given_back


def per_seat(minor: int, every: IntervalUnit = "month") -> PriceTerms:
    return price(Rating(PriceType.UNIT, unit_price=Decimal(minor)), interval=Interval(every))


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}").replace(tzinfo=UTC)


SMALL, BIG, YEARLY = per_seat(3000), per_seat(4500), per_seat(30000, "year")


def lived(first: PriceTerms, *deeds: Deed, seats: int = 1, balance_minor: int = 0) -> Life:
    """Start on 1 June 2026, do the deeds in their turn, the last an end with `full`."""
    agreement = start([(first, seats)], at("06-01"), zone="UTC")
    life = opened(Life(agreement, account(balances={"EUR": balance_minor})))
    for deed in deeds:
        life = did(punctual(life, deed.at), deed)
    assert life.done[-1].word == "full"
    return punctual(life, at("12-01"))


def full(day: str, when: int = 0) -> Deed:
    """End at once (0), with the period (1) or after so many days."""
    return Deed(at(day), "cancel", number=when, word="full")


def to(price: PriceTerms, day: str) -> Deed:
    return Deed(at(day), "price", price)


def seats(number: int, day: str, word: str = "now") -> Deed:
    return Deed(at(day), "seats", number=number, word=word)


def totals(refunds: tuple[PeriodRefund, ...]) -> list[int]:
    return [one.total_minor for one in refunds]


CASES = {
    "at once": ([SMALL, full("06-16")], [3570]),
    "with the period": ([SMALL, full("06-16", 1)], [3570]),
    "only the running period": ([SMALL, full("07-11")], [3570]),
    "to 11 July 10 of 31 days were charged, 968 + 184": ([SMALL, full("06-16", 25)], [1152]),
    "3000, then -1500 + 2250": ([SMALL, to(BIG, "06-16"), full("06-21")], [3570, 893]),
    "4500 less a credit of 750 + 143": ([BIG, to(SMALL, "06-16"), full("06-21")], [4462]),
    "two seats for half": ([SMALL, seats(2, "06-16"), full("06-21")], [3570, 3570]),
    "two seats for 5 days, charged with the end": ([SMALL, seats(2, "06-16", ""), full("06-21")], [3570, 1190]),
    "June is an earlier period": ([SMALL, to(YEARLY, "06-08"), full("06-21")], [35700]),
    "and stays one": ([SMALL, to(YEARLY, "06-08"), full("11-02")], [35700]),
    "charged on a credit note": ([YEARLY, to(SMALL, "09-09"), full("09-12")], [3570]),
    "a pause moved its end to 16 July": (
        [SMALL, Deed(at("06-11"), "pause"), Deed(at("06-26"), "resume"), full("07-10")],
        [3570],
    ),
}


@pytest.mark.parametrize(("told", "wanted"), CASES.values(), ids=CASES)
def test_what_the_period_was_charged(told: list[Any], wanted: list[int]) -> None:
    life = lived(*told)
    assert totals(given_back(life)) == wanted
    assert totals(given_back(life, paid=True)) == wanted


def test_seats() -> None:
    """5 x 3000, and 3 x 3000 of which two went at half."""
    assert totals(given_back(lived(SMALL, full("06-16"), seats=5))) == [17850]
    assert totals(given_back(lived(SMALL, seats(-2, "06-16"), full("06-21"), seats=3))) == [7140]


def test_nothing_was_charged() -> None:
    assert given_back(lived(price(Rating(PriceType.UNIT, unit_price=Decimal(0))), full("06-16"))) == ()


def test_it_lowers_what_is_open() -> None:
    (refund,) = given_back(lived(SMALL, full("06-16")))
    assert (refund.used, refund.tax_minor) == (CreditUsed(3570, 0, 0), 570)
    (line, part) = refund.lines[0]
    assert (line.kind, line.quantity, part.net_minor, part.tax_minor) == ("recurring", 1, 3000, 570)


def test_what_was_paid_by_card_is_paid_out_and_what_the_balance_paid_returns() -> None:
    """1000 of 3570 came from the balance."""
    (refund,) = given_back(lived(SMALL, full("06-16"), balance_minor=1000), paid=True)
    assert refund.used == CreditUsed(0, 1000, 2570)


def test_what_a_change_gave_back_is_not_given_back_again() -> None:
    """893 of the 5355 lowered the open invoice; it asks for 4462, and for nothing after it."""
    (refund,) = given_back(lived(BIG, to(SMALL, "06-16"), full("06-21")))
    assert refund.used == CreditUsed(4462, 0, 0)
