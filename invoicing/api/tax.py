"""The tax set-up: countries, their states, and dated rules."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.fields import (
    AmountField,
    CountryField,
    CurrencyField,
    DayField,
    FlagField,
    IdField,
    InstantField,
    NumberField,
    PercentField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_json, answer_nothing
from core.errors import NotFound
from invoicing.models import TaxRule, ThresholdPeriod
from invoicing.operations import tax_setup as operations
from invoicing.queries import tax_setup as queries
from subscriptions.api.inputs import tax_type_reference
from subscriptions.api.serializers import TaxTypeAnswer


class TaxCountryAnswer(AnswerSerializer):
    """A country's tax set-up for this seller."""

    nullable = frozenset({"threshold", "threshold_transactions", "collecting_since"})

    id = IdField()
    code = TextField()
    name = TextField()
    currency = TextField()
    in_eu = FlagField()
    b2b_reverse_charge = FlagField()
    collecting = FlagField(help_text="Set by hand, or when a finalised invoice reached the threshold.")
    collecting_since = InstantField(
        help_text="When an invoice reached the threshold; null: set by hand, or not at all."
    )
    threshold = WholeNumberField(
        source="threshold_minor",
        help_text="Net sales, in minor units of the country's currency; of the first brand's main one without it.",
    )
    threshold_transactions = WholeNumberField(help_text="Number of payments.")
    threshold_period = WordField(ThresholdPeriod.choices)


class TaxCountryInput(InputSerializer):
    """What a country's set-up can be told to be."""

    answered = frozenset({"id", "collecting_since"})

    code = CountryField()
    name = TextField(max_length=100)
    currency = CurrencyField(required=False)
    in_eu = FlagField(required=False)
    b2b_reverse_charge = FlagField(required=False)
    collecting = FlagField(required=False)
    threshold = AmountField(required=False, allow_null=True, source="threshold_minor")
    threshold_transactions = WholeNumberField(required=False, allow_null=True)
    threshold_period = WordField(ThresholdPeriod.choices, required=False)


class TaxStateAnswer(AnswerSerializer):
    """A state, province or region with rates of its own."""

    nullable = frozenset({"threshold", "threshold_transactions", "collecting_since"})

    id = IdField()
    country = IdField(source="country_id")
    code = TextField()
    name = TextField()
    collecting = FlagField(help_text="Set by hand, or when a finalised invoice reached the threshold.")
    collecting_since = InstantField(
        help_text="When an invoice reached the threshold; null: set by hand, or not at all."
    )
    threshold = WholeNumberField(source="threshold_minor", help_text="Net sales, as the country's threshold.")
    threshold_transactions = WholeNumberField(help_text="Number of payments.")
    threshold_period = WordField(ThresholdPeriod.choices)


class TaxStateInput(InputSerializer):
    """What a state's set-up can be told to be."""

    answered = frozenset({"id", "country", "collecting_since"})

    code = TextField(max_length=10)
    name = TextField(max_length=100)
    collecting = FlagField(required=False)
    threshold = AmountField(required=False, allow_null=True, source="threshold_minor")
    threshold_transactions = WholeNumberField(required=False, allow_null=True)
    threshold_period = WordField(ThresholdPeriod.choices, required=False)


class TaxRuleAnswer(AnswerSerializer):
    """A rate at one place for one tax type."""

    nullable = frozenset({"valid_until"})

    id = IdField()
    country = IdField(source="country_id")
    state = IdField(source="state_id")
    tax_type = TaxTypeAnswer()
    rate = NumberField(help_text="Percent.")
    valid_from = DayField()
    valid_until = DayField(help_text="The first day it no longer holds; null: open.")


class TaxRuleInput(InputSerializer):
    """What a rule can be told to be."""

    answered = frozenset({"id", "country", "state"})

    tax_type = tax_type_reference()
    rate = PercentField()
    valid_from = DayField()
    valid_until = DayField(required=False, allow_null=True)


class TaxCountryList(ApiView):
    """`/tax/country`."""

    parameters = {"GET": ListParameters}

    @describe("List tax countries", gives=TaxCountryAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_countries(), TaxCountryAnswer)

    @describe("Create a tax country", takes=TaxCountryInput, gives=TaxCountryAnswer, status=201, errors=(409,))
    def post(self, request: Request) -> HttpResponse:
        """By its ISO code."""
        country = operations.create_country(self.read(TaxCountryInput), actor=self.actor, now=self.now)
        return _created(TaxCountryAnswer, country, f"/api/v1/tax/country/{country.id}")


def _created(serializer: type[AnswerSerializer], row: Any, location: str) -> HttpResponse:
    return answer_json(serializer().to_representation(row), 201, location=location)


