"""Reads of vouchers."""

import uuid

from django.db.models import Count, Prefetch, Q, QuerySet

from core.errors import NotFound
from subscriptions.domain.lifecycle import LIVE_STATUSES
from subscriptions.models import Plan, Subscription, Voucher, VoucherAmount, VoucherRedemption


def list_vouchers() -> QuerySet[Voucher]:
    """Return vouchers with amounts, plans and the number of their redemptions, newest first."""
    return (
        Voucher.objects.annotate(redemption_count=Count("redemptions"))
        .prefetch_related(
            Prefetch("amounts", queryset=VoucherAmount.objects.order_by("currency")),
            Prefetch("plans", queryset=Plan.objects.order_by("id")),
        )
        .order_by("-id")
    )


def get_voucher(voucher_id: uuid.UUID) -> Voucher:
    """Return a voucher with what its answer shows. Raises NotFound."""
    voucher = list_vouchers().filter(id=voucher_id).first()
    if voucher is None:
        raise NotFound(f"No voucher has the id {voucher_id}.")
    return voucher


def find_manual_voucher(code: str) -> Voucher | None:
    """Return the voucher with a code, whatever the case, or None."""
    return Voucher.objects.filter(code__iexact=code).exclude(code="").first()


def list_automatic_vouchers(event: str, *, lock: bool = False) -> list[Voucher]:
    """Return the vouchers in force that an event redeems, the oldest first, locked if wanted."""
    in_force = Voucher.objects.filter(entry=Voucher.Entry.AUTOMATIC, event=event, disabled_at__isnull=True)
    return list(in_force.order_by("id").select_for_update(no_key=True) if lock else in_force.order_by("id"))


def list_redemptions(voucher_id: uuid.UUID) -> QuerySet[VoucherRedemption]:
    """Return who redeemed a voucher, newest first. Raises NotFound for an unknown voucher."""
    if not Voucher.objects.filter(id=voucher_id).exists():
        raise NotFound(f"No voucher has the id {voucher_id}.")
    return VoucherRedemption.objects.filter(voucher_id=voucher_id).order_by("-id")


def get_running_redemption(customer_id: uuid.UUID, redemption_id: uuid.UUID) -> VoucherRedemption:
    """Lock and return a customer's redemption that can be taken back: one in force, or a credit. Raises NotFound."""
    in_force = Q(ended_at__isnull=True) | Q(voucher__type=Voucher.Type.FIXED_CREDIT) | Q(periods__isnull=False)
    found = VoucherRedemption.objects.filter(in_force, id=redemption_id, customer_id=customer_id).exists()
    if not found:
        raise NotFound(f"The customer has no voucher in force by the redemption {redemption_id}.")
    return VoucherRedemption.objects.select_related("voucher").select_for_update(of=("self",)).get(id=redemption_id)


def held_plans(customer_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Return the plans of a customer's subscriptions that have not ended."""
    live = Subscription.objects.filter(customer_id=customer_id, status__in=LIVE_STATUSES)
    return frozenset(live.values_list("plan_id", flat=True))


def billed_currency(customer_id: uuid.UUID) -> str | None:
    """Return the currency of a customer's newest subscription that has not ended, or None."""
    live = Subscription.objects.filter(customer_id=customer_id, status__in=LIVE_STATUSES)
    return live.order_by("-id").values_list("currency", flat=True).first()
