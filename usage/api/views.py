"""Events in, one or thousands at once; events and usage out.

The two POST calls pass Django REST framework by: they are the hot path.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.authentication import authenticate_request, require_scope
from core.api.body import read_bytes
from core.api.handler import handle
from core.api.pages import LIMIT_DEFAULT
from core.api.rate_limit import limit_rate
from core.api.schema import describe
from core.api.views import ApiView, answer_json, answer_null
from core.clock import wall_now
from core.domain.access import Scope
from core.domain.schedule import start_of_day
from core.errors import Conflict, Invalid
from usage import operations, queries
from usage.api.bodies import MOST_EVENTS, EventInput, RefusedEvent, read_event, read_events
from usage.api.serializers import (
    LONGEST_RANGE,
    EventAnswer,
    EventBatchAnswer,
    EventListParameters,
    EventPage,
    SubscriptionUsageAnswer,
    key_text,
    range_fault,
)
from usage.domain.aggregation import UsageFigure
from usage.domain.event import DUPLICATE, REJECTED, STORED, EventDraft, EventOutcome, Outcome, Reason
from usage.domain.running import RunningMetric
from usage.operations.counting import count_outcomes
from usage.queries import StoredEvent

KEY_CACHE_SECONDS = 2.0
EVENT_REFERENCE = {"$ref": "#/components/schemas/EventInput"}
EXAMPLE = {
    "event_id": "a7a26ff2-e851-45b6-9634-d595f45458b7",
    "subscription": "da7489c5-d730-47b7-9958-07300ef9d3d8",
    "code": "api_calls",
    "value": 1,
    "properties": {"region": "eu"},
    "timestamp": "2026-01-31T10:17:00+00:00",
}
FAULT_OF_REASON = {
    Reason.UNKNOWN_SUBSCRIPTION: ("subscription", "no subscription has this id"),
    Reason.UNKNOWN_CODE: ("code", "no metric has this code"),
    Reason.EVENT_ID_CONFLICT: ("event_id", "was used for an event with other content"),
    Reason.TIMESTAMP_AHEAD: ("timestamp", "lies more than 5 minutes ahead"),
    Reason.OUTSIDE_SUBSCRIPTION: ("timestamp", "lies outside the life of the subscription"),
    Reason.SUBSCRIPTION_PAUSED: ("timestamp", "lies in a pause of the subscription"),
    Reason.TOO_LATE: ("timestamp", "lies in a period that was invoiced too long ago"),
}


class HotView(ApiView):
    """A view whose POST needs the scope `usage:write` and is answered without Django REST framework.

    `event_id` is the key of an event: an Idempotency-Key is ignored.
    """

    takes_idempotency_key = False
    scopes = {"POST": Scope.USAGE_WRITE}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a POST at once; everything else goes the ordinary way."""
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            api_key = authenticate_request(request, cached_for_seconds=KEY_CACHE_SECONDS)
            require_scope(api_key, Scope.USAGE_WRITE)
            limit_rate(api_key)
            if request.GET:
                raise Invalid(
                    "The call takes no query.", fields={name[:200]: "is not known here" for name in request.GET}
                )
            return self.record(request, wall_now())
        except Exception as error:
            response = handle(error, {})
            if response is None:
                raise
            return response

    def record(self, request: HttpRequest, now: datetime) -> HttpResponse:
        """Store what the body holds."""
        raise NotImplementedError


class EventList(HotView):
    """`/events`."""

    parameters = {"GET": EventListParameters}

    @describe("Record usage", takes=EventInput, status=201, request_example=EXAMPLE)
    def post(self, request: Request) -> HttpResponse:
        """Stored exactly once for ever.

        The same event again is answered alike, with the header `Event-Duplicate: true`; the same `event_id` with other
        content is a conflict.
        """
        return self.record(request._request, self.now)

    def record(self, request: HttpRequest, now: datetime) -> HttpResponse:
        """Store one event."""
        try:
            draft = read_event(read_bytes(request))
        except Invalid:
            count_outcomes([REJECTED[Reason.INVALID]])
            raise
        outcome = operations.record_event(draft, now=now)
        count_outcomes([outcome])
        if outcome.reason is not None:
            field, words = FAULT_OF_REASON[outcome.reason]
            error = Conflict if outcome.reason is Reason.EVENT_ID_CONFLICT else Invalid
            raise error(
                f"The event cannot be taken: {field}: {words}.", code=outcome.reason.value, fields={field: words}
            )
        response = answer_null(201)
        if outcome.outcome is Outcome.DUPLICATE:
            response["Event-Duplicate"] = "true"
        return response

    @describe("List events", gives=EventPage)
    def get(self, request: Request) -> HttpResponse:
        """Newest first by timestamp, of one subscription, or of a customer within at most 31 days."""
        asked = self.query
        limit = asked.get("limit", LIMIT_DEFAULT)
        listed = queries.list_subscriptions(
            subscription_id=asked.get("subscription"), customer_id=asked.get("customer")
        )
        zone = listed[0].customer.zone if listed else "UTC"
        start, end = (_instant(asked.get(name), zone) for name in ("timestamp_from", "timestamp_to"))
        longest = None if "subscription" in asked else LONGEST_RANGE
        if start is not None and end is not None and (fault := range_fault(start, end, longest)):
            raise Invalid("The range of moments cannot be listed.", fields={"timestamp_to": fault})
        wanted = queries.EventFilter(asked.get("code"), start, end)
        ids = [subscription.id for subscription in listed]
        return answer_json(_page(queries.list_events(ids, wanted, after=asked.get("last_key"), limit=limit + 1), limit))


