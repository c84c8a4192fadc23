"""Writes of vouchers: made, put out of force, redeemed (Billing rules, section 6)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet

from core.domain.schedule import local_date
from core.errors import Conflict, Invalid
from core.operations import SYSTEM, Actor, AuditDraft, record_audit, require_transaction
from customers import queries as customers_queries
from customers.models import Customer
from ledger import operations as ledger_operations
from ledger.models import Account, CustomerBalance, Posting
from subscriptions.domain.postings import CREDIT_KIND, voucher_credit
from subscriptions.domain.voucher import (
    AmountWanted,
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
    _add_amounts(voucher, wanted)
    voucher.plans.set(Plan.objects.filter(id__in=wanted.plan_ids))
    after = {"name": voucher.name, "type": voucher.type, "code": voucher.code}
    record_audit(actor, [AuditDraft("voucher.created", "voucher", voucher.id, after=after)], recorded_at=now)
    return vouchers.get_voucher(voucher.id)


# What says how much and to whom: whoever redeemed the voucher was promised it.
_PROMISED = frozenset(
    {"type", "entry", "code", "event", "percent", "duration", "duration_count", "amounts", "plan_ids"}
)


@transaction.atomic
def update_voucher(voucher_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Voucher:
    """Change what is named of a voucher, by the names in VoucherWanted; what is left out stays.

    Once redeemed, what it promises stays; its name and the bounds of further redemptions may change. Raises NotFound,
    Invalid with every fault, Conflict when the code is taken.
    """
    vouchers.get_voucher(voucher_id)
    voucher = Voucher.objects.select_for_update(no_key=True).get(id=voucher_id)
    before = _wanted(voucher)
    wanted = replace(before, **changes)
    faults = voucher_faults(wanted)
    moved = {name for name in _PROMISED if getattr(wanted, name) != getattr(before, name)}
    if moved and voucher.redemptions.exists():
        faults |= {_FIELD_NAMES.get(name, name): "stays once the voucher is redeemed" for name in moved}
    if faults:
        raise Invalid("The voucher cannot be changed so; `errors` says why.", fields=faults)
    if wanted != before:
        _rewrite(voucher, wanted)
        after = {"changed": sorted(name for name in changes if getattr(wanted, name) != getattr(before, name))}
        record_audit(actor, [AuditDraft("voucher.updated", "voucher", voucher_id, after=after)], recorded_at=now)
    return vouchers.get_voucher(voucher_id)


@transaction.atomic
def delete_voucher(voucher_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a voucher that nobody redeemed. Raises NotFound, Conflict: then it can be disabled."""
    vouchers.get_voucher(voucher_id)
    voucher = Voucher.objects.select_for_update().get(id=voucher_id)
    if voucher.redemptions.exists():
        raise Conflict("The voucher was redeemed; it can be disabled.", code="voucher_redeemed")
    voucher.delete()
    before = {"name": voucher.name, "code": voucher.code}
    record_audit(actor, [AuditDraft("voucher.deleted", "voucher", voucher_id, before=before)], recorded_at=now)


_FIELD_NAMES = {"plan_ids": "plans"}
_COLUMNS = (
    "name", "type", "entry", "code", "event", "percent", "duration", "duration_count", "expires_at",
    "maximum_redemptions", "once_per_customer",
)  # fmt: skip


def _wanted(voucher: Voucher) -> VoucherWanted:
    """Return a voucher as it would be asked for."""
    amounts = voucher.amounts.order_by("currency").values_list("currency", "amount_minor", "minimum_minor")
    return VoucherWanted(
        **{name: getattr(voucher, name) for name in _COLUMNS},
        amounts=[AmountWanted(*amount) for amount in amounts],
        plan_ids=sorted(voucher.plans.values_list("id", flat=True)),
    )


def _rewrite(voucher: Voucher, wanted: VoucherWanted) -> None:
    """Write a changed voucher with its amounts and plans. Raises Conflict when the code is taken."""
    for name in _COLUMNS:
        setattr(voucher, name, getattr(wanted, name))
    voucher.code = voucher.code.strip()
    try:
        with transaction.atomic():
            voucher.save()
    except IntegrityError as error:
        raise Conflict(
            f"A voucher with the code {voucher.code} is there already.", code="voucher_code_taken"
        ) from error
    voucher.amounts.all().delete()
    _add_amounts(voucher, wanted)
    voucher.plans.set(Plan.objects.filter(id__in=wanted.plan_ids))


