"""The sandbox's test cards: what each token stands for (docs/sandbox-cards.md lists them)."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from billing.domain.payments import FailureReason
from billing.providers.base import CardFacts, TokenRefused

TOKEN_PREFIX = "tok_"  # noqa: S105 - what public test tokens begin with
_EXPIRY = re.compile(r"(?P<name>\w+)_exp_(?P<month>0[1-9]|1[0-2])(?P<year>\d\d)", re.ASCII)


class Behaviour(StrEnum):
    """What happens when a card is charged."""

    PAYS = "pays"
    DECLINES = "declines"
    PAYS_ONCE = "pays_once"
    ASKS_CUSTOMER = "asks_customer"
    LOSES_ANSWER = "loses_answer"
    LOSES_REQUEST = "loses_request"
    UNREACHABLE = "unreachable"
    PENDS = "pends"
    PENDS_THEN_DECLINES = "pends_then_declines"


class Refunding(StrEnum):
    """What happens when a charge of a card is refunded."""

    ISSUES = "issues"
    REJECTS = "rejects"
    PENDS = "pends"
    PENDS_THEN_REJECTS = "pends_then_rejects"
    LOSES_ANSWER = "loses_answer"
    LOSES_REQUEST = "loses_request"


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card with a fixed behaviour. `reason` is why it declines, when it does."""

    __test__ = False

    brand: str
    last_four: str
    behaviour: Behaviour = Behaviour.PAYS
    reason: FailureReason = FailureReason.GENERAL_DECLINE
    message: str = "The card was declined."
    expiry_month: int = 12
    expiry_year: int = 2049
    country: str = "US"
    refunding: Refunding = Refunding.ISSUES


def _declining(last_four: str, reason: FailureReason, message: str) -> TestCard:
    return TestCard("visa", last_four, Behaviour.DECLINES, reason, message)


CARDS: dict[str, TestCard] = {
    "visa": TestCard("visa", "4242"),
    "mastercard": TestCard("mastercard", "4444"),
    "amex": TestCard("amex", "0005"),
    "declined": _declining("0002", FailureReason.GENERAL_DECLINE, "The card was declined."),
    "lack_of_funds": _declining("9995", FailureReason.LACK_OF_FUNDS, "The card has insufficient funds."),
    "expired": replace(
        _declining("0069", FailureReason.EXPIRED_CARD, "The card has expired."), expiry_month=1, expiry_year=2020
    ),
    "fraud": _declining("0019", FailureReason.FRAUD, "The payment was blocked as fraudulent."),
    "invalid_card": _declining("0101", FailureReason.INVALID_CARD, "The card does not support this purchase."),
    "invalid_details": _declining("0127", FailureReason.INVALID_DETAILS, "The security code is wrong."),
    "contact_provider": _declining("0200", FailureReason.CONTACT_PROVIDER, "The bank asks the cardholder to call."),
    "authentication_required": TestCard(
        "visa", "3184", Behaviour.ASKS_CUSTOMER, FailureReason.AUTHENTICATION_REQUIRED, "The bank asks the cardholder."
    ),
    "declined_after_first": TestCard("visa", "0341", Behaviour.PAYS_ONCE),
    "timeout": TestCard("visa", "0408", Behaviour.LOSES_ANSWER),
    "timeout_lost": TestCard("visa", "0409", Behaviour.LOSES_REQUEST),
    "unavailable": TestCard("visa", "0503", Behaviour.UNREACHABLE),
    "pending": TestCard("visa", "0202", Behaviour.PENDS),
    "pending_declined": TestCard("visa", "0203", Behaviour.PENDS_THEN_DECLINES),
    "refund_rejected": TestCard("visa", "7001", refunding=Refunding.REJECTS),
    "refund_pending": TestCard("visa", "7002", refunding=Refunding.PENDS),
    "refund_pending_rejected": TestCard("visa", "7003", refunding=Refunding.PENDS_THEN_REJECTS),
    "refund_timeout": TestCard("visa", "7004", refunding=Refunding.LOSES_ANSWER),
    "refund_timeout_lost": TestCard("visa", "7005", refunding=Refunding.LOSES_REQUEST),
}
"""By name: the token is `tok_` and the name."""

REFUSED_TOKENS = {"tok_invalid": "The card number is not valid."}
"""Tokens that no customer can be given."""

NUMBERS = {
    "4242424242424242": "visa",
    "5555555555554444": "mastercard",
    "378282246310005": "amex",
    "4000000000000002": "declined",
    "4000000000009995": "lack_of_funds",
    "4000000000000069": "expired",
    "4000000000000019": "fraud",
    "4000000000000101": "invalid_card",
    "4000000000000127": "invalid_details",
    "4000000000003184": "authentication_required",
    "4000000000000341": "declined_after_first",
}
"""The public test numbers that stand for cards by name; they belong to nobody."""

UNKNOWN_CARD = TestCard(
    "", "", Behaviour.DECLINES, FailureReason.INVALID_DETAILS, "The provider does not know this card."
)


def card_facts(token: str, unique: str) -> CardFacts:
    """Return the card that a token stands for, under a reference that names its behaviour.

    `tok_visa_exp_0327` is tok_visa expiring in March 2027. Raises TokenRefused for `tok_invalid` and unknown tokens.

    >>> facts = card_facts("tok_visa_exp_0327", "7f")
    >>> facts.reference, facts.last_four, facts.expiry_month, facts.expiry_year
    ('card_visa_7f', '4242', 3, 2027)
    """
    if token in REFUSED_TOKENS:
        raise TokenRefused(REFUSED_TOKENS[token])
    name = token.removeprefix(TOKEN_PREFIX)
    dated = _EXPIRY.fullmatch(name)
    card = CARDS.get(dated["name"] if dated else name)
    if card is None or not token.startswith(TOKEN_PREFIX):
        raise TokenRefused("The token is unknown.")
    if dated:
        name = dated["name"]
        card = replace(card, expiry_month=int(dated["month"]), expiry_year=2000 + int(dated["year"]))
    return CardFacts(
        reference=f"card_{name}_{unique}",
        brand=card.brand,
        last_four=card.last_four,
        expiry_month=card.expiry_month,
        expiry_year=card.expiry_year,
        country=card.country,
    )


def token_of_number(number: str, expiry_month: int, expiry_year: int) -> str:
    """Return the token of a public test number that expires in a month of 2000 to 2099.

    Raises TokenRefused for any other number, without repeating it.

    >>> token_of_number("4242 4242 4242 4242", 3, 2027)
    'tok_visa_exp_0327'
    """
    name = NUMBERS.get(re.sub(r"[ -]", "", number))
    if name is None:
        raise TokenRefused("It is no test number of the sandbox.")
    if not 2000 <= expiry_year <= 2099:  # noqa: PLR2004 - two digits of a year
        raise TokenRefused("The year of expiry is none of this century.")
    return f"{TOKEN_PREFIX}{name}_exp_{expiry_month:02d}{expiry_year % 100:02d}"


def card_of(reference: str) -> TestCard:
    """Return the card that a reference names; a reference of another provider declines.

    >>> card_of("card_lack_of_funds_7f").reason
    <FailureReason.LACK_OF_FUNDS: 'lack_of_funds'>
    """
    name, _, unique = reference.removeprefix("card_").rpartition("_")
    if not reference.startswith("card_") or not unique:
        return UNKNOWN_CARD
    return CARDS.get(name, UNKNOWN_CARD)