class EventBatch(HotView):
    """`/events/batch`."""

    @extend_schema(
        request={
            "application/json": {"type": "array", "items": EVENT_REFERENCE, "maxItems": MOST_EVENTS},
            "application/x-ndjson": EVENT_REFERENCE,
        }
    )
    @describe("Record usage in a batch", gives=EventBatchAnswer, request_example=[EXAMPLE], errors=(413,))
    def post(self, request: Request) -> HttpResponse:
        """Up to 10 000 events: a JSON array, or one JSON object a line. Each is told what became of it.

        One bad event never spoils the others.
        """
        return self.record(request._request, self.now)

    def record(self, request: HttpRequest, now: datetime) -> HttpResponse:
        """Store a batch of events."""
        events = read_events(read_bytes(request, settings.USAGE_BATCH_LIMIT_BYTES))
        drafts = [event for event in events if isinstance(event, EventDraft)]
        recorded = iter(operations.record_events(drafts, now=now))
        outcomes = [next(recorded) if isinstance(event, EventDraft) else REJECTED[Reason.INVALID] for event in events]
        count_outcomes(outcomes)
        data = [
            _StoredResult(index, event.event_id) if outcome is STORED else _result(index, event, outcome)
            for index, (event, outcome) in enumerate(zip(events, outcomes, strict=True))
        ]
        stored, duplicates = outcomes.count(STORED), outcomes.count(DUPLICATE)
        rejected = len(outcomes) - stored - duplicates
        return answer_json({"data": data, "stored": stored, "duplicates": duplicates, "rejected": rejected})


class SubscriptionUsage(ApiView):
    """`/subscription/{id}/usage`."""

    @describe("Read what a subscription uses", gives=SubscriptionUsageAnswer)
    def get(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """The running period by metric, from the events stored at this moment."""
        usage = queries.get_running_usage(subscription_id, wall_now=self.now)
        answer = {
            "subscription": usage.subscription_id,
            "period_start": usage.period and usage.period.start,
            "period_end": usage.period and usage.period.end,
            "metrics": [_metric_usage(metric, figure) for metric, figure in usage.figures],
        }
        return answer_json(SubscriptionUsageAnswer().to_representation(answer))


class _StoredResult(msgspec.Struct):
    """What is answered for an event that was stored; a batch has thousands, and these are written the fastest."""

    index: int
    event_id: str | None
    status: str = Outcome.STORED.value


def _result(index: int, event: EventDraft | RefusedEvent, outcome: EventOutcome) -> dict[str, Any]:
    """Return what became of one event of a batch, as it is answered."""
    result: dict[str, Any] = {"index": index, "event_id": event.event_id, "status": outcome.outcome}
    if outcome.reason is not None:
        result["reason"] = outcome.reason
        result["errors"] = event.errors if isinstance(event, RefusedEvent) else dict([FAULT_OF_REASON[outcome.reason]])
    return result


def _page(events: Sequence[StoredEvent], limit: int) -> dict[str, Any]:
    """Return a page of events; there is one more than it holds when there are further pages."""
    shown = events[:limit]
    page: dict[str, Any] = {
        "data": [EventAnswer().to_representation(event) for event in shown],
        "has_more": len(events) > limit,
    }
    if shown:
        page["last_key"] = key_text(shown[-1].key)
    return page


def _metric_usage(metric: RunningMetric, figure: UsageFigure) -> dict[str, Any]:
    """Return the usage of one metric, as its serializer reads it."""
    return {
        "metric": metric.terms.metric_id,
        "name": metric.terms.name,
        "code": metric.terms.code,
        "aggregation": metric.terms.aggregation,
        "metric_type": "continuous" if metric.terms.continuous else "resettable",
        "usage": figure.quantity,
        "event_count": figure.event_count,
        "period_start": metric.period.start,
        "period_end": metric.period.end,
        "first_event_at": figure.first_at,
        "last_event_at": figure.last_at,
    }


def _instant(moment: date | datetime | None, zone: str) -> datetime | None:
    """Return the instant of a moment: a day begins in the zone of the customer."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return start_of_day(moment, zone)
