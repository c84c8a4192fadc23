"""Flowglad's words for what the engine knows: its lists exactly as its page has them."""

import re
from collections.abc import Iterable, Mapping, Sequence

from subscriptions.domain.lifecycle import Status

CURRENCIES = tuple(
    (  # noqa: SIM905 - one word a line would be pages
        "USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF "
        "CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG "
        "HUF IDR ILS INR ISK JMD JPY KES KGS KHR KMF KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
        "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD "
        "SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX UYU UZS VND VUV WST XAF XCD XOF "
        "XPF YER ZAR ZMW "
    ).split()
)
"""Currencies that the page knows; what is in another is not shown."""

COUNTRIES = tuple(
    (  # noqa: SIM905 - one word a line would be pages
        "AF AL DZ AS AD AO AI AQ AG AR AM AW AU AT AZ BS BH BD BB BY BE BZ BJ BM BT BO BA BW BV BR IO BN BG BF BI "
        "KH CM CA CV KY CF TD CL CN CX CC CO KM CG CD CK CR CI HR CU CY CZ DK DJ DM DO EC EG SV GQ ER EE ET FK FO "
        "FJ FI FR GF PF TF GA GM GE DE GH GI GR GL GD GP GU GT GN GW GY HT HM VA HN HK HU IS IN ID IR IQ IE IL IT "
        "JM JP JO KZ KE KI KP KR KW KG LA LV LB LS LR LY LI LT LU ME MO MK MG MW MY MV ML MT MH MQ MR MU YT MX FM "
        "MD MC MN MS MA MZ MM NA NR NP NL NC NZ NI NE NG NU NF MP NO OM PK PW PS PA PG PY PE PH PN PL PT PR QA RE "
        "RO RU RW SH KN LC PM VC WS SM ST SA SN RS SC SL SG SK SI SB SO ZA GS ES LK SD SR SJ SZ SE CH SY TW TJ TZ "
        "TH TL TG TK TO TT TN TR TM TC TV UG UA AE GB US UM UY UZ VU VE VN VG VI WF EH YE ZM ZW "
    ).split()
)

INTERVALS = ("day", "week", "month", "year")
TAX_TYPES = (
    "amusement_tax",
    "communications_tax",
    "gst",
    "hst",
    "igst",
    "jct",
    "lease_tax",
    "pst",
    "qst",
    "rst",
    "sales_tax",
    "vat",
    "none",
)
SUBSCRIPTION_STATUSES = (
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "cancellation_scheduled",
    "incomplete",
    "incomplete_expired",
    "canceled",
    "paused",
)
INVOICE_STATUSES = (
    "draft",
    "open",
    "paid",
    "uncollectible",
    "void",
    "refunded",
    "partially_refunded",
    "awaiting_payment_confirmation",
)
PURCHASE_STATUSES = ("open", "pending", "failed", "paid", "refunded", "partial_refund", "fraudulent")
INVOICE_TYPES = ("purchase", "subscription", "standalone")
PRICE_TYPES = ("subscription", "single_payment", "usage")
PAYMENT_METHOD_TYPES = ("card", "us_bank_account", "sepa_debit")
CURRENT_STATUSES = frozenset({"active", "trialing", "past_due", "cancellation_scheduled"})
ERROR_CODES: Mapping[int, str] = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_SUPPORTED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    422: "UNPROCESSABLE_CONTENT",
    429: "TOO_MANY_REQUESTS",
    503: "SERVICE_UNAVAILABLE",
}

STATUS: Mapping[str, str] = {
    Status.INCOMPLETE: "incomplete",
    Status.TRIAL_ACTIVE: "trialing",
    Status.TRIAL_ENDED: "canceled",
    Status.ACTIVE: "active",
    Status.PENDING_CANCEL: "cancellation_scheduled",
    Status.OVERDUE_PAYMENT_OPEN: "past_due",
    Status.OVERDUE_PAYMENT_DISABLED: "unpaid",
    Status.PAUSED: "paused",
    Status.BLOCKED: "unpaid",
    Status.CANCELLED: "canceled",
}
"""A subscription's status (Neighbour shapes, section 2)."""

_GOODS_AND_SERVICES_TAX = frozenset({"AU", "CA", "IN", "NZ", "SG"})
_COUNTRY_TAX: Mapping[str, str] = {"US": "sales_tax", "JP": "jct", **dict.fromkeys(_GOODS_AND_SERVICES_TAX, "gst")}


def invoice_status(status: str, *, paid_minor: int, refunded_minor: int, is_pending: bool) -> str:
    """Return an invoice's status, its payments looked at: what was paid and given back, and whether one is on its way.

    >>> invoice_status("paid", paid_minor=1000, refunded_minor=400, is_pending=False)
    'partially_refunded'
    >>> invoice_status("open", paid_minor=0, refunded_minor=0, is_pending=True)
    'awaiting_payment_confirmation'
    """
    if is_pending and status in {"draft", "open"}:
        return "awaiting_payment_confirmation"
    if status == "paid" and refunded_minor:
        return "refunded" if refunded_minor >= paid_minor else "partially_refunded"
    return status


def purchase_status(status: str | None, *, failure: str | None) -> str:
    """Return a purchase's status from that of its first invoice, and why the last try to charge it failed.

    >>> purchase_status(None, failure=None), purchase_status("paid", failure=None)
    ('open', 'paid')
    >>> purchase_status("open", failure="fraud"), purchase_status("open", failure="lack_of_funds")
    ('fraudulent', 'failed')
    """
    if status == "awaiting_payment_confirmation":
        return "pending"
    if status == "partially_refunded":
        return "partial_refund"
    if status == "uncollectible":
        return "failed"
    if status == "open" and failure is not None:
        return "fraudulent" if failure == "fraud" else "failed"
    return status if status in {"paid", "refunded"} else "open"


def tax_type(names: Iterable[str], country: str, tax_minor: int) -> str:
    """Return the kind of a tax by the names of its parts, else by its country.

    >>> tax_type(["QST"], "CA", 100), tax_type(["Umsatzsteuer"], "DE", 100), tax_type([], "DE", 0)
    ('qst', 'vat', 'none')
    """
    if not tax_minor:
        return "none"
    for name in names:
        word = re.sub(r"\W+", "_", name.strip().lower())
        if word in TAX_TYPES:
            return word
    return _COUNTRY_TAX.get(country, "vat")


def slug_of(name: str) -> str:
    """Return a name in snake case.

    >>> slug_of("Rocket Fuel (90 %)")
    'rocket_fuel_90'
    """
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def unlike(slugs: Sequence[str]) -> list[str]:
    """Return texts so that no two are the same: a number goes behind each that stood before.

    >>> unlike(["a", "b", "a", "a_2"])
    ['a', 'b', 'a_2', 'a_2_2']
    """
    taken: set[str] = set()
    found = []
    for slug in slugs:
        number, own = 1, slug
        while own in taken:
            number += 1
            own = f"{slug}_{number}"
        taken.add(own)
        found.append(own)
    return found
