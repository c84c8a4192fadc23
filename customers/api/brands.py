"""Brands: the sellers as their customers see them."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from stdnum import bic, iban

from core.api.fields import (
    CountryField,
    CurrencyField,
    EmailField,
    FlagField,
    IdField,
    InstantField,
    LocaleField,
    SlugField,
    TextField,
    TimeZoneField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from customers import operations, queries
from customers.api.serializers import AddressAnswer, AddressInput
from customers.domain import announcement_policy
from customers.domain.dunning_policy import LONGEST_DAYS, MOST_STEPS
from customers.models import Brand

LONGEST_TERMS_DAYS = 365
LONGEST_GRACE_DAYS = 35
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class DunningAnswer(AnswerSerializer):
    """What a brand does about money that does not come."""

    nullable = frozenset({"disable_after_days"})

    retry_days = serializers.ListField(child=WholeNumberField(), source="dunning_retry_days")
    final_action = WordField(Brand.DunningAction.choices, source="dunning_final_action")
    reminder_days = serializers.ListField(child=WholeNumberField(), source="overdue_reminder_days")
    disable_after_days = WholeNumberField(source="overdue_disable_days", help_text="null: never.")


class DunningInput(InputSerializer):
    """What a brand does about money that does not come; parts not sent stay. A process keeps what it began with."""

    retry_days = serializers.ListField(
        child=WholeNumberField(max_value=LONGEST_DAYS),
        source="dunning_retry_days",
        required=False,
        max_length=MOST_STEPS,
    )
    final_action = WordField(Brand.DunningAction.choices, source="dunning_final_action", required=False)
    reminder_days = serializers.ListField(
        child=WholeNumberField(max_value=LONGEST_DAYS),
        source="overdue_reminder_days",
        required=False,
        max_length=MOST_STEPS,
    )
    disable_after_days = WholeNumberField(
        max_value=LONGEST_DAYS, source="overdue_disable_days", required=False, allow_null=True
    )


class AnnouncementsAnswer(AnswerSerializer):
    """What a brand announces before it happens."""

    trial_days = WholeNumberField(source="announce_trial_days", help_text="0: not announced.")
    renewal_days = WholeNumberField(
        source="announce_renewal_days", help_text="Of renewals for a year or longer; 0: not announced."
    )
    expiring_cards = FlagField(source="announce_expiring_cards")


class AnnouncementsInput(InputSerializer):
    """What a brand announces before it happens; parts not sent stay. What was announced is not announced again."""

    trial_days = WholeNumberField(
        max_value=announcement_policy.LONGEST_DAYS, source="announce_trial_days", required=False
    )
    renewal_days = WholeNumberField(
        max_value=announcement_policy.LONGEST_DAYS, source="announce_renewal_days", required=False
    )
    expiring_cards = FlagField(source="announce_expiring_cards", required=False)


class BrandAnswer(AnswerSerializer):
    """A seller."""

    always = frozenset({"code", "name", "tax_point"})

    id = IdField()
    code = TextField()
    name = TextField()
    legal_name = TextField()
    address = AddressAnswer(source="*")
    email = TextField()
    tax_number = TextField()
    vat_registered = FlagField()
    tax_registrations = serializers.ListField(child=TextField())
    one_stop_shop = FlagField()
    tax_point = WordField(Brand.TaxPoint.choices)
    export = WordField(Brand.Export.choices)
    time_zone = TextField()
    locale = TextField()
    currency = TextField()
    payment_terms_days = WholeNumberField()
    group = WordField(Brand.Group.choices, source="invoice_group")
    grace_days = WholeNumberField()
    dunning = DunningAnswer(source="*")
    announcements = AnnouncementsAnswer(source="*")
    colour = TextField()
    accent_colour = TextField()
    footer = TextField()
    payment_instructions = TextField()
    iban = TextField()
    bic = TextField()
    created_at = InstantField()


class BrandInput(InputSerializer):
    """What a brand can be told to be."""

    answered = frozenset({"id", "created_at"})

    code = SlugField(max_length=60)
    name = TextField(max_length=200)
    legal_name = TextField(max_length=200, required=False, allow_blank=True)
    address = AddressInput(required=False)
    email = EmailField(required=False, allow_blank=True)
    tax_number = TextField(max_length=40, required=False, allow_blank=True)
    vat_registered = FlagField(required=False)
    tax_registrations = serializers.ListField(child=CountryField(), required=False, max_length=250)
    one_stop_shop = FlagField(required=False)
    tax_point = WordField(Brand.TaxPoint.choices, required=False)
    export = WordField(Brand.Export.choices, required=False)
    time_zone = TimeZoneField(required=False)
    locale = LocaleField(required=False)
    currency = CurrencyField(required=False)
    payment_terms_days = WholeNumberField(max_value=LONGEST_TERMS_DAYS, required=False)
    group = WordField(Brand.Group.choices, required=False, source="invoice_group")
    grace_days = WholeNumberField(max_value=LONGEST_GRACE_DAYS, required=False)
    dunning = DunningInput(required=False)
    announcements = AnnouncementsInput(required=False)
    colour = TextField(max_length=7, required=False)
    accent_colour = TextField(max_length=7, required=False)
    footer = TextField(max_length=2000, required=False, allow_blank=True)
    payment_instructions = TextField(max_length=2000, required=False, allow_blank=True)
    iban = TextField(max_length=42, required=False, allow_blank=True)
    bic = TextField(max_length=11, required=False, allow_blank=True)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return colours and bank details that are none, and what a brand's address cannot hold."""
        faults: dict[str, str] = {}
        for name in ("colour", "accent_colour"):
            if name in values and not _COLOUR.fullmatch(values[name]):
                faults[name] = "must be a colour such as #1f3a5f"
        if values.get("iban") and not iban.is_valid(values["iban"]):
            faults["iban"] = "must be an IBAN; its check digits do not pass"
        if values.get("bic") and not bic.is_valid(values["bic"]):
            faults["bic"] = "must be a BIC of 8 or 11 characters"
        if values.get("address", {}).get("company_name"):
            faults["address.company_name"] = "is the brand's legal_name"
        return faults