class TaxCountryDetail(ApiView):
    """`/tax/country/{id}`."""

    @describe("Read a tax country", gives=TaxCountryAnswer)
    def get(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """One country."""
        return answer_json(TaxCountryAnswer().to_representation(queries.get_country(country_id)))

    @describe("Change a tax country", takes=TaxCountryInput, changes=True, gives=TaxCountryAnswer)
    def put(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """What is left out stays; the code always stays."""
        queries.get_country(country_id)
        changes = self.read(TaxCountryInput, partial=True)
        country = operations.update_country(country_id, changes, actor=self.actor, now=self.now)
        return answer_json(TaxCountryAnswer().to_representation(country))

    @describe("Delete a tax country", status=204)
    def delete(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """With its states and rules; lines already billed keep their tax."""
        operations.delete_country(country_id, actor=self.actor, now=self.now)
        return answer_nothing()


class TaxStateList(ApiView):
    """`/tax/country/{id}/state`."""

    parameters = {"GET": ListParameters}

    @describe("List a country's states", gives=TaxStateAnswer, lists=True)
    def get(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_states(country_id), TaxStateAnswer)

    @describe("Create a state", takes=TaxStateInput, gives=TaxStateAnswer, status=201, errors=(409,))
    def post(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """Its rates join the country's."""
        queries.get_country(country_id)
        state = operations.create_state(country_id, self.read(TaxStateInput), actor=self.actor, now=self.now)
        return _created(TaxStateAnswer, state, f"/api/v1/tax/country/{country_id}/state/{state.id}")


def _state_of(country_id: uuid.UUID, state_id: uuid.UUID) -> None:
    """Raise NotFound unless a state is the country's."""
    if queries.get_state(state_id).country_id != country_id:
        raise NotFound(f"No tax state of this country has the id {state_id}.")


class TaxStateDetail(ApiView):
    """`/tax/country/{id}/state/{stateId}`."""

    @describe("Read a state", gives=TaxStateAnswer)
    def get(self, request: Request, country_id: uuid.UUID, state_id: uuid.UUID) -> HttpResponse:
        """One state."""
        _state_of(country_id, state_id)
        return answer_json(TaxStateAnswer().to_representation(queries.get_state(state_id)))

    @describe("Change a state", takes=TaxStateInput, changes=True, gives=TaxStateAnswer)
    def put(self, request: Request, country_id: uuid.UUID, state_id: uuid.UUID) -> HttpResponse:
        """What is left out stays; the code always stays."""
        _state_of(country_id, state_id)
        changes = self.read(TaxStateInput, partial=True)
        state = operations.update_state(state_id, changes, actor=self.actor, now=self.now)
        return answer_json(TaxStateAnswer().to_representation(state))

    @describe("Delete a state", status=204)
    def delete(self, request: Request, country_id: uuid.UUID, state_id: uuid.UUID) -> HttpResponse:
        """With its rules."""
        _state_of(country_id, state_id)
        operations.delete_state(state_id, actor=self.actor, now=self.now)
        return answer_nothing()


def _rule_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return validated input by column name."""
    facts = dict(values)
    if "tax_type" in facts:
        facts["tax_type_id"] = facts.pop("tax_type").id
    return facts


class CountryRuleList(ApiView):
    """`/tax/country/{id}/rule`."""

    parameters = {"GET": ListParameters}

    @describe("List a country's rules", gives=TaxRuleAnswer, lists=True)
    def get(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_rules(country_id), TaxRuleAnswer)

    @describe("Create a rule of a country", takes=TaxRuleInput, gives=TaxRuleAnswer, status=201)
    def post(self, request: Request, country_id: uuid.UUID) -> HttpResponse:
        """It closes the open rule of the same type at its own start."""
        queries.get_country(country_id)
        facts = _rule_facts(self.read(TaxRuleInput))
        rule = operations.create_rule(country_id, actor=self.actor, now=self.now, **facts)
        return _created(TaxRuleAnswer, rule, f"/api/v1/tax/country/{country_id}/rule/{rule.id}")


class StateRuleList(ApiView):
    """`/tax/state/{id}/rule`."""

    parameters = {"GET": ListParameters}

    @describe("List a state's rules", gives=TaxRuleAnswer, lists=True)
    def get(self, request: Request, state_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_state_rules(state_id), TaxRuleAnswer)

    @describe("Create a rule of a state", takes=TaxRuleInput, gives=TaxRuleAnswer, status=201)
    def post(self, request: Request, state_id: uuid.UUID) -> HttpResponse:
        """It closes the open rule of the same type at its own start."""
        state = queries.get_state(state_id)
        facts = _rule_facts(self.read(TaxRuleInput))
        rule = operations.create_rule(state.country_id, state_id=state_id, actor=self.actor, now=self.now, **facts)
        return _created(TaxRuleAnswer, rule, f"/api/v1/tax/state/{state_id}/rule/{rule.id}")


class TaxRuleDetail(ApiView):
    """`/tax/country/{id}/rule/{ruleId}`, `/tax/state/{id}/rule/{ruleId}`."""

    def _rule(
        self, rule_id: uuid.UUID, country_id: uuid.UUID | None = None, state_id: uuid.UUID | None = None
    ) -> TaxRule:
        """Return the rule of the path's place. Raises NotFound."""
        rule = queries.get_rule(rule_id)
        if rule.state_id != state_id or country_id not in (None, rule.country_id):
            raise NotFound(f"No tax rule of this place has the id {rule_id}.")
        return rule

    @describe("Read a rule", gives=TaxRuleAnswer)
    def get(self, request: Request, rule_id: uuid.UUID, **place: uuid.UUID) -> HttpResponse:
        """One rule."""
        return answer_json(TaxRuleAnswer().to_representation(self._rule(rule_id, **place)))

    @describe("Change a rule", takes=TaxRuleInput, changes=True, gives=TaxRuleAnswer)
    def put(self, request: Request, rule_id: uuid.UUID, **place: uuid.UUID) -> HttpResponse:
        """What is left out stays; lines already billed keep their tax."""
        self._rule(rule_id, **place)
        changes = _rule_facts(self.read(TaxRuleInput, partial=True))
        rule = operations.update_rule(rule_id, changes, actor=self.actor, now=self.now)
        return answer_json(TaxRuleAnswer().to_representation(rule))

    @describe("Delete a rule", status=204)
    def delete(self, request: Request, rule_id: uuid.UUID, **place: uuid.UUID) -> HttpResponse:
        """Lines already billed keep their tax."""
        self._rule(rule_id, **place)
        operations.delete_rule(rule_id, actor=self.actor, now=self.now)
        return answer_nothing()
