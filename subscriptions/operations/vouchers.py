"""Writes of vouchers: made, put out of force, redeemed (Billing rules, section 6)."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from core.domain.schedule import local_date
from core.errors import Conflict, Invalid
from core.operations import Actor, AuditDraft, record_audit, require_transaction
from customers import queries as customers_queries
from customers.models import Customer
from ledger import operations as ledger_operations
from ledger.models import Account, Posting
from subscriptions.domain.postings import CREDIT_KIND, voucher_credit
from subscriptions.domain.voucher import (
    RedemptionCase,
    VoucherWanted,
    invoices_left,
    redemption_fault,
    voucher_faults,
)
from subscriptions.models import Plan, Voucher, VoucherAmount, VoucherRedemption
from subscriptions.queries import vouchers


@transaction.atomic
def create_voucher(wanted: VoucherWanted, *, actor: Actor, now: datetime) -> Voucher:
    """Make a voucher. Raises Invalid with every fault, Conflict when the code is taken in any case."""
    faults = voucher_faults(wanted)
    if wanted.expires_at is not None and wanted.expires_at <= now:
        faults["expires_at"] = "must lie ahead"
    if faults:
        raise Invalid("The voucher cannot be made; `errors` says why.", fields=faults)
    voucher = _save(wanted, now)
    VoucherAmount.objects.bulk_create(
        VoucherAmount(
            voucher=voucher,
            currency=amount.currency,
            amount_minor=amount.amount_minor,
            minimum_minor=amount.minimum_minor,
        )
        for amount in wanted.amounts
    )
    voucher.plans.set(Plan.objects.filter(id__in=wanted.plan_ids))
    after = {"name": voucher.name, "type": voucher.type, "code": voucher.code}
    record_audit(actor, [AuditDraft("voucher.created", "voucher", voucher.id, after=after)], recorded_at=now)
    return vouchers.get_voucher(voucher.id)


def _save(wanted: VoucherWanted, now: datetime) -> Voucher:
    voucher = Voucher(
        name=wanted.name,
        type=wanted.type,
        entry=wanted.entry,
        code=wanted.code.strip(),
        event=wanted.event,
        percent=wanted.percent,
        duration=wanted.duration,
        duration_count=wanted.duration_count,
        expires_at=wanted.expires_at,
        maximum_redemptions=wanted.maximum_redemptions,
        once_per_customer=wanted.once_per_customer,
        created_at=now,
    )
    try:
        with transaction.atomic():
            voucher.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"A voucher with the code {voucher.code} is there already.", code="voucher_code_taken"
        ) from error
    return voucher


@transaction.atomic
def disable_voucher(voucher_id: uuid.UUID, *, actor: Actor, now: datetime) -> Voucher:
    """Let nobody redeem a voucher any more; who has redeemed it keeps it. Raises NotFound, Conflict."""
    vouchers.get_voucher(voucher_id)
    if not Voucher.objects.filter(id=voucher_id, disabled_at__isnull=True).update(disabled_at=now):
        raise Conflict("The voucher is disabled already.", code="already_disabled")
    record_audit(actor, [AuditDraft("voucher.disabled", "voucher", voucher_id)], recorded_at=now)
    return vouchers.get_voucher(voucher_id)


@transaction.atomic
def enable_voucher(voucher_id: uuid.UUID, *, actor: Actor, now: datetime) -> Voucher:
    """Let a disabled voucher be redeemed again. Raises NotFound, Conflict."""
    vouchers.get_voucher(voucher_id)
    if not Voucher.objects.filter(id=voucher_id, disabled_at__isnull=False).update(disabled_at=None):
        raise Conflict("The voucher is not disabled.", code="not_disabled")
    record_audit(actor, [AuditDraft("voucher.enabled", "voucher", voucher_id)], recorded_at=now)
    return vouchers.get_voucher(voucher_id)


@transaction.atomic
def redeem_voucher(*, customer_id: uuid.UUID, code: str, actor: Actor, now: datetime) -> VoucherRedemption:
    """Give a customer a manual voucher by its code, in any case; `now` is the customer's own moment.

    A fixed credit goes onto the balance at once, in the currency the customer is billed in. Raises NotFound, and
    Invalid on `code`, saying which bound is breached.
    """
    customer = customers_queries.lock_customer(customer_id)
    redemption = redeem_for(
        customer,
        code,
        held_plan_ids=vouchers.held_plans(customer_id),
        currency=vouchers.billed_currency(customer_id),
        now=now,
    )
    after = {"voucher": str(redemption.voucher_id), "code": code}
    record_audit(actor, [AuditDraft("voucher.redeemed", "customer", customer_id, after=after)])
    return redemption


def redeem_for(
    customer: Customer,
    code: str,
    *,
    held_plan_ids: frozenset[uuid.UUID],
    currency: str | None,
    now: datetime,
    field: str = "code",
) -> VoucherRedemption:
    """Redeem a voucher in the caller's transaction, the customer locked; `field` names the code in a refusal.

    Raises RuntimeError outside a transaction, Invalid.
    """
    require_transaction()
    found = vouchers.find_manual_voucher(code)
    if found is None:
        raise _refused(field, "no voucher has this code")
    # Locked, so that the last redemption is given once.
    voucher = Voucher.objects.select_for_update(no_key=True).get(id=found.id)
    redemptions = VoucherRedemption.objects.filter(voucher=voucher)
    case = RedemptionCase(
        disabled=voucher.disabled_at is not None,
        expires_at=voucher.expires_at,
        maximum_redemptions=voucher.maximum_redemptions,
        redeemed=redemptions.count(),
        once_per_customer=voucher.once_per_customer,
        redeemed_by_customer=redemptions.filter(customer=customer).exists(),
        plan_ids=frozenset(voucher.plans.values_list("id", flat=True)),
        held_plan_ids=held_plan_ids,
    )
    fault = redemption_fault(case, now)
    if fault is not None:
        raise _refused(field, fault)
    is_credit = voucher.type == Voucher.Type.FIXED_CREDIT
    redemption = VoucherRedemption(
        voucher=voucher,
        customer=customer,
        remaining=invoices_left(voucher.type, voucher.duration, voucher.duration_count),
        redeemed_at=now,
        ended_at=now if is_credit else None,
    )
    redemption.save(force_insert=True)
    if is_credit:
        _grant(redemption, customer, currency or customer.brand.currency, field)
    return redemption


def _grant(redemption: VoucherRedemption, customer: Customer, currency: str, field: str) -> None:
    """Post a voucher's credit onto the customer's balance. Raises Invalid when it gives none in the currency."""
    amount = VoucherAmount.objects.filter(voucher=redemption.voucher, currency=currency).first()
    if amount is None or amount.amount_minor is None:
        raise _refused(field, f"the voucher gives no credit in {currency}")
    posted_at = redemption.redeemed_at
    _post(redemption, customer, currency, amount.amount_minor, posted_at)


def _post(
    redemption: VoucherRedemption, customer: Customer, currency: str, amount_minor: int, posted_at: datetime
) -> None:
    """Post a voucher's credit, or its return when the amount is negative."""
    entry = voucher_credit(
        redemption_id=redemption.id,
        customer_id=customer.id,
        currency=currency,
        amount_minor=amount_minor,
        posted_at=posted_at,
        accounting_date=local_date(posted_at, customer.brand.time_zone),
    )
    ledger_operations.post_entries([entry])