def brand_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return validated input by column name."""
    facts = dict(values)
    facts |= {part: text for part, text in facts.pop("address", {}).items() if part != "company_name"}
    facts |= facts.pop("dunning", {})
    facts |= facts.pop("announcements", {})
    if facts.get("iban"):
        facts["iban"] = iban.compact(facts["iban"])
    return facts


class BrandList(ApiView):
    """`/brand`."""

    parameters = {"GET": ListParameters}

    @describe("List brands", gives=BrandAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_brands(), BrandAnswer)

    @describe(
        "Create a brand",
        takes=BrandInput,
        gives=BrandAnswer,
        status=201,
        errors=(409,),
        request_example={"code": "acme", "name": "Acme", "address": {"country": "DE"}, "time_zone": "Europe/Berlin"},
    )
    def post(self, request: Request) -> HttpResponse:
        """Customers name it by its code."""
        facts = brand_facts(self.read(BrandInput))
        brand = operations.create_brand(facts, actor=self.actor, now=self.now)
        return answer_created(BrandAnswer, brand, "brand")


class BrandDetail(ApiView):
    """`/brand/{id}`."""

    @describe("Read a brand", gives=BrandAnswer)
    def get(self, request: Request, brand_id: uuid.UUID) -> HttpResponse:
        """One brand."""
        return answer_json(BrandAnswer().to_representation(queries.get_brand(brand_id)))

    @describe("Change a brand", takes=BrandInput, changes=True, gives=BrandAnswer)
    def put(self, request: Request, brand_id: uuid.UUID) -> HttpResponse:
        """What is left out stays; documents already issued keep what they say."""
        queries.get_brand(brand_id)
        changes = brand_facts(self.read(BrandInput, partial=True))
        brand = operations.update_brand(brand_id, changes, actor=self.actor, now=self.now)
        return answer_json(BrandAnswer().to_representation(brand))

    @describe("Delete a brand", status=204, errors=(409,))
    def delete(self, request: Request, brand_id: uuid.UUID) -> HttpResponse:
        """409 when it has customers or documents."""
        operations.delete_brand(brand_id, actor=self.actor, now=self.now)
        return answer_nothing()