def _add_amounts(voucher: Voucher, wanted: VoucherWanted) -> None:
    VoucherAmount.objects.bulk_create(
        VoucherAmount(
            voucher=voucher,
            currency=amount.currency,
            amount_minor=amount.amount_minor,
            minimum_minor=amount.minimum_minor,
        )
        for amount in wanted.amounts
    )


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
    held_plan_ids, currency = vouchers.held_plans(customer_id), vouchers.billed_currency(customer_id)
    redemption = redeem_for(RedemptionRequest(customer, code, held_plan_ids, currency), now=now)
    after = {"voucher": str(redemption.voucher_id), "code": code}
    record_audit(actor, [AuditDraft("voucher.redeemed", "customer", customer_id, after=after)])
    return redemption


@dataclass(frozen=True, slots=True)
class RedemptionRequest:
    """Who asks for a voucher by its code, for which plans, billed in which currency; `field` names it in a refusal."""

    customer: Customer
    code: str
    held_plan_ids: frozenset[uuid.UUID]
    currency: str | None
    field: str = "code"


@dataclass(frozen=True, slots=True)
class Redeemable:
    """A voucher that may be redeemed: how many invoices it discounts (None: all), or the credit that it gives."""

    voucher: Voucher
    invoices: int | None
    credit: tuple[str, int] | None = None


def redeem_for(asked: RedemptionRequest, *, now: datetime) -> VoucherRedemption:
    """Redeem a voucher in the caller's transaction, the customer locked. Raises RuntimeError outside one, Invalid."""
    require_transaction()
    return _redeem(find_redeemable(asked, now=now, lock=True), asked.customer, now)


def find_redeemable(asked: RedemptionRequest, *, now: datetime, lock: bool = False) -> Redeemable:
    """Return what a voucher would give a customer; nothing is written. Raises Invalid, saying which bound is breached.

    With `lock` the voucher is locked, so that the last redemption is given once.
    """
    found = vouchers.find_manual_voucher(asked.code)
    if found is None:
        raise _refused(asked.field, "no voucher has this code")
    voucher = Voucher.objects.select_for_update(no_key=True).get(id=found.id) if lock else found
    fault = _fault(voucher, asked.customer, asked.held_plan_ids, now)
    if fault is not None:
        raise _refused(asked.field, fault)
    return _redeemable(voucher, asked.customer, asked.currency, asked.field)


def _redeemable(voucher: Voucher, customer: Customer, currency: str | None, field: str) -> Redeemable:
    """Return what a voucher whose bounds hold gives a customer. Raises Invalid when it gives no credit."""
    is_credit = voucher.type == Voucher.Type.FIXED_CREDIT
    return Redeemable(
        voucher,
        invoices_left(voucher.type, voucher.duration, voucher.duration_count),
        _credit_of(voucher, customer, currency, field) if is_credit else None,
    )


