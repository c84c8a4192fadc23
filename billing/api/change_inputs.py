"""What the calls that change a running subscription take."""

from collections.abc import Mapping
from typing import Any

from billing.api.inputs import MOST_SEATS, card_reference, moment_of
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from billing.operations.plan_changes import PlanCommand, Timing, When
from core.api.fields import FlagField, MomentField, TextField, WholeNumberField, WordField
from core.api.serializers import InputSerializer, Parameters
from subscriptions.api.inputs import plan_reference, price_reference
from subscriptions.domain.pending import ChangeKind
from subscriptions.domain.terms import KEEP, SHIFT
from subscriptions.models import Price

WHEN = {"instantly": When.INSTANTLY, "next-cycle": When.NEXT_CYCLE, "specific-date": When.SPECIFIC_DATE}
CANCEL_WHEN = {
    "end-of-run": CancelWhen.END_OF_RUN,
    "instantly": CancelWhen.INSTANTLY,
    "specific-date": CancelWhen.SPECIFIC_DATE,
}
SPECIFIC_DATE = "specific-date"
UNDERSCORED = {word.replace("-", "_"): word for word in (*WHEN, *CANCEL_WHEN)}
LONGEST_COMMENT = 1000


def _when(words: Mapping[str, Any], **options: Any) -> WordField:
    """Return a field that says when, its words also taken with underscores."""
    spellings = {other: word for other, word in UNDERSCORED.items() if word in words}
    return WordField(list(words), spellings=spellings, **options)


def date_breaches(values: Mapping[str, Any], sent_names: frozenset[str]) -> Mapping[str, str]:
    """Return what is wrong between `when` and `date`: one goes with a date, the others have none."""
    if "when" in sent_names and "when" not in values:
        return {}
    on_date = values.get("when") == SPECIFIC_DATE
    if on_date and "date" not in sent_names:
        return {"date": f"is required with {SPECIFIC_DATE}"}
    return {"date": f"needs when to be {SPECIFIC_DATE}"} if "date" in sent_names and not on_date else {}


class PriceChangeInput(InputSerializer):
    """The price that takes over, and when."""

    price = price_reference()
    when = _when(WHEN)
    date = MomentField(required=False, help_text="With specific-date: a day ahead, from its start, or an instant.")
    proration = WordField(Price.Proration.choices, required=False, help_text="The target price's own, unless sent.")

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between when and date."""
        return date_breaches(values, self.sent_names)


class PlanChangeInput(PriceChangeInput):
    """The plan and price that take over, and when."""

    aliases = {"subscription_plan": "plan"}

    plan = plan_reference(help_text="Id or code name.")


class SeatsChangeInput(InputSerializer):
    """How many seats are added or removed, and when."""

    seats = WholeNumberField(min_value=1, max_value=MOST_SEATS)
    date = MomentField(required=False, help_text="A day ahead, from its start, or an instant; now unless sent.")
    invoice_now = FlagField(required=False, help_text="Bill it at once, not at the next boundary.")

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return that what is made later is not invoiced now."""
        if "date" in values and values.get("invoice_now"):
            return {"invoice_now": "cannot be sent together with date"}
        return {}


class SeatsInput(SeatsChangeInput):
    """How many seats there are to be."""

    aliases = {"seat_number": "seats"}


class ItemAddInput(InputSerializer):
    """A further price of a subscription."""

    answered = frozenset({"id"})

    price = price_reference()
    quantity = WholeNumberField(min_value=1, max_value=MOST_SEATS, required=False, help_text="1, unless sent.")


class ItemChangeInput(InputSerializer):
    """How many of an item there are to be, and when; the price stays."""

    answered = frozenset({"id", "price"})

    quantity = WholeNumberField(min_value=1, max_value=MOST_SEATS)
    when = _when(WHEN, required=False, help_text="Instantly, unless sent.")
    date = MomentField(required=False)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between when and date."""
        return date_breaches(values, self.sent_names)


class CancelInput(InputSerializer):
    """How a subscription is to end."""

    when = _when(CANCEL_WHEN, required=False, help_text="End-of-run, unless sent.")
    refund_type = WordField([str(one) for one in RefundType], required=False, help_text="None, unless sent.")
    date = MomentField(required=False, help_text="With specific-date: a day ahead, at its start, or an instant.")
    comment = TextField(required=False, allow_blank=True, max_length=LONGEST_COMMENT)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong between when and date."""
        return date_breaches(values, self.sent_names)


class ResumeInput(InputSerializer):
    """How a pause is counted."""

    policy = WordField(
        [SHIFT, KEEP],
        required=False,
        help_text="shift, the default, moves the boundaries by the days paused; keep leaves them and credits the days.",
    )


class ExtendInput(InputSerializer):
    """The price a trial goes on with."""

    price = price_reference()


class PaymentMethodInput(InputSerializer):
    """The card that pays."""

    payment_details = card_reference()


class PendingChangeParameters(Parameters):
    """Which of the changes that wait is meant."""

    kind = WordField([str(kind) for kind in ChangeKind], required=False)


def timing_of(values: Mapping[str, Any], zone: str) -> Timing:
    """Return when a change is made; `zone` is the customer's."""
    at = moment_of(values.get("date"), zone)
    if "when" in values:
        return Timing(WHEN[values["when"]], at)
    return Timing() if at is None else Timing(When.SPECIFIC_DATE, at)


def plan_command(values: Mapping[str, Any], zone: str) -> PlanCommand:
    """Return a validated change of plan or price as the engine takes it."""
    plan = values.get("plan")
    return PlanCommand(
        price_id=values["price"].id,
        plan_id=plan.id if plan is not None else None,
        timing=timing_of(values, zone),
        proration=values.get("proration", ""),
    )


def cancel_command(values: Mapping[str, Any], zone: str) -> CancelCommand:
    """Return a validated cancellation as the engine takes it."""
    return CancelCommand(
        when=CANCEL_WHEN[values.get("when", "end-of-run")],
        refund=RefundType(values.get("refund_type", "none")),
        at=moment_of(values.get("date"), zone),
        comment=values.get("comment", ""),
    )
