"""Webhook endpoints: where the product is told what happens."""

import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api.fields import FlagField, IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_json, answer_nothing, answer_null
from core.domain.access import Scope
from notifications.domain.events import EVENT_TYPES
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.operations import endpoints as operations
from notifications.operations.endpoints import IssuedEndpoint, ReplayWanted
from notifications.queries import webhooks as queries
from notifications.queries.webhooks import DeliveryFilter

OVERLAP_HOURS = 24
LONGEST_OVERLAP_HOURS = 720


class WebhookEndpointAnswer(AnswerSerializer):
    """An endpoint, without its secret."""

    always = frozenset({"url", "events", "status"})

    id = IdField()
    url = TextField()
    description = TextField()
    events = serializers.ListField(child=TextField(), help_text="Events, or noun.*; empty: every one.")
    status = WordField(WebhookEndpoint.Status.choices)
    disabled_reason = WordField(WebhookEndpoint.DisabledReason.choices)
    disabled_at = InstantField()
    failing_since = InstantField(help_text="The first failure since the last success.")
    former_secret_until = InstantField(help_text="Messages are signed with the former secret too until then.")
    created_at = InstantField()
    updated_at = InstantField()


class IssuedEndpointAnswer(WebhookEndpointAnswer):
    """An endpoint: this once with its secret."""

    secret = serializers.CharField(help_text="whsec_ and 32 random bytes in base64; shown once.")


class WebhookEndpointInput(InputSerializer):
    """Where an endpoint is, and what it wants to be told."""

    answered = frozenset(WebhookEndpointAnswer().fields)

    url = TextField(max_length=2000)
    description = TextField(max_length=200, required=False, allow_blank=True)
    events = serializers.ListField(
        child=TextField(max_length=60),
        required=False,
        max_length=len(EVENT_TYPES),
        help_text="Events such as invoice.paid, or invoice.*; none: every one.",
    )


class RotateSecretInput(InputSerializer):
    """How long the former secret stays valid."""

    overlap_hours = WholeNumberField(
        max_value=LONGEST_OVERLAP_HOURS, required=False, help_text=f"{OVERLAP_HOURS} if not sent."
    )


class ReplayInput(InputSerializer):
    """Which events to send again."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `from` is no name in Python."""
        return {
            "from": InstantField(source="from_at", help_text="From this moment, by the wall's clock."),
            "to": InstantField(source="to_at", required=False, help_text="Up to this one; now if not sent."),
            **super().get_fields(),
        }

    types = serializers.ListField(child=TextField(max_length=60), required=False, max_length=len(EVENT_TYPES))
    failed_only = FlagField(required=False, help_text="Only those that never arrived.")


class ReplayAnswer(AnswerSerializer):
    """What will be sent again."""

    always = frozenset({"count"})

    count = WholeNumberField(help_text="How many events.")


class WebhookDeliveryAnswer(AnswerSerializer):
    """An event on its way to an endpoint, or arrived, with the last answer."""

    always = frozenset({"status", "tries"})

    id = IdField()
    webhook_id = IdField(source="event_id")
    type = TextField()
    object = IdField(source="object_id")
    status = WordField(WebhookDelivery.Status.choices)
    replay = FlagField(source="is_replay")
    tries = WholeNumberField()
    answer_status = WholeNumberField(help_text="HTTP status of the last try.")
    answer_body = TextField(help_text="The first 2 KiB of the last answer.")
    failure = TextField(help_text="Why the last try failed.")
    duration_ms = WholeNumberField()
    created_at = InstantField()
    tried_at = InstantField()
    next_try_at = serializers.SerializerMethodField()
    settled_at = InstantField()

    def get_next_try_at(self, delivery: WebhookDelivery) -> Any:
        """Return when it is tried next, while it waits."""
        is_pending = delivery.status == WebhookDelivery.Status.PENDING
        return InstantField().to_representation(delivery.due_at) if is_pending else None


class DeliveryParameters(ListParameters):
    """What a list of deliveries is narrowed by."""

    status = WordField(WebhookDelivery.Status.choices, required=False)
    type = TextField(required=False, allow_blank=True, max_length=60)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


def _issued(issued: IssuedEndpoint) -> dict[str, Any]:
    return {**WebhookEndpointAnswer().to_representation(issued.endpoint), "secret": issued.secret}


def _answer(endpoint: WebhookEndpoint) -> HttpResponse:
    return answer_json(WebhookEndpointAnswer().to_representation(endpoint))


class WebhookView(ApiView):
    """What every path of webhook endpoints needs."""

    scopes = {"*": Scope.ADMIN}


