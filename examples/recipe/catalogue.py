"""What the example company sells: a price of every type, in four currencies and five rhythms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CURRENCIES = ("EUR", "USD", "GBP", "JPY")
Amounts = tuple[Any, Any, Any, Any]
"""One value per currency, in the order of CURRENCIES; money in minor units (the yen has none)."""

TAX_TYPES: list[dict[str, Any]] = [
    {"name": "Digital services", "default": True, "digital": True},
    {"name": "Services on site", "digital": False},
    {"name": "Books", "digital": False},
]
TAX_COUNTRIES: list[dict[str, Any]] = [
    # The one-stop-shop declares the other EU countries: there no country of its own collects.
    *({"country": code, "collecting": code == "DE"} for code in ("DE", "AT", "FR", "NL", "ES", "PL", "SE")),
    {"country": "GB", "collecting": True},
    {"country": "CH"},
    *({"country": code, "name": name} for code, name in (("US", "United States"), ("AE", "United Arab Emirates"))),
    {"country": "JP", "name": "Japan"},
]
TAX_STATES = [{"country": "US", "code": "WA", "name": "Washington", "collecting": True}]
TAX_RULES = [
    {"country": "US", "state": "WA", "tax_type": "Digital services", "rate": "6.5", "valid_from": "2020-01-01"},
    {"country": "DE", "tax_type": "Services on site", "rate": "19", "valid_from": "2021-01-01"},
    {"country": "DE", "tax_type": "Books", "rate": "7", "valid_from": "2020-07-01"},
    {"country": "GB", "tax_type": "Services on site", "rate": "20", "valid_from": "2011-01-04"},
]
PRODUCTS: list[dict[str, Any]] = [
    {"external_reference": "platform", "name": "Fernspiegel", "tax_type": "Digital services"},
    {"external_reference": "usage", "name": "Fernspiegel usage", "tax_type": "Digital services"},
    {"external_reference": "support", "name": "Guided support", "tax_type": "Digital services"},
    {"external_reference": "onboarding", "name": "Onboarding workshop", "tax_type": "Services on site"},
    {"external_reference": "handbook", "name": "The Fernspiegel handbook", "tax_type": "Books", "physical": True},
]
METRICS = [
    {
        "code": "api_requests",
        "name": "API requests",
        "aggregation": "sum",
        "filters": [{"name": "environment", "value": "production", "type": "inclusive"}],
    },
    {
        "code": "reports",
        "name": "Reports rendered",
        "aggregation": "count",
        "filters": [{"name": "kind", "value": "preview", "type": "exclusive"}],
    },
    {
        "code": "active_users",
        "name": "Active users",
        "aggregation": "unique_count",
        "aggregation_property": "user",
        "filters": [{"name": "role", "value": "guest", "type": "exclusive"}],
    },
    {"code": "storage", "name": "Storage, highest GB", "aggregation": "max"},
    {"code": "sources", "name": "Connected sources", "aggregation": "latest"},
    {"code": "checkout", "name": "Checkout volume", "aggregation": "sum"},
]
FEATURES = [
    {"code": "projects", "name": "Projects", "description": "How many products are watched"},
    {"code": "history-months", "name": "Months of history"},
    {"code": "alerts", "name": "Alerts", "description": "Tells the team when a figure leaves its band"},
    {"code": "single-sign-on", "name": "Single sign-on"},
    {"code": "audit-log", "name": "Audit log"},
]
VOUCHERS: list[dict[str, Any]] = [
    {"code": "WILLKOMMEN20", "name": "Welcome", "type": "percentage", "percent": "20", "duration": "once"},
    {
        "code": "SPRING10",
        "name": "Spring, three bills",
        "type": "percentage",
        "percent": "10",
        "duration": "repeating",
        "duration_count": 3,
    },
    {"code": "PARTNER15", "name": "Partners", "type": "percentage", "percent": "15", "duration": "forever"},
    {"code": "CREDIT25", "name": "Sorry for the outage", "type": "fixed_credit"},
    {
        "code": "MINUS5",
        "name": "Five off for teams",
        "type": "fixed_discount",
        "duration": "repeating",
        "duration_count": 2,
        "plans": ["team", "growth", "business"],
    },
]
VOUCHER_AMOUNTS: dict[str, Amounts] = {"CREDIT25": (2500, 2750, 2000, 4000), "MINUS5": (500, 550, 400, 800)}


@dataclass(frozen=True)
class Offer:
    """One price in every currency. `facts` are the same everywhere, `amounts` and `tiers` differ."""

    reference: str
    product: str
    facts: dict[str, Any]
    amounts: dict[str, Amounts]
    tiers: tuple[tuple[int, int | None, Amounts, Amounts], ...] = ()

    def prices(self) -> Iterator[dict[str, Any]]:
        """Yield the price in each currency."""
        for position, currency in enumerate(CURRENCIES):
            price = {
                "external_reference": price_reference(self.reference, currency),
                "product": self.product,
                "currency": currency,
                **self.facts,
                **{name: amounts[position] for name, amounts in self.amounts.items()},
            }
            if self.tiers:
                price["tiers"] = [
                    {
                        "first_unit": first,
                        "last_unit": last,
                        "unit_price": str(units[position]),
                        "flat_fee": str(flats[position]),
                    }
                    for first, last, units, flats in self.tiers
                ]
            yield price


def price_reference(reference: str, currency: str) -> str:
    """Return what a price in one currency is called."""
    return f"{reference}-{currency.lower()}"


def _usage(metric: str, type_: str, **facts: Any) -> dict[str, Any]:
    """Return what prices of usage have in common."""
    return {"type": type_, "metric": metric, "interval": "month", "billing_timing": "arrears", **facts}


MONTH = {"interval": "month"}
YEAR = {"interval": "year"}
QUARTER = {"interval": "month", "interval_count": 3}
NOTHING: Amounts = (0, 0, 0, 0)
OFFERS = (
    Offer("solo-month", "platform", {"type": "fixed_price", "including_tax": True, **MONTH},
          {"amount": (1900, 2100, 1700, 2900)}),
    Offer("solo-year", "platform", {"type": "fixed_price", "including_tax": True, **YEAR},
          {"amount": (19000, 21000, 17000, 29000)}),
    Offer("pulse-week", "platform", {"type": "fixed_price", "including_tax": True, "interval": "week"},
          {"amount": (690, 750, 590, 1100)}),
    Offer("community-month", "platform", {"type": "fixed_price", **MONTH}, {"amount": NOTHING}),
    Offer("team-month", "platform", {"type": "unit", **MONTH}, {"amount": (1200, 1300, 1000, 1900)}),
    Offer("growth-month", "platform", {"type": "tiered_graduated", **MONTH}, {}, tiers=(
        (1, 5, (2400, 2600, 2100, 3800), (4900, 5400, 4200, 7800)),
        (6, 20, (1900, 2100, 1600, 3000), NOTHING),
        (21, None, (1400, 1500, 1200, 2200), NOTHING),
    )),
    Offer("business-quarter", "platform", {"type": "tiered_volume", **QUARTER}, {}, tiers=(
        (1, 25, (6900, 7500, 5900, 11000), (30000, 33000, 26000, 48000)),
        (26, None, (5400, 5900, 4600, 8600), (15000, 16500, 13000, 24000)),
    )),
    Offer("enterprise-year", "platform", {"type": "fixed_price", **YEAR},
          {"amount": (2400000, 2600000, 2100000, 3800000)}),
    Offer("support-month", "support", {"type": "fixed_price", "billing_timing": "arrears", **MONTH},
          {"amount": (14900, 16500, 12900, 24000)}),
    Offer("onboarding", "onboarding", {"type": "one_off", "interval": "one_off"},
          {"amount": (180000, 195000, 155000, 290000)}),
    Offer("handbook", "handbook", {"type": "one_off", "interval": "one_off"}, {"amount": (3900, 4300, 3400, 6200)}),
    Offer("requests-month", "usage", _usage("api_requests", "unit"),
          {"unit_price": ("0.03", "0.035", "0.025", "0.05")}),
    Offer("requests-committed-month", "usage", _usage("api_requests", "unit"),
          {"unit_price": ("0.025", "0.0275", "0.021", "0.04"), "minimum_commitment": (50000, 55000, 43000, 80000)}),
    Offer("reports-month", "usage", _usage("reports", "package", units=25, free_units=10),
          {"amount": (450, 490, 390, 720)}),
    Offer("users-month", "usage", _usage("active_users", "tiered_graduated"), {}, tiers=(
        (1, 10, NOTHING, NOTHING),
        (11, 25, (120, 130, 100, 190), NOTHING),
        (26, None, (80, 88, 70, 130), NOTHING),
    )),
    Offer("storage-month", "usage", _usage("storage", "tiered_volume"), {}, tiers=(
        (1, 50, (12, 13, 10, 19), (200, 220, 170, 320)),
        (51, None, (9, 10, 8, 14), (200, 220, 170, 320)),
    )),
    Offer("sources-month", "usage", _usage("sources", "unit", metric_type="continuous"),
          {"amount": (700, 770, 600, 1100)}),
    Offer("checkout-month", "usage", _usage("checkout", "percentage", rate="0.9", free_events=3),
          {"fixed": (10, 11, 9, 16), "min": (500, 550, 430, 800), "max": (25000, 27500, 21500, 40000)}),
)  # fmt: skip
"""Price references without the currency; a price is `solo-month-eur`."""


def prices() -> list[dict[str, Any]]:
    """Return every price."""
    return [price for offer in OFFERS for price in offer.prices()]


def plans() -> list[dict[str, Any]]:
    """Return the plans, each with its own prices; what is used or added comes as a further price of a subscription."""
    return [
        _plan("community", "Community", "community-month", {"projects": 1}, free=True),
        _plan("solo", "Solo", "solo-month", "solo-year", {"projects": 3, "history-months": 12}),
        _plan("pulse", "Pulse", "pulse-week", {"projects": 1}),
        _plan("discovery", "Discovery", "solo-month", {"projects": 3},
              has_trial=True, is_trial_standalone=True, trial_length_days=21),
        _plan("team", "Team", "team-month", {"projects": 10, "history-months": 24},
              features=("alerts",), per_seat=True, has_trial=True, trial_length_days=14, user_count=25),
        _plan("growth", "Growth", "growth-month", {"projects": 30, "history-months": 36},
              features=("alerts", "audit-log"), per_seat=True, user_count=100),
        _plan("business", "Business", "business-quarter", {"projects": 100, "history-months": 60},
              features=("alerts", "audit-log", "single-sign-on"), per_seat=True, user_count=500),
        _plan("enterprise", "Enterprise", "enterprise-year",
              {"projects": 1000, "history-months": 120}, features=("alerts", "audit-log", "single-sign-on"),
              user_count=10_000, public=False),
    ]  # fmt: skip


def _plan(
    code: str, name: str, *references: str | dict[str, int], features: tuple[str, ...] = (), **facts: Any
) -> dict[str, Any]:
    """Return a plan; its references name prices without their currencies, the object its limits."""
    limits = next(reference for reference in references if isinstance(reference, dict))
    offered = [reference for reference in references if isinstance(reference, str)]
    return {
        "code_name": code,
        "name": name,
        "product": "platform",
        "prices": [price_reference(reference, currency) for reference in offered for currency in CURRENCIES],
        "features": list(features),
        "limits": [{"feature": feature, "limit": limit} for feature, limit in limits.items()],
        **facts,
    }


def vouchers() -> list[dict[str, Any]]:
    """Return the vouchers with their amounts per currency."""
    found = []
    for voucher in VOUCHERS:
        amounts = VOUCHER_AMOUNTS.get(str(voucher["code"]))
        listed = [] if amounts is None else list(zip(CURRENCIES, amounts, strict=True))
        found.append(
            voucher | ({"amounts": [{"currency": code, "amount": amount} for code, amount in listed]} if listed else {})
        )
    return found
