"""Ending, pausing and resuming subscriptions, going on after a trial, and the card that pays."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.change_inputs import CancelInput, ExtendInput, PaymentMethodInput, ResumeInput, cancel_command
from billing.api.running import RunningView
from billing.operations import lifecycle, subscription_cards
from core.api.schema import describe
from core.api.views import answer_null
from subscriptions.api.serializers import SubscriptionAnswer

SOME_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


class Cancel(RunningView):
    """`/subscription/{id}/cancel`."""

    @describe(
        "Cancel a subscription",
        takes=CancelInput,
        status=202,
        request_example={"when": "end-of-run", "refund_type": "none", "comment": "Moved away"},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """At the end of the period, on a date, or now; outstanding usage is billed. A second time nothing happens."""
        asked = self.asked(subscription_id)
        command = cancel_command(self.read(CancelInput), asked.zone)
        made = lifecycle.cancel_subscription(
            subscription_id=subscription_id, command=command, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return answer_null(202)


class Uncancel(RunningView):
    """`/subscription/{id}/uncancel`."""

    @describe("Take a cancellation back", gives=SubscriptionAnswer, errors=(409,))
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """As long as the end lies ahead; 409 when none is scheduled."""
        asked = self.asked(subscription_id)
        self.follow_up(lifecycle.undo_cancel(subscription_id=subscription_id, now=asked.now, actor=self.actor))
        return self.answer_subscription(subscription_id)


class Pause(RunningView):
    """`/subscription/{id}/pause`."""

    @describe("Pause a subscription", gives=SubscriptionAnswer, errors=(409,))
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """No charges and no entitlements until it resumes."""
        asked = self.asked(subscription_id)
        self.follow_up(lifecycle.pause_subscription(subscription_id=subscription_id, now=asked.now, actor=self.actor))
        return self.answer_subscription(subscription_id)


class Resume(RunningView):
    """`/subscription/{id}/resume`."""

    @describe("Resume a subscription", takes=ResumeInput, gives=SubscriptionAnswer, request_example={"policy": "shift"})
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """`shift` lengthens the period by the days paused, `keep` credits them."""
        asked = self.asked(subscription_id)
        policy = self.read(ResumeInput).get("policy", "")
        made = lifecycle.resume_subscription(
            subscription_id=subscription_id, policy=policy, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return self.answer_subscription(subscription_id)


class Extend(RunningView):
    """`/subscription/{id}/extend`."""

    @describe(
        "Go on after a trial",
        takes=ExtendInput,
        gives=SubscriptionAnswer,
        errors=(406,),
        request_example={"price": SOME_ID},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """Paid with a price of its plan: from the trial's end, or now when that is past. 406 without a card."""
        asked = self.asked(subscription_id)
        price = self.read(ExtendInput)["price"]
        made = lifecycle.extend_trial(
            subscription_id=subscription_id, price_id=price.id, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return self.answer_subscription(subscription_id)


class PaymentMethod(RunningView):
    """`/subscription/{id}/payment-method`."""

    @describe(
        "Choose the card that pays", takes=PaymentMethodInput, status=202, request_example={"payment_details": SOME_ID}
    )
    def put(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """A card of the subscription's customer, from the next document on."""
        asked = self.asked(subscription_id)
        card_id = self.read(PaymentMethodInput)["payment_details"]
        subscription_cards.choose_card(
            subscription_id=subscription_id, payment_method_id=card_id, now=asked.now, actor=self.actor
        )
        return answer_null(202)