def redeem_automatic(customer: Customer, event: str, *, now: datetime) -> list[VoucherRedemption]:
    """Give a customer what automatic vouchers promise for an event, in the caller's transaction, the customer locked.

    The oldest voucher first. One whose bounds are breached, or that gives no credit in the customer's currency, is
    passed over: nobody asked for it. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    redeemed = []
    for redeemable in find_automatic(customer, event, now=now, lock=True):
        redeemed.append(_redeem(redeemable, customer, now))
        after = {"voucher": str(redeemable.voucher.id), "event": event}
        record_audit(SYSTEM, [AuditDraft("voucher.redeemed", "customer", customer.id, after=after)])
    return redeemed


def find_automatic(customer: Customer, event: str, *, now: datetime, lock: bool = False) -> list[Redeemable]:
    """Return what automatic vouchers would give a customer for an event, the oldest first; nothing is written.

    With `lock` the vouchers are locked.
    """
    held_plan_ids, currency = vouchers.held_plans(customer.id), vouchers.billed_currency(customer.id)
    return [
        _redeemable(voucher, customer, currency, "event")
        for voucher in vouchers.list_automatic_vouchers(event, lock=lock)
        if _fault(voucher, customer, held_plan_ids, now) is None and _gives_in(voucher, customer, currency)
    ]


def _gives_in(voucher: Voucher, customer: Customer, currency: str | None) -> bool:
    """Tell whether a credit gives something in the currency the customer is billed in; discounts wait for theirs."""
    wanted = currency or customer.brand.currency
    amounts = VoucherAmount.objects.filter(voucher=voucher, currency=wanted, amount_minor__gt=0)
    return voucher.type != Voucher.Type.FIXED_CREDIT or amounts.exists()


def _fault(voucher: Voucher, customer: Customer, held_plan_ids: frozenset[uuid.UUID], now: datetime) -> str | None:
    """Return why a locked voucher cannot be redeemed by a customer now, in words, or None."""
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
    return redemption_fault(case, now)


def _redeem(redeemable: Redeemable, customer: Customer, now: datetime) -> VoucherRedemption:
    """Store a redemption of a locked voucher; a credit goes onto the balance, has no invoices to serve, and ends."""
    redemption = VoucherRedemption(
        voucher=redeemable.voucher,
        customer=customer,
        remaining=redeemable.invoices,
        redeemed_at=now,
        ended_at=now if redeemable.credit is not None else None,
    )
    redemption.save(force_insert=True)
    if redeemable.credit is not None:
        _post(redemption, customer, *redeemable.credit, now)
    return redemption


def _credit_of(voucher: Voucher, customer: Customer, currency: str | None, field: str) -> tuple[str, int]:
    """Return the credit of a voucher in the currency a customer is billed in. Raises Invalid when it gives none."""
    wanted = currency or customer.brand.currency
    amount = VoucherAmount.objects.filter(voucher=voucher, currency=wanted).first()
    if amount is None or amount.amount_minor is None:
        raise _refused(field, f"the voucher gives no credit in {wanted}")
    return wanted, amount.amount_minor


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
    for posting in _granted(redemption):
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


@transaction.atomic
def end_redemption(*, customer_id: uuid.UUID, redemption_id: uuid.UUID, actor: Actor, now: datetime) -> None:
    """Take a voucher from a customer: it discounts nothing any more. Invoices that it served stay as they are.

    One that served nothing is as if it had never been redeemed; a credit goes off the balance, which must still hold
    it. Raises NotFound for a redemption that is another customer's or has ended, Conflict when the credit is used.
    """
    customer = customers_queries.lock_customer(customer_id)
    redemption = vouchers.get_running_redemption(customer_id, redemption_id)
    moment = customers_queries.now_of(customer, now)
    voucher = redemption.voucher
    if voucher.type == Voucher.Type.FIXED_CREDIT:
        if _balance_after_return(redemption, customer) < 0:
            raise Conflict("The credit is used; a debit takes it back.", code="credit_used")
        _take_back(redemption, customer, moment)
    if not _delete_unused(redemption):
        redemption.periods.all().delete()
        redemption.ended_at = moment
        redemption.save(update_fields=["ended_at"])
    after = {"voucher": str(voucher.id)}
    record_audit(actor, [AuditDraft("voucher.taken", "customer", customer_id, after=after)], recorded_at=now)


def _delete_unused(redemption: VoucherRedemption) -> bool:
    """Delete a redemption that no invoice used; tell whether that was so. Those for ever keep no count, and stay."""
    voucher = redemption.voucher
    if redemption.remaining is None or redemption.remaining != invoices_left(
        voucher.type, voucher.duration, voucher.duration_count
    ):
        return False
    try:
        with transaction.atomic():
            redemption.delete()
    except ProtectedError:
        # An invoice that used it and gave it back still names it.
        return False
    return True


def _balance_after_return(redemption: VoucherRedemption, customer: Customer) -> int:
    """Return the least that a balance would hold without what a redemption put onto it."""
    granted = _granted(redemption)
    balances = dict(CustomerBalance.objects.filter(customer=customer).values_list("currency", "balance_minor"))
    return min((balances.get(one.currency, 0) + one.amount_minor for one in granted), default=0)


def _granted(redemption: VoucherRedemption) -> QuerySet[Posting]:
    """Return the postings that put a redemption's credit onto the balance; negative amounts, as credits are."""
    return Posting.objects.filter(
        entry__object_id=redemption.id, entry__kind=CREDIT_KIND, account=Account.CUSTOMER_BALANCE
    )
