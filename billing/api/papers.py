"""What manual invoices and quotes take: plans with seats, and items with an amount of their own."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from billing.api.inputs import MOST_SEATS, SEAT_SPELLINGS
from core.api.fields import AmountField, CurrencyField, FlagField, TextField, WholeNumberField
from core.api.serializers import InputSerializer
from invoicing.operations.requested_lines import ItemWanted, PaperWanted, PlanWanted
from subscriptions.api.inputs import plan_reference, price_reference, tax_type_reference

MOST_LINES = 100


class PlanLineInput(InputSerializer):
    """A plan's price, with its seats."""

    aliases = {**SEAT_SPELLINGS, "subscription_plan": "plan"}

    plan = plan_reference(help_text="Id or code name.")
    price = price_reference()
    seat_number = WholeNumberField(min_value=1, max_value=MOST_SEATS, required=False)


class ItemLineInput(InputSerializer):
    """An item with an amount of its own; minor units."""

    aliases = {"including_tax": "include_tax"}

    description = TextField(max_length=400)
    amount = AmountField(min_value=1)
    currency = CurrencyField()
    include_tax = FlagField(required=False, help_text="Whether the amount includes tax; without it, it does not.")
    tax_type = tax_type_reference(required=False, help_text="Without it the default one.")


class PaperInput(InputSerializer):
    """What shall be charged."""

    subscriptions = serializers.ListField(child=PlanLineInput(), required=False, max_length=MOST_LINES)
    items = serializers.ListField(child=ItemLineInput(), required=False, max_length=MOST_LINES)


def paper_wanted(values: Mapping[str, Any]) -> PaperWanted:
    """Return validated input as operations take it."""
    return PaperWanted(
        plans=tuple(
            PlanWanted(line["plan"].id, line["price"].id, line.get("seat_number", 1))
            for line in values.get("subscriptions", ())
        ),
        items=tuple(
            ItemWanted(
                description=item["description"],
                amount_minor=item["amount"],
                currency=item["currency"],
                including_tax=item.get("include_tax", False),
                tax_type_id=item["tax_type"].id if "tax_type" in item else None,
            )
            for item in values.get("items", ())
        ),
    )