class WebhookEndpointList(WebhookView):
    """`/webhook-endpoint`."""

    parameters = {"GET": ListParameters}
    shows_secret = True

    @describe("List webhook endpoints", gives=WebhookEndpointAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries.list_endpoints(), WebhookEndpointAnswer)

    @describe(
        "Create a webhook endpoint",
        takes=WebhookEndpointInput,
        gives=IssuedEndpointAnswer,
        status=201,
        request_example={"url": "https://example.com/hooks", "events": ["invoice.*", "customer.created"]},
    )
    def post(self, request: Request) -> HttpResponse:
        """The answer shows the secret, this once. The URL is https and leads to no private address."""
        issued = operations.create_endpoint(self.read(WebhookEndpointInput), actor=self.actor, now=self.now)
        return answer_json(_issued(issued), 201, location=f"/api/v1/webhook-endpoint/{issued.endpoint.id}")


class WebhookEndpointDetail(WebhookView):
    """`/webhook-endpoint/{id}`."""

    @describe("Read a webhook endpoint", gives=WebhookEndpointAnswer)
    def get(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """One endpoint."""
        return _answer(queries.get_endpoint(webhook_endpoint_id))

    @describe("Change a webhook endpoint", takes=WebhookEndpointInput, changes=True, gives=WebhookEndpointAnswer)
    def put(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """What is left out stays; what is on its way already goes to the new URL."""
        queries.get_endpoint(webhook_endpoint_id)
        changes = self.read(WebhookEndpointInput, partial=True)
        return _answer(operations.update_endpoint(webhook_endpoint_id, changes, actor=self.actor, now=self.now))

    @describe("Delete a webhook endpoint", status=204)
    def delete(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """With its log of deliveries."""
        operations.delete_endpoint(webhook_endpoint_id, actor=self.actor, now=self.now)
        return answer_nothing()


class WebhookEndpointRotate(WebhookView):
    """`/webhook-endpoint/{id}/rotate-secret`."""

    shows_secret = True

    @describe("Rotate a webhook secret", takes=RotateSecretInput, gives=IssuedEndpointAnswer)
    def post(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """The answer shows the new secret, this once. Until the overlap ends messages carry both signatures."""
        hours = self.read(RotateSecretInput).get("overlap_hours", OVERLAP_HOURS)
        issued = operations.rotate_secret(
            webhook_endpoint_id, overlap=timedelta(hours=hours), actor=self.actor, now=self.now
        )
        return answer_json(_issued(issued))


class WebhookEndpointDisable(WebhookView):
    """`/webhook-endpoint/{id}/disable`."""

    @describe("Disable a webhook endpoint", gives=WebhookEndpointAnswer, errors=(409,))
    def post(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """What is on its way fails; what happens meanwhile is not kept for it. A replay catches up."""
        return _answer(operations.disable_endpoint(webhook_endpoint_id, actor=self.actor, now=self.now))


class WebhookEndpointEnable(WebhookView):
    """`/webhook-endpoint/{id}/enable`."""

    @describe("Enable a webhook endpoint", gives=WebhookEndpointAnswer, errors=(409,))
    def post(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """It is told what happens from now on."""
        return _answer(operations.enable_endpoint(webhook_endpoint_id, actor=self.actor, now=self.now))


class WebhookEndpointTest(WebhookView):
    """`/webhook-endpoint/{id}/test`."""

    @describe("Send a test event", status=202, errors=(409,))
    def post(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """Sends `webhook_endpoint.test` to this endpoint alone; the log of deliveries tells what became of it."""
        operations.send_test_event(webhook_endpoint_id, now=self.now)
        return answer_null()


class WebhookEndpointReplay(WebhookView):
    """`/webhook-endpoint/{id}/replay`."""

    @describe(
        "Replay events to a webhook endpoint",
        takes=ReplayInput,
        gives=ReplayAnswer,
        status=202,
        errors=(409,),
        request_example={"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "types": ["invoice.paid"]},
    )
    def post(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """Sends the events of a range again, in order per object, each with the `webhook-id` it had."""
        queries.get_endpoint(webhook_endpoint_id)
        values = self.read(ReplayInput)
        wanted = ReplayWanted(**{"to_at": self.now, **values})
        count = operations.replay(webhook_endpoint_id, wanted, actor=self.actor, now=self.now)
        return answer_json({"count": count}, 202)


class WebhookDeliveryList(WebhookView):
    """`/webhook-endpoint/{id}/delivery`."""

    parameters = {"GET": DeliveryParameters}

    @describe("List webhook deliveries", gives=WebhookDeliveryAnswer, lists=True)
    def get(self, request: Request, webhook_endpoint_id: uuid.UUID) -> HttpResponse:
        """Newest first, each with its last answer."""
        queries.get_endpoint(webhook_endpoint_id)
        wanted = DeliveryFilter(
            status=self.query.get("status", ""),
            type=self.query.get("type", ""),
            created_from=self.query.get("created_from"),
            created_to=self.query.get("created_to"),
        )
        return self.list_of(queries.list_deliveries(webhook_endpoint_id, wanted), WebhookDeliveryAnswer)
