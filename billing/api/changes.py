"""Changing plan, price, seats and items of a running subscription, and the changes that wait."""

import uuid
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.change_inputs import (
    ItemAddInput,
    ItemChangeInput,
    PendingChangeParameters,
    PlanChangeInput,
    PriceChangeInput,
    SeatsChangeInput,
    SeatsInput,
    plan_command,
    timing_of,
)
from billing.api.running import RunningView
from billing.api.serializers import SuccessAnswer
from billing.operations import plan_changes, seats
from core.api.schema import describe
from core.api.views import answer_json, answer_nothing
from core.errors import NotFound
from subscriptions.api.serializers import PendingChangeAnswer, SubscriptionAnswer, SubscriptionItemAnswer
from subscriptions.models import Subscription
from subscriptions.queries import subscriptions as queries
from subscriptions.queries.subscriptions import RunningItem, running_items, waiting_changes

SOME_PRICE = "01890a5d-ac96-774b-bcce-b302099a8057"


class PlanChange(RunningView):
    """`/subscription/{id}/plan`."""

    @describe(
        "Change a subscription's plan",
        takes=PlanChangeInput,
        gives=SubscriptionAnswer,
        status=202,
        request_example={"when": "next-cycle", "plan": "team", "price": SOME_PRICE},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """Instantly: unused time is credited, the new plan charged, at once. Later: it waits as `pending_change`.

        The charge follows by the worker; one that is declined leaves the change standing and the invoice open.
        """
        asked = self.asked(subscription_id)
        command = plan_command(self.read(PlanChangeInput), asked.zone)
        made = plan_changes.change_plan(
            subscription_id=subscription_id, command=command, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return self.answer_subscription(subscription_id, 202)


class PriceChange(RunningView):
    """`/subscription/{id}/price`."""

    @describe(
        "Change a subscription's price",
        takes=PriceChangeInput,
        gives=SuccessAnswer,
        request_example={"when": "instantly", "price": SOME_PRICE},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """To another price of the plan it has; as a change of plan otherwise."""
        asked = self.asked(subscription_id)
        command = plan_command(self.read(PriceChangeInput), asked.zone)
        made = plan_changes.change_plan(
            subscription_id=subscription_id, command=command, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return answer_json({"success": True})


class SeatsTotal(RunningView):
    """`/subscription/{id}/seats`."""

    @describe("Set the seats", takes=SeatsInput, gives=SubscriptionAnswer, request_example={"seats": 5})
    def put(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """To a number, whatever there are; else as adding and removing."""
        asked = self.asked(subscription_id)
        values = self.read(SeatsInput)
        made = plan_changes.change_seats(
            subscription_id=subscription_id,
            seats=values["seats"],
            timing=timing_of(values, asked.zone),
            invoice_now=values.get("invoice_now", False),
            now=asked.now,
            actor=self.actor,
        )
        self.follow_up(made)
        return self.answer_subscription(subscription_id)


class _SeatsChange(RunningView):
    """Adds or removes seats by an operation."""

    def change(self, operation: Any, subscription_id: uuid.UUID) -> HttpResponse:
        """Change them, at the moment it is for the customer."""
        asked = self.asked(subscription_id)
        values = self.read(SeatsChangeInput)
        made = operation(
            subscription_id=subscription_id,
            seats=values["seats"],
            timing=timing_of(values, asked.zone),
            invoice_now=values.get("invoice_now", False),
            now=asked.now,
            actor=self.actor,
        )
        self.follow_up(made)
        return answer_json({"success": True})


class SeatsAdd(_SeatsChange):
    """`/subscription/{id}/seats/add`."""

    @describe("Add seats", takes=SeatsChangeInput, gives=SuccessAnswer, request_example={"seats": 2})
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """Billed at the next boundary, with `invoice_now` at once; on a `date` ahead they wait. Per-seat plans only."""
        return self.change(seats.add_seats, subscription_id)


class SeatsRemove(_SeatsChange):
    """`/subscription/{id}/seats/remove`."""

    @describe("Remove seats", takes=SeatsChangeInput, gives=SuccessAnswer, request_example={"seats": 2})
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """Credited at the next boundary, with `invoice_now` at once; at least one seat stays."""
        return self.change(seats.remove_seats, subscription_id)


class ItemList(RunningView):
    """`/subscription/{id}/item`."""

    @describe("List a subscription's items", gives=SubscriptionItemAnswer, lists=True)
    def get(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """All that run, the plan's own first."""
        items = [_rendered(item) for item in running_items(queries.get_subscription(subscription_id))]
        last = {"last_key": items[-1]["id"]} if items else {}
        return answer_json({"data": items, "has_more": False, **last})

    @describe(
        "Add an item",
        takes=ItemAddInput,
        gives=SubscriptionItemAnswer,
        status=201,
        request_example={"price": SOME_PRICE, "quantity": 2},
    )
    def post(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """A further price in the same currency and interval; what is left of the period is charged at once."""
        asked = self.asked(subscription_id)
        values = self.read(ItemAddInput)
        changed = plan_changes.add_item(
            subscription_id=subscription_id,
            price_id=values["price"].id,
            quantity=values.get("quantity", 1),
            now=asked.now,
            actor=self.actor,
        )
        self.follow_up(changed)
        item_id = changed.agreement.items[-1].item_id
        body = _rendered(_item(queries.get_subscription(subscription_id), item_id))
        return answer_json(body, 201, location=f"/api/v1/subscription/{subscription_id}/item/{item_id}")


class ItemDetail(RunningView):
    """`/subscription/{id}/item/{itemId}`."""

    @describe("Read an item", gives=SubscriptionItemAnswer)
    def get(self, request: Request, subscription_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
        """One that runs."""
        return answer_json(_rendered(_item(queries.get_subscription(subscription_id), item_id)))

    @describe("Change an item", takes=ItemChangeInput, gives=SubscriptionItemAnswer, request_example={"quantity": 3})
    def put(self, request: Request, subscription_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
        """Its quantity: billed or credited at once, or waiting when it is for later."""
        asked = self.asked(subscription_id)
        _item(queries.get_subscription(subscription_id), item_id)
        values = self.read(ItemChangeInput)
        made = plan_changes.change_item(
            subscription_id=subscription_id,
            item_id=item_id,
            quantity=values["quantity"],
            timing=timing_of(values, asked.zone),
            now=asked.now,
            actor=self.actor,
        )
        self.follow_up(made)
        return answer_json(_rendered(_item(queries.get_subscription(subscription_id), item_id)))

    @describe("End an item", status=204, errors=(409,))
    def delete(self, request: Request, subscription_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
        """Now; what is unused of it is given back. 409 for the plan's own."""
        asked = self.asked(subscription_id)
        made = plan_changes.change_item(
            subscription_id=subscription_id, item_id=item_id, quantity=0, now=asked.now, actor=self.actor
        )
        self.follow_up(made)
        return answer_nothing()


class PendingChangeDetail(RunningView):
    """`/subscription/{id}/pending-change`."""

    parameters = {"GET": PendingChangeParameters, "DELETE": PendingChangeParameters}

    @describe("Read the change that waits", gives=PendingChangeAnswer)
    def get(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """The next one to come, with the `others` that wait. 404 when none does."""
        waiting = waiting_changes(queries.get_subscription(subscription_id), self.query.get("kind", ""))
        if not waiting:
            raise NotFound("No change of this subscription waits.")
        return answer_json(PendingChangeAnswer().to_representation(waiting))

    @describe("Take back the changes that wait", status=204)
    def delete(self, request: Request, subscription_id: uuid.UUID) -> HttpResponse:
        """All of them, or those of a kind. 404 when none waits."""
        asked = self.asked(subscription_id)
        plan_changes.revoke_pending(
            subscription_id=subscription_id, kind=self.query.get("kind", ""), now=asked.now, actor=self.actor
        )
        return answer_nothing()


def _item(subscription: Subscription, item_id: uuid.UUID) -> RunningItem:
    """Return a running item of a subscription. Raises NotFound."""
    for item in running_items(subscription):
        if item.id == item_id:
            return item
    raise NotFound(f"The subscription has no item {item_id}.")


def _rendered(item: RunningItem) -> dict[str, Any]:
    """Return an item as it is answered."""
    return SubscriptionItemAnswer().to_representation(item)
