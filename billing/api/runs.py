"""Billing runs: asked for, and how they went."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing import tasks
from billing.models import BillingRun
from billing.operations import runs as operations
from billing.queries import runs as queries
from core.api.fields import IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_json


class BillingRunAnswer(AnswerSerializer):
    """A run over everybody who is due, and what it has made so far."""

    always = frozenset({"status", "customers", "invoices", "parked"})

    id = IdField()
    status = WordField(BillingRun.Status.values, help_text="`stopped`: it failed; the next run does the rest.")
    trigger = TextField(help_text="`tick` (the scheduler), `command` or `api`.")
    as_of = InstantField(help_text="What was due by then is billed.")
    customers = WholeNumberField(help_text="Customers billed.")
    invoices = WholeNumberField()
    parked = WholeNumberField(help_text="Customers that could not be billed; they are tried again later.")
    created_at = InstantField()
    started_at = InstantField()
    finished_at = InstantField()


class BillingRunListParameters(ListParameters):
    """What billing runs are narrowed by."""

    status = WordField(BillingRun.Status.values, required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


class BillingRunList(ApiView):
    """`/billing-run`."""

    parameters = {"GET": BillingRunListParameters}

    @describe("List billing runs", gives=BillingRunAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first: the scheduler's, those by command, and those asked for here."""
        columns = {"status": "status", "created_from": "created_at__gte", "created_to": "created_at__lt"}
        narrowed = {column: self.query[name] for name, column in columns.items() if name in self.query}
        return self.list_of(queries.list_runs().filter(**narrowed), BillingRunAnswer)

    @describe("Run billing", gives=BillingRunAnswer, status=202, errors=(409,))
    def post(self, request: Request) -> HttpResponse:
        """A worker bills everybody who is due on the wall clock now, then charges; 409 while the instance is held.

        The scheduler does so every minute. What was billed is never billed again.
        """
        run = operations.request_run(now=self.now, actor=self.actor)
        tasks.hint_tick()
        answer = BillingRunAnswer().to_representation(run)
        return answer_json(answer, 202, location=f"/api/v1/billing-run/{run.id}")


class BillingRunDetail(ApiView):
    """`/billing-run/{id}`."""

    @describe("Read a billing run", gives=BillingRunAnswer)
    def get(self, request: Request, billing_run_id: uuid.UUID) -> HttpResponse:
        """Whether it waits, runs or has ended, and what it has made so far."""
        return answer_json(BillingRunAnswer().to_representation(queries.get_run(billing_run_id)))
