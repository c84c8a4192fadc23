"""Vouchers, and a customer's redemption of one."""

import uuid
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_created, answer_json, answer_nothing, answer_null
from customers import queries as customers_queries
from subscriptions.api.inputs import RedeemInput, VoucherInput
from subscriptions.api.serializers import RedemptionAnswer, VoucherAnswer
from subscriptions.domain.voucher import AmountWanted, VoucherWanted
from subscriptions.operations import vouchers as operations
from subscriptions.queries import vouchers

EXAMPLE = {"name": "Half off", "type": "percentage", "percent": 50, "code": "HALF", "duration": "once"}


class VoucherList(ApiView):
    """`/voucher`."""

    parameters = {"GET": ListParameters}

    @describe("List vouchers", gives=VoucherAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(vouchers.list_vouchers(), VoucherAnswer)

    @describe(
        "Create a voucher",
        takes=VoucherInput,
        gives=VoucherAnswer,
        status=201,
        errors=(409,),
        request_example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        """A percentage, an amount off, or a credit onto the balance."""
        wanted = VoucherWanted(**_named(self.read(VoucherInput)))
        voucher = operations.create_voucher(wanted, actor=self.actor, now=self.now)
        return answer_created(VoucherAnswer, voucher, "voucher")


class VoucherDetail(ApiView):
    """`/voucher/{id}`."""

    @describe("Read a voucher", gives=VoucherAnswer)
    def get(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """One voucher."""
        return answer_json(VoucherAnswer().to_representation(vouchers.get_voucher(voucher_id)))

    @describe("Change a voucher", takes=VoucherInput, changes=True, gives=VoucherAnswer, errors=(409,))
    def put(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """What is left out stays, lists are sent whole. Once redeemed, what it promises stays."""
        vouchers.get_voucher(voucher_id)
        changes = _named(self.read(VoucherInput, partial=True))
        voucher = operations.update_voucher(voucher_id, changes, actor=self.actor, now=self.now)
        return answer_json(VoucherAnswer().to_representation(voucher))

    @describe("Delete a voucher", status=204, errors=(409,))
    def delete(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """409 once it was redeemed: then it can be disabled."""
        operations.delete_voucher(voucher_id, actor=self.actor, now=self.now)
        return answer_nothing()


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """Return a request's values by their names in VoucherWanted."""
    if "amounts" in values:
        amounts = [AmountWanted(one["currency"], one.get("amount"), one.get("minimum")) for one in values["amounts"]]
        values["amounts"] = sorted(amounts, key=lambda amount: amount.currency)
    if "plans" in values:
        values["plan_ids"] = sorted(plan.id for plan in values.pop("plans"))
    return values


class VoucherDisable(ApiView):
    """`/voucher/{id}/disable`."""

    @describe("Disable a voucher", gives=VoucherAnswer, errors=(409,))
    def post(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """Nobody can redeem it any more; who has redeemed it keeps it."""
        voucher = operations.disable_voucher(voucher_id, actor=self.actor, now=self.now)
        return answer_json(VoucherAnswer().to_representation(voucher))


class VoucherEnable(ApiView):
    """`/voucher/{id}/enable`."""

    @describe("Enable a voucher", gives=VoucherAnswer, errors=(409,))
    def post(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """It can be redeemed again."""
        voucher = operations.enable_voucher(voucher_id, actor=self.actor, now=self.now)
        return answer_json(VoucherAnswer().to_representation(voucher))


class VoucherRedemptionList(ApiView):
    """`/voucher/{id}/redemption`."""

    parameters = {"GET": ListParameters}

    @describe("List who redeemed a voucher", gives=RedemptionAnswer, lists=True)
    def get(self, request: Request, voucher_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        return self.list_of(vouchers.list_redemptions(voucher_id), RedemptionAnswer)


class CustomerVoucher(ApiView):
    """`/customer/{id}/voucher`."""

    @describe("Apply a voucher to a customer", takes=RedeemInput, status=202, request_example={"code": "HALF"})
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """By its code, in any case. 400 on `code` says which bound is breached."""
        customer = customers_queries.get_customer(customer_id)
        code = self.read(RedeemInput)["code"]
        moment = customers_queries.now_of(customer, self.now)
        operations.redeem_voucher(customer_id=customer_id, code=code, actor=self.actor, now=moment)
        return answer_null(202)


class CustomerVoucherDetail(ApiView):
    """`/customer/{id}/voucher/{redemptionId}`."""

    @describe("Take a voucher from a customer", status=204, errors=(409,))
    def delete(self, request: Request, customer_id: uuid.UUID, redemption_id: uuid.UUID) -> HttpResponse:
        """It discounts nothing any more; a credit goes off the balance, 409 when the balance does not hold it."""
        customers_queries.require_customer(customer_id)
        operations.end_redemption(customer_id=customer_id, redemption_id=redemption_id, actor=self.actor, now=self.now)
        return answer_nothing()
