"""The instance's own settings: what it is, what it takes, and the one switch that can be turned while it runs."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core import operations_instance, queries_instance
from core.api.fields import FlagField, InstantField, TextField, WholeNumberField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_json
from core.domain.access import Scope
from core.models import Instance
from core.operations_instance import needs_reconcile
from core.version import reckoner_version


class SettingsAnswer(AnswerSerializer):
    """What this instance is, and how it is set up."""

    always = frozenset({"held", "needs_reconcile"})
    nullable = frozenset({"held_at"})

    mode = WordField(Instance.Mode.choices, help_text="Fixed at first start.")
    version = TextField()
    public_url = TextField(help_text="Links in mails and papers start with it (`PUBLIC_URL`).")
    payment_provider = TextField(help_text="Who keeps new cards (`PAYMENT_PROVIDER`).")
    body_limit_bytes = WholeNumberField(help_text="The longest body of a request (`API_BODY_LIMIT_BYTES`).")
    usage_batch_limit_bytes = WholeNumberField(help_text="The longest batch of events (`USAGE_BATCH_LIMIT_BYTES`).")
    usage_late_days = WholeNumberField(
        help_text="How long after an invoiced period its events are still taken (`USAGE_LATE_DAYS`)."
    )
    held = serializers.BooleanField(help_text="While true nothing is billed or charged.")
    held_at = InstantField(help_text="Since when.")
    restored_from_at = InstantField(help_text="When the backup was taken that this instance was restored from.")
    needs_reconcile = serializers.BooleanField(
        help_text="Restored, and not yet matched with the provider's charges: the hold cannot be lifted."
    )
    worker_seen_at = InstantField(help_text="When a worker last did a tick.")
    books_checked_at = InstantField(help_text="When the books were last proved.")
    books_breaches = WholeNumberField(help_text="How many breaches were found then.")
    created_at = InstantField()


class SettingsInput(InputSerializer):
    """What can be set while the instance runs; the rest are environment variables, read at start."""

    answered = frozenset(
        {
            "mode", "version", "public_url", "payment_provider", "body_limit_bytes", "usage_batch_limit_bytes",
            "usage_late_days", "held_at", "restored_from_at", "needs_reconcile", "worker_seen_at", "books_checked_at",
            "books_breaches", "created_at",
        }
    )  # fmt: skip

    held = FlagField(required=False, help_text="true: nothing is billed or charged; false: the hold is lifted.")


def _told(instance: Instance) -> dict[str, Any]:
    """Return the settings as they are answered."""
    values = {
        "mode": instance.mode,
        "version": reckoner_version(),
        "public_url": settings.PUBLIC_URL,
        "payment_provider": settings.PAYMENT_PROVIDER,
        "body_limit_bytes": settings.API_BODY_LIMIT_BYTES,
        "usage_batch_limit_bytes": settings.USAGE_BATCH_LIMIT_BYTES,
        "usage_late_days": settings.USAGE_LATE_DAYS,
        "held": instance.held_at is not None,
        "held_at": instance.held_at,
        "restored_from_at": instance.restored_from_at,
        "needs_reconcile": needs_reconcile(instance),
        "worker_seen_at": instance.worker_seen_at,
        "books_checked_at": instance.books_checked_at,
        "books_breaches": instance.books_breaches,
        "created_at": instance.created_at,
    }
    return SettingsAnswer().to_representation(values)


class Settings(ApiView):
    """`/settings`."""

    scopes = {"*": Scope.ADMIN}

    @describe("Read the settings", gives=SettingsAnswer)
    def get(self, request: Request) -> HttpResponse:
        """What this instance is and takes, whether it is held, and when its worker and its books were last seen to."""
        return answer_json(_told(queries_instance.get_instance()))

    @describe("Change the settings", takes=SettingsInput, gives=SettingsAnswer, changes=True, errors=(409,))
    def put(self, request: Request) -> HttpResponse:
        """Hold the instance, or lift the hold; 409 after a restore until `manage.py reconcile` was run.

        Everything else is an environment variable: what is sent for it is passed over.
        """
        held = self.read(SettingsInput, partial=True).get("held")
        if held is True:
            operations_instance.hold_instance(now=self.now, actor=self.actor)
        elif held is False:
            operations_instance.resume_instance(now=self.now, actor=self.actor)
        return answer_json(_told(queries_instance.get_instance()))
