"""Test clocks: listed, made, read, deleted. Advancing one stands with the engine."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core import operations_test_clocks, queries_test_clocks
from core.api.fields import IdField, InstantField, TextField, WordField
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from core.models import TestClock


class TestClockAnswer(AnswerSerializer):
    """A clock that customers of a test instance hang on."""

    __test__ = False

    id = IdField()
    name = TextField()
    now = InstantField(source="now_at")
    target = InstantField(source="target_at", help_text="Where an advance under way is going.")
    status = WordField(TestClock.Status.choices)
    failure_reason = TextField()
    created_at = InstantField()


class TestClockInput(InputSerializer):
    """A new clock."""

    __test__ = False
    answered = frozenset({"id", "target", "status", "failure_reason", "created_at"})

    now = InstantField()
    name = TextField(required=False, allow_blank=True, max_length=200)


class TestClockList(ApiView):
    """`/test-clock`."""

    __test__ = False
    parameters = {"GET": ListParameters}

    @describe("List test clocks", gives=TestClockAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(queries_test_clocks.list_test_clocks(), TestClockAnswer)

    @describe(
        "Create a test clock",
        takes=TestClockInput,
        gives=TestClockAnswer,
        status=201,
        request_example={"now": "2026-01-01T00:00:00+00:00"},
    )
    def post(self, request: Request) -> HttpResponse:
        """It stands at `now` until it is advanced. Test-mode instances only."""
        values = self.read(TestClockInput)
        clock = operations_test_clocks.create_test_clock(
            name=values.get("name", ""), now_at=values["now"], actor=self.actor, now=self.now
        )
        return answer_created(TestClockAnswer, clock, "test-clock")


class TestClockDetail(ApiView):
    """`/test-clock/{id}`."""

    __test__ = False

    @describe("Read a test clock", gives=TestClockAnswer)
    def get(self, request: Request, clock_id: uuid.UUID) -> HttpResponse:
        """One clock."""
        clock = queries_test_clocks.get_test_clock(clock_id)
        return answer_json(TestClockAnswer().to_representation(clock))

    @describe("Delete a test clock", status=204, errors=(409,))
    def delete(self, request: Request, clock_id: uuid.UUID) -> HttpResponse:
        """409 while customers hang on it."""
        operations_test_clocks.delete_test_clock(clock_id, actor=self.actor, now=self.now)
        return answer_nothing()
