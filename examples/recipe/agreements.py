"""What the customers agreed to, and what they changed: subscriptions, cards, vouchers, seats."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from examples.recipe.catalogue import price_reference
from examples.recipe.customers import Person

STARTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
ENDS_AT = datetime(2026, 4, 1, tzinfo=UTC)
# Business is done at two moments of a day: one that is day in Europe and America, one that is day in Asia.
HOURS = {"Europe": time(15, 5), "Atlantic": time(15, 5), "America": time(15, 5), "Asia": time(2, 30)}
MONTH_END_STARTS = 14
FEBRUARY_STARTS = 14
MARCH_STARTS = 6
CARDS = ("tok_visa",) * 6 + ("tok_mastercard",) * 3 + ("tok_amex",)
EXPIRING = ("tok_visa_exp_0326", "tok_mastercard_exp_0426", "tok_visa_exp_0526")
RENEWAL_DECLINED = "tok_declined_after_first"
RENEWAL_DECLINES = 8
START_DECLINES = ("tok_lack_of_funds", "tok_expired")
PER_SEAT = frozenset({"team", "growth", "business"})
FEWEST_SEATS_TO_REMOVE = 5
SHRINKING_TEAMS = 3
MOST_KEPT = 11
SEATS_LEFT = 2
CARDLESS_TRIALS = 2


@dataclass
class Agreed:
    """A subscription's row, with what the rest of the recipe asks of it."""

    row: dict[str, Any]
    person: Person
    plan: str
    start_at: datetime
    seats: int = 1
    usage: tuple[str, ...] = ()


@dataclass
class Agreements:
    """Everything agreed, by file."""

    agreed: list[Agreed] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    redemptions: list[dict[str, Any]] = field(default_factory=list)
    seat_changes: list[dict[str, Any]] = field(default_factory=list)


