"""What the calls about usage take in their query strings, and what they answer."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import (
    AmountField,
    IdField,
    InstantField,
    StrictField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import LimitField, QueryMomentField
from core.api.serializers import AnswerSerializer, InputSerializer, Parameters
from usage.api.bodies import CodeField, EventIdField, PropertiesField, ValueField
from usage.domain.event import Outcome, Reason
from usage.models import UsageLimit
from usage.queries.events import EventKey

LONGEST_RANGE = timedelta(days=31)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_KEY = 1_000


def key_text(key: EventKey) -> str:
    """Return the place of an event as a page's `last_key`."""
    microseconds = (key.timestamp - _EPOCH) // timedelta(microseconds=1)
    parts = [microseconds, key.event_id, key.subscription_id]
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def event_key(text: str) -> EventKey:
    """Return the place a `last_key` stands for. Raises ValueError when it is none of ours."""
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        microseconds, event_id, subscription_id = msgspec.json.decode(content, type=tuple[int, str, uuid.UUID])
        key = EventKey(_EPOCH + timedelta(microseconds=microseconds), event_id, subscription_id)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, OverflowError) as error:
        raise ValueError(text) from error
    if "\0" in event_id:
        raise ValueError(text)
    return key


@extend_schema_field({"type": "string"})
class EventKeyField(StrictField):
    """The `last_key` of a page of events."""

    def to_internal_value(self, data: Any) -> EventKey:
        """Refuse what no page has answered."""
        try:
            if len(data) <= _LONGEST_KEY:
                return event_key(data)
        except ValueError:
            pass
        raise self.refuse("must be the last_key of a page")

    def to_representation(self, value: EventKey) -> str:
        """Return it as a page answers it."""
        return key_text(value)


