"""Advancing a test clock."""

import time
import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.inputs import AdvanceInput
from billing.operations.clocks import ClockProgress, advance_clock
from billing.tasks import advance_test_clock
from core.api.clock_views import TestClockAnswer
from core.api.schema import describe
from core.api.views import ApiView, answer_json
from core.queries_test_clocks import get_test_clock

SECONDS_AT_MOST = 10.0


class StillAdvancing(BaseException):
    """The advance takes longer than an answer may wait; a worker finishes it. No error: the clock has not failed."""


class TestClockAdvance(ApiView):
    """`/test-clock/{id}/advance`."""

    __test__ = False
    calls_provider = True

    @describe(
        "Advance a test clock",
        takes=AdvanceInput,
        gives=TestClockAnswer,
        errors=(409,),
        request_example={"now": "2026-02-01T00:00:00+00:00"},
    )
    def post(self, request: Request, clock_id: uuid.UUID) -> HttpResponse:
        """Everything due on the way runs, in order. 202 with status `advancing` when it takes more than 10 seconds."""
        get_test_clock(clock_id)
        target = self.read(AdvanceInput)["now"]
        deadline = time.monotonic() + SECONDS_AT_MOST

        def watch(progress: ClockProgress) -> None:
            if time.monotonic() > deadline:
                raise StillAdvancing

        try:
            clock = advance_clock(clock_id=clock_id, to_at=target, now=self.now, progress=watch)
        except StillAdvancing:
            advance_test_clock.delay(str(clock_id), target.isoformat())
            return answer_json(TestClockAnswer().to_representation(get_test_clock(clock_id)), 202)
        return answer_json(TestClockAnswer().to_representation(clock))