def text_of(moment: datetime) -> str:
    """Return a moment as the files hold it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def happens(chance: random.Random, percent: int) -> bool:
    """Tell whether something happens that does in so many cases of a hundred."""
    return chance.randrange(100) < percent


def draw(chance: random.Random, weights: dict[str, int]) -> str:
    """Return one of some words, each as often as its weight says."""
    return chance.choice([word for word, weight in weights.items() for _ in range(weight)])


def make_agreements(chance: random.Random, people: list[Person]) -> Agreements:
    """Return what two hundred customers agreed to in three months."""
    made = Agreements()
    for person, start_day in zip(people, _start_days(chance, len(people)), strict=True):
        _subscribe(chance, person, start_day, made)
    _break_cards(chance, made)
    _give_vouchers(chance, made)
    _change_seats(chance, made)
    made.cards.sort(key=lambda row: (row["at"], row["customer"]))
    made.redemptions.sort(key=lambda row: (row["at"], row["customer"]))
    return made


def _start_days(chance: random.Random, count: int) -> list[datetime]:
    """Return a day for each customer: most in January, a crowd on its last days, some later."""
    january = count - MONTH_END_STARTS - FEBRUARY_STARTS - MARCH_STARTS
    days = [STARTS_AT + timedelta(days=chance.randrange(28)) for _ in range(january)]
    days += [STARTS_AT + timedelta(days=(30, 30, 29, 28)[number % 4]) for number in range(MONTH_END_STARTS)]
    days += [STARTS_AT + timedelta(days=31 + chance.randrange(26)) for _ in range(FEBRUARY_STARTS)]
    days += [STARTS_AT + timedelta(days=60 + chance.randrange(20)) for _ in range(MARCH_STARTS)]
    chance.shuffle(days)
    return days


def _moment(person: Person, day: datetime) -> datetime:
    """Return when business is done with a customer on a day."""
    continent = str(person.row["time_zone"]).split("/", maxsplit=1)[0]
    return datetime.combine(day.date(), HOURS[continent], UTC)


def _subscribe(chance: random.Random, person: Person, day: datetime, made: Agreements) -> None:
    """Let a customer start its subscription, and a few a second one a little later."""
    start_at = _moment(person, day)
    currency = person.country.currency
    choose = _business_plan if person.is_business else _private_plan
    plan, price, items, facts, seats, usage = choose(chance, person)
    row = {
        "reference": f"s-{person.reference[2:]}",
        "customer": person.reference,
        "plan": plan,
        "price": price_reference(price, currency),
        "items": "|".join(price_reference(item, currency) for item in items),
        "seats": seats if seats > 1 else "",
        "start_at": text_of(start_at),
        "trial": facts.get("trial", ""),
        "alignment": facts.get("alignment", ""),
        "billing_day": facts.get("billing_day", ""),
    }
    made.agreed.append(Agreed(row, person, plan, start_at, seats, usage))
    if plan == "team" and happens(chance, 20):
        # For the boss alone, on the same bills.
        second = {**row, "reference": f"{row['reference']}-solo", "plan": "solo", "items": "", "seats": "", "trial": ""}
        second["price"] = price_reference("solo-month", currency)
        made.agreed.append(Agreed(second, person, "solo", start_at))
    if person.pays_by_card and plan != "community":
        token = chance.choice(EXPIRING if happens(chance, 4) else CARDS)
        made.cards.append({"customer": person.reference, "token": token, "at": text_of(start_at)})


Chosen = tuple[str, str, tuple[str, ...], dict[str, Any], int, tuple[str, ...]]
"""Plan, price, further prices, facts of the row, seats, metrics that will be used."""


def _private_plan(chance: random.Random, person: Person) -> Chosen:
    """Return what a person at home takes."""
    price = draw(chance, {"community-month": 8, "discovery": 12, "pulse-week": 10, "solo-year": 15, "solo-month": 55})
    if price == "discovery":
        return "discovery", "solo-month", (), {}, 1, ()
    with_book = price.startswith("solo") and person.country.code == "DE" and happens(chance, 40)
    return price.split("-", maxsplit=1)[0], price, ("handbook",) if with_book else (), {}, 1, ()


def _business_plan(chance: random.Random, person: Person) -> Chosen:
    """Return what a company takes."""
    items: tuple[str, ...] = ()
    usage: tuple[str, ...] = ()
    price = draw(chance, {"team-month": 38, "growth-month": 36, "business-quarter": 16, "enterprise-year": 10})
    if price == "team-month":
        trial = "" if happens(chance, 60) else "no"
        if happens(chance, 60):
            items, usage = ("requests-month",), ("api_requests",)
        return "team", price, items, {"trial": trial}, chance.randrange(2, 26), usage
    if price == "growth-month":
        items = ("reports-month", "users-month", "storage-month")
        if happens(chance, 35):
            items += ("support-month",)
        facts = {"alignment": "calendar", "billing_day": 1} if happens(chance, 20) else {}
        return "growth", price, items, facts, chance.randrange(3, 40), ("reports", "active_users", "storage")
    if price == "business-quarter":
        items = ("requests-month", "sources-month", "checkout-month")
        return "business", price, items, {}, chance.randrange(8, 70), ("api_requests", "sources", "checkout")
    items = ("requests-committed-month", "storage-month")
    # Workshops are held where the example has tax rules for them.
    if person.country.code in {"DE", "GB"}:
        items += ("onboarding",)
    return "enterprise", price, items, {"alignment": "calendar"}, 1, ("api_requests", "storage")


def _break_cards(chance: random.Random, made: Agreements) -> None:
    """Give some customers a card that fails: at the first charge, at renewals, or no card at a trial's end."""
    by_customer = {row["customer"]: row for row in made.cards}
    paid_at_once = [
        agreed
        for agreed in _alone(made)
        if agreed.person.reference in by_customer
        and (agreed.plan in {"solo", "growth"} or (agreed.plan == "team" and agreed.row["trial"] == "no"))
        and agreed.start_at.month == 1
    ]
    chosen = chance.sample(paid_at_once, RENEWAL_DECLINES + len(START_DECLINES))
    for agreed in chosen[:RENEWAL_DECLINES]:
        by_customer[agreed.person.reference]["token"] = RENEWAL_DECLINED
    # Two of them bring another card, which pays what comes after.
    for agreed in chosen[:2]:
        later = agreed.start_at + timedelta(days=40)
        made.cards.append(
            {"customer": agreed.person.reference, "token": "tok_visa", "at": text_of(later), "default": "yes"}
        )
    for agreed, token in zip(chosen[RENEWAL_DECLINES:], START_DECLINES, strict=True):
        _start_again(agreed, by_customer[agreed.person.reference], token, made)
    trials = [agreed for agreed in _alone(made) if agreed.plan == "team" and agreed.row["trial"] == ""]
    cardless = [agreed for agreed in trials if agreed.person.reference in by_customer and agreed.start_at.month == 1]
    for agreed in chance.sample(cardless, CARDLESS_TRIALS):
        made.cards.remove(by_customer[agreed.person.reference])
        agreed.seats, agreed.usage = 1, ()