class EventListParameters(Parameters):
    """Which events to list: those of a subscription, or those of a customer within at most 31 days."""

    aliases: ClassVar[Mapping[str, str]] = {"created_from": "timestamp_from", "created_to": "timestamp_to"}

    limit = LimitField(required=False, help_text="How many rows to return, 1 to 100; 10 if not sent.")
    last_key = EventKeyField(required=False, help_text="The `last_key` of the page before.")
    subscription = IdField(required=False, help_text="Events of this subscription.")
    customer = IdField(required=False, help_text="Events of all subscriptions of this customer.")
    code = CodeField(required=False, help_text="Events of this metric.")
    timestamp_from = QueryMomentField(required=False, help_text="Events from this moment on.")
    timestamp_to = QueryMomentField(required=False, help_text="Events before this moment.")

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between the parameters."""
        if "subscription" in values:
            return {}
        if "customer" not in values:
            return {"subscription": "is required, or customer with timestamp_from and timestamp_to"}
        return {name: "is required with customer" for name in ("timestamp_from", "timestamp_to") if name not in values}


class EventAnswer(AnswerSerializer):
    """An event as it is stored."""

    always: ClassVar[frozenset[str]] = frozenset(
        {"event_id", "subscription", "code", "value", "timestamp", "received_at"}
    )

    event_id = EventIdField()
    subscription = IdField(source="subscription_id")
    code = TextField()
    value = ValueField()
    properties = PropertiesField()
    timestamp = InstantField(help_text="When it happened.")
    received_at = InstantField(help_text="When it was stored.")


class EventPage(AnswerSerializer):
    """A page of events."""

    always: ClassVar[frozenset[str]] = frozenset({"data", "has_more"})

    data = EventAnswer(many=True)  # type: ignore[assignment] # what DRF reads is the name of a field
    has_more = serializers.BooleanField()
    last_key = TextField(help_text="The place of the last event; send it for the next page.")


class EventResultAnswer(AnswerSerializer):
    """What became of one event of a batch."""

    always: ClassVar[frozenset[str]] = frozenset({"index", "status"})
    nullable: ClassVar[frozenset[str]] = frozenset({"event_id"})

    index = WholeNumberField(help_text="The event's place in the batch, from 0.")
    event_id = TextField(help_text="null when it could not be read.")
    status = WordField([outcome.value for outcome in Outcome])
    reason = WordField([reason.value for reason in Reason], help_text="Why it was rejected.")
    errors = serializers.DictField(  # type: ignore[assignment] # see EventPage
        child=TextField(), help_text="Field to fault, of a rejected event."
    )


class EventBatchAnswer(AnswerSerializer):
    """What became of the events of a batch, in their order."""

    always: ClassVar[frozenset[str]] = frozenset({"data", "stored", "duplicates", "rejected"})

    data = EventResultAnswer(many=True)  # type: ignore[assignment] # see EventPage
    stored = WholeNumberField()
    duplicates = WholeNumberField()
    rejected = WholeNumberField()


class MetricUsageAnswer(AnswerSerializer):
    """What was used of one metric in the running period."""

    always: ClassVar[frozenset[str]] = frozenset(
        {"metric", "name", "code", "usage", "event_count", "period_start", "period_end"}
    )

    metric = IdField(help_text="The metric's id.")
    name = TextField()
    code = TextField()
    aggregation = TextField()
    metric_type = WordField(["resettable", "continuous"], help_text="`continuous` counts from the first event on.")
    usage = ValueField(help_text="The aggregated quantity at this moment.")
    event_count = WholeNumberField()
    period_start = InstantField()
    period_end = InstantField()
    first_event_at = InstantField()
    last_event_at = InstantField()


class SubscriptionUsageAnswer(AnswerSerializer):
    """What a subscription has used in its running period."""

    always: ClassVar[frozenset[str]] = frozenset({"subscription", "metrics"})

    subscription = IdField()
    period_start = InstantField()
    period_end = InstantField()
    metrics = MetricUsageAnswer(many=True)


class CostAnswer(AnswerSerializer):
    """An amount."""

    amount = WholeNumberField(help_text="Minor units.")
    currency = TextField()


class MetricCostAnswer(CostAnswer):
    """What the usage of one price costs so far."""

    name = TextField(help_text="The metric's.")
    usage = ValueField(help_text="The aggregated quantity at this moment.")
    amount = WholeNumberField(source="amount_minor", help_text="Minor units, before discounts and tax.")
    subscription = IdField(source="subscription_id")
    period_end = InstantField(help_text="When it will be billed.")


class CostsAnswer(AnswerSerializer):
    """What a customer's usage costs so far in the periods that run."""

    always: ClassVar[frozenset[str]] = frozenset({"costs", "cost", "total"})

    costs = MetricCostAnswer(many=True)
    cost = CostAnswer(help_text="Their sum in the currency of the newest subscription that measures something.")
    total = CostAnswer(help_text="The same.")


class UsageLimitInput(InputSerializer):
    """A bound on what a customer's usage may cost in a period."""

    answered = frozenset({"id"})

    amount = AmountField(min_value=1, help_text="Minor units, compared with each currency's cost by itself.")
    action = WordField(["WARNING", "DISABLE"], help_text="What passing it does.")
    name = TextField(max_length=200, required=False, help_text="Made of the others if not sent.")


class UsageLimitAnswer(AnswerSerializer):
    """A bound on what a customer's usage may cost in a period."""

    always: ClassVar[frozenset[str]] = frozenset({"name"})

    id = IdField()
    name = TextField()
    amount = WholeNumberField(source="amount_minor", help_text="Minor units.")
    action = serializers.SerializerMethodField(help_text="WARNING or DISABLE.")

    def get_action(self, limit: UsageLimit) -> str:
        """Return the word of the contract."""
        return limit.action.upper()


def range_fault(start: datetime, end: datetime, longest: timedelta | None) -> str | None:
    """Say what is wrong with a range of moments, None when nothing is."""
    if end <= start:
        return "must lie after timestamp_from"
    is_too_long = longest is not None and end - start > longest
    return f"must lie at most {LONGEST_RANGE.days} days after timestamp_from" if is_too_long else None
