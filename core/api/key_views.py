"""API keys over the API itself: listed, made, rotated, disabled, all by a key with the scope `admin`."""

import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core import operations_api_keys, queries_api_keys
from core.api.fields import IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_json
from core.domain.access import Scope
from core.models import ApiKey
from core.operations_api_keys import ApiKeyDraft, IssuedKey

OVERLAP_HOURS = 24
MOST_REQUESTS = 1_000_000


class ApiKeyAnswer(AnswerSerializer):
    """A key, without its text."""

    nullable = frozenset({"rate_limit", "rate_burst"})

    id = IdField()
    name = TextField()
    prefix = TextField(help_text="The key's first characters.")
    scope = WordField(ApiKey.Scope.choices)
    rate_limit = WholeNumberField(help_text="Requests a second; null: no limit.")
    rate_burst = WholeNumberField()
    expires_at = InstantField()
    disabled_at = InstantField()
    last_used_at = InstantField()
    rotated_from = IdField(source="rotated_from_id")
    created_at = InstantField()


class IssuedKeyAnswer(ApiKeyAnswer):
    """A new key: this once with its text."""

    key = serializers.CharField(help_text="The key itself, shown once.")


class ApiKeyInput(InputSerializer):
    """A new key."""

    answered = frozenset({"id", "prefix", "disabled_at", "last_used_at", "rotated_from", "created_at"})

    name = TextField(max_length=200)
    scope = WordField(ApiKey.Scope.choices, required=False)
    expires_at = InstantField(required=False)
    rate_limit = WholeNumberField(max_value=MOST_REQUESTS, required=False, help_text="0: no limit.")
    rate_burst = WholeNumberField(max_value=MOST_REQUESTS, required=False)


class RotateInput(InputSerializer):
    """How long the old key goes on working."""

    overlap_hours = WholeNumberField(max_value=720, required=False, help_text=f"{OVERLAP_HOURS} if not sent.")


def _issued(issued: IssuedKey) -> dict[str, Any]:
    return {**ApiKeyAnswer().to_representation(issued.api_key), "key": issued.key}


class ApiKeyList(ApiView):
    """`/api-key`."""

    parameters = {"GET": ListParameters}
    scopes = {"*": Scope.ADMIN}
    shows_secret = True

    @describe("List API keys", gives=ApiKeyAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first; nothing tells the keys themselves."""
        return self.list_of(queries_api_keys.list_api_keys(), ApiKeyAnswer)

    @describe("Create an API key", takes=ApiKeyInput, gives=IssuedKeyAnswer, status=201)
    def post(self, request: Request) -> HttpResponse:
        """The answer shows the key, this once. It cannot have more scopes than the key that asks."""
        draft = ApiKeyDraft(**self.read(ApiKeyInput))
        issued = operations_api_keys.create_api_key(draft, actor=self.actor, now=self.now, granted_by=self.api_key)
        return answer_json(_issued(issued), 201)


class ApiKeyRotate(ApiView):
    """`/api-key/{id}/rotate`."""

    scopes = {"*": Scope.ADMIN}
    shows_secret = True

    @describe("Rotate an API key", takes=RotateInput, gives=IssuedKeyAnswer)
    def post(self, request: Request, api_key_id: uuid.UUID) -> HttpResponse:
        """A new key takes the place of the old one, which goes on working for the overlap."""
        hours = self.read(RotateInput).get("overlap_hours", OVERLAP_HOURS)
        issued = operations_api_keys.rotate_api_key(
            api_key_id, overlap=timedelta(hours=hours), actor=self.actor, now=self.now
        )
        return answer_json(_issued(issued))


class ApiKeyDisable(ApiView):
    """`/api-key/{id}/disable`."""

    scopes = {"*": Scope.ADMIN}

    @describe("Disable an API key", gives=ApiKeyAnswer, errors=(409,))
    def post(self, request: Request, api_key_id: uuid.UUID) -> HttpResponse:
        """At once and for good."""
        api_key = operations_api_keys.disable_api_key(api_key_id, actor=self.actor, now=self.now)
        return answer_json(ApiKeyAnswer().to_representation(api_key))