def _alone(made: Agreements) -> list[Agreed]:
    """Return the subscriptions whose customers have no other."""
    owners = [agreed.person.reference for agreed in made.agreed]
    return [agreed for agreed in made.agreed if owners.count(agreed.person.reference) == 1]


def _start_again(agreed: Agreed, card: dict[str, Any], token: str, made: Agreements) -> None:
    """Let a first charge be declined, and the customer come back two days later with another card."""
    card["token"] = token
    again_at = agreed.start_at + timedelta(days=2)
    made.cards.append({"customer": card["customer"], "token": "tok_visa", "at": text_of(again_at), "default": "yes"})
    again = {**agreed.row, "reference": f"{agreed.row['reference']}-again", "start_at": text_of(again_at)}
    made.agreed.append(Agreed(again, agreed.person, agreed.plan, again_at, agreed.seats, agreed.usage))
    agreed.usage = ()
    agreed.seats = 1


def _give_vouchers(chance: random.Random, made: Agreements) -> None:
    """Let some customers redeem a voucher, most with their start, some between two bills."""
    weights = {"WILLKOMMEN20": 5, "SPRING10": 4, "PARTNER15": 2, "CREDIT25": 3, "MINUS5": 3}
    takers = [agreed for agreed in made.agreed if agreed.plan != "community" and happens(chance, 24)]
    for agreed in takers:
        code = draw(chance, weights)
        if code == "MINUS5" and (agreed.plan not in PER_SEAT or agreed.seats == 1):
            code = "CREDIT25"
        at = agreed.start_at
        if code in {"CREDIT25", "MINUS5"}:
            at = min(at + timedelta(days=chance.randrange(3, 30)), ENDS_AT - timedelta(days=2))
        made.redemptions.append({"customer": agreed.person.reference, "code": code, "at": text_of(at)})


def _change_seats(chance: random.Random, made: Agreements) -> None:
    """Let teams grow, and now and then shrink; never before a trial has ended."""
    teams = [agreed for agreed in made.agreed if agreed.plan in PER_SEAT and agreed.seats > 1]
    large = [
        agreed for agreed in _alone(made) if agreed.plan == "team" and agreed.row["trial"] and agreed.seats > MOST_KEPT
    ]
    shrinking = large[:SHRINKING_TEAMS]
    for agreed in teams:
        if agreed in shrinking:
            made.seat_changes.append(_shrink(agreed))
        if agreed in shrinking or not happens(chance, 75):
            continue
        at = agreed.start_at + timedelta(days=chance.randrange(20, 28))
        seats = agreed.seats
        while at < ENDS_AT - timedelta(days=1):
            removes = seats >= FEWEST_SEATS_TO_REMOVE and happens(chance, 25)
            count = chance.randrange(1, 3 if removes else 6)
            seats += -count if removes else count
            change = "removed" if removes else "added"
            row = {"subscription": agreed.row["reference"], "change": change, "seats": count, "at": text_of(at)}
            made.seat_changes.append(row)
            at += timedelta(days=chance.randrange(9, 45))
    made.seat_changes.sort(key=lambda row: (row["at"], row["subscription"]))
    made.seat_changes = [
        {"reference": f"seats-{number:03}", **row} for number, row in enumerate(made.seat_changes, start=1)
    ]


def _shrink(agreed: Agreed) -> dict[str, Any]:
    """Return the change of a team that keeps few of the seats it has just paid for: its next bill is a credit note."""
    at = agreed.start_at + timedelta(days=1)
    count = agreed.seats - SEATS_LEFT
    return {"subscription": agreed.row["reference"], "change": "removed", "seats": count, "at": text_of(at)}
