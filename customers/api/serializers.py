"""Customers as requests and answers hold them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import (
    CountryField,
    EmailField,
    FlagField,
    IdField,
    InstantField,
    LocaleField,
    MetadataField,
    NumberField,
    PercentField,
    ReferenceField,
    TextField,
    TimeZoneField,
    WordField,
)
from core.api.pages import ListParameters
from core.api.serializers import AnswerSerializer, InputSerializer
from customers import queries
from customers.models import Customer


class AddressAnswer(AnswerSerializer):
    """An address."""

    always = frozenset({"country"})

    company_name = serializers.SerializerMethodField()
    street_line_one = TextField()
    street_line_two = TextField()
    city = TextField()
    region = TextField()
    country = TextField(help_text='ISO 3166-1, two letters; "" when unknown.')
    postcode = TextField()

    def get_company_name(self, owner: Any) -> str | None:
        """Return the company of the address; a brand's stands in its legal name."""
        return getattr(owner, "company_name", None)


class AddressInput(InputSerializer):
    """An address; parts not sent stay as they are, an empty object clears all."""

    company_name = TextField(required=False, allow_blank=True, max_length=200)
    street_line_one = TextField(required=False, allow_blank=True, max_length=200)
    street_line_two = TextField(required=False, allow_blank=True, max_length=200)
    city = TextField(required=False, allow_blank=True, max_length=120)
    region = TextField(required=False, allow_blank=True, max_length=120)
    country = CountryField(required=False, allow_blank=True)
    postcode = TextField(required=False, allow_blank=True, max_length=20)


class CustomerAnswer(AnswerSerializer):
    """A customer."""

    always = frozenset({"email"})
    nullable = frozenset(
        {
            "tax_number",
            "standard_tax_rate",
            "digital_tax_rate",
            "billing_type",
            "type",
            "locale",
            "brand",
            "invoice_format",
            "marketing_opt_in",
        }
    )

    id = IdField()
    email = TextField(help_text='"" when erased.')
    name = TextField()
    status = WordField(Customer.Status.choices)
    tax_number = TextField()
    standard_tax_rate = NumberField(help_text="Percent.")
    digital_tax_rate = NumberField(help_text="Percent.")
    billing_type = WordField(Customer.BillingType.choices)
    type = WordField(Customer.Type.choices)
    reference = TextField()
    external_reference = TextField()
    address = AddressAnswer(source="*")
    locale = TextField()
    brand = TextField(source="brand.code", help_text="The brand's code.")
    invoice_format = WordField(["pdf", "xrechnung"])
    marketing_opt_in = FlagField()
    metadata = MetadataField()
    time_zone = TextField(help_text="Left out: the brand's.")
    tax_exempt = FlagField()
    buyer_reference = TextField()
    test_clock = IdField(source="test_clock_id")
    created_at = InstantField()


@extend_schema_field({"type": "string", "description": "The brand's code."})
class BrandCodeField(ReferenceField):
    """A brand, by its code."""


class CustomerInput(InputSerializer):
    """What a customer can be told to be."""

    answered = frozenset({"id", "status", "created_at"})

    email = EmailField()
    name = TextField(required=False, allow_blank=True, max_length=200)
    tax_number = TextField(required=False, allow_blank=True, allow_null=True, max_length=40)
    standard_tax_rate = PercentField(required=False, allow_null=True)
    digital_tax_rate = PercentField(required=False, allow_null=True)
    billing_type = WordField(Customer.BillingType.choices, required=False, allow_null=True)
    type = WordField(Customer.Type.choices, required=False, allow_null=True)
    reference = TextField(required=False, allow_blank=True)
    external_reference = TextField(required=False, allow_blank=True)
    address = AddressInput(required=False)
    locale = LocaleField(required=False, allow_null=True)
    brand = BrandCodeField(
        noun="brand",
        find=queries.find_brand_by_id,
        find_by_word=queries.find_brand,
        names=("code", "id"),
        required=False,
        allow_null=True,
    )
    invoice_format = WordField(["pdf", "xrechnung"], required=False, allow_null=True)
    marketing_opt_in = FlagField(required=False, allow_null=True)
    metadata = MetadataField(required=False)
    time_zone = TimeZoneField(required=False, allow_blank=True)
    tax_exempt = FlagField(required=False)
    buyer_reference = TextField(required=False, allow_blank=True, max_length=100)
    test_clock = IdField(required=False, help_text="On creation only.")


def customer_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return validated input under the names operations use."""
    facts = dict(values)
    if "brand" in facts:
        brand = facts.pop("brand")
        facts["brand_id"] = brand.id if brand is not None else None
    if "test_clock" in facts:
        facts["test_clock_id"] = facts.pop("test_clock")
    return facts


class CustomerListParameters(ListParameters):
    """What a list of customers is narrowed by."""

    email = TextField(required=False, allow_blank=True)
    country = TextField(required=False, allow_blank=True, max_length=2, help_text="Exactly this code.")
    reference = TextField(required=False, allow_blank=True)
    external_reference = TextField(required=False, allow_blank=True)
    company_name = TextField(required=False, allow_blank=True)


class PaymentDetailsAnswer(AnswerSerializer):
    """A card as far as we know it."""

    nullable = frozenset({"name", "brand", "country"})

    id = IdField()
    name = TextField()
    default = FlagField(source="is_default")
    brand = TextField()
    last_four = TextField()
    expiry_month = serializers.SerializerMethodField(help_text="Two digits.")
    expiry_year = serializers.SerializerMethodField(help_text="Two digits.")
    country = TextField()
    created_at = InstantField()

    def get_expiry_month(self, card: Any) -> str | None:
        """Return the month in two digits."""
        return None if card.expiry_month is None else f"{card.expiry_month:02d}"

    def get_expiry_year(self, card: Any) -> str | None:
        """Return the last two digits of the year."""
        return None if card.expiry_year is None else f"{card.expiry_year % 100:02d}"