def _take_back(redemption: VoucherRedemption, customer: Customer, now: datetime) -> None:
    """Post the return of what a redemption had put onto the balance."""
    granted = Posting.objects.filter(
        entry__object_id=redemption.id, entry__kind=CREDIT_KIND, account=Account.CUSTOMER_BALANCE
    )
    for posting in granted:
        _post(redemption, customer, posting.currency, posting.amount_minor, now)


def _refused(field: str, fault: str) -> Invalid:
    return Invalid("The voucher cannot be redeemed.", fields={field: fault})


@transaction.atomic
def return_voucher(redemption_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Take back a redemption that served nothing: what it was redeemed for did not come about.

    A credit already on the balance is posted back. A redemption that has discounted an invoice stays.
    """
    found = VoucherRedemption.objects.select_related("voucher").filter(id=redemption_id).first()
    if found is None:
        return
    customer = customers_queries.lock_customer(found.customer_id)
    redemption = VoucherRedemption.objects.select_for_update().select_related("voucher").get(id=redemption_id)
    voucher = redemption.voucher
    if redemption.remaining != invoices_left(voucher.type, voucher.duration, voucher.duration_count):
        return
    if voucher.type == Voucher.Type.FIXED_CREDIT:
        _take_back(redemption, customer, now)
    redemption.delete()
    after = {"voucher": str(voucher.id)}
    record_audit(actor, [AuditDraft("voucher.returned", "customer", customer.id, after=after)])
