"""Writes of who is billed: customers with their agenda row, and brands."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.changes import change_row, plain_facts
from core.deletion import delete_unused
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid
from core.models import TestClock
from core.operations import Actor, AuditDraft, blank_audit, blank_facts, emit, record_audit, require_transaction
from customers import queries
from customers.domain import announcement_policy, dunning_policy
from customers.domain.customer import (
    ADDRESS_PARTS,
    CLEARED,
    ERASED,
    OVERDUE,
    USAGE_LIMIT,
    CustomerDraft,
    merged_address,
)
from customers.domain.tax_number import check_tax_number
from customers.models import Agenda, Brand, Customer, DisabledStretch, PaymentMethod

DEFAULT_BRAND = "default"


@transaction.atomic
def create_customer(draft: CustomerDraft, *, actor: Actor, now: datetime) -> Customer:
    """Make a customer and its row of the agenda, on which nothing is due yet. A known e-mail address is no obstacle.

    A tax number whose form does not pass is kept and marked so: it decides tax, it does not refuse the customer.
    Without a brand the customer belongs to the default one. Raises Invalid for a test clock that does not stand.
    """
    brand = _brand_of(draft.brand_id, now)
    _check_invoice_format(draft.invoice_format, draft.buyer_reference, draft.email, brand)
    moment = _moment_on_clock(draft.test_clock_id, now)
    facts = {name: value for name, value in asdict(draft).items() if name != "brand_id"}
    customer = Customer.objects.create(
        **facts,
        brand=brand,
        tax_number_check=check_tax_number(draft.country, draft.tax_number),
        created_at=moment,
        updated_at=moment,
    )
    Agenda.objects.create(customer=customer, test_clock_id=draft.test_clock_id)
    emit(OutboxDraft("customer.created", "customer", customer.id, moment))
    after = plain_facts({name: value for name, value in facts.items() if value not in ("", None, {})})
    record_audit(actor, [AuditDraft("customer.created", "customer", customer.id, after=after)], recorded_at=now)
    return customer


def _check_invoice_format(invoice_format: str | None, buyer_reference: str, email: str, brand: Brand) -> None:
    """Refuse XRechnung for a customer whose invoices could not be one (Billing rules, section 8, Content).

    It needs the buyer's reference, an electronic address of both sides, and the seller's contact. Raises Invalid.
    """
    if invoice_format != "xrechnung":
        return
    wanted = {
        "the customer's buyer_reference": buyer_reference,
        "the customer's email": email,
        "the brand's legal_name": brand.legal_name,
        "the brand's email": brand.email,
    }
    missing = [words for words, value in wanted.items() if not value]
    if missing:
        raise Invalid("XRechnung is not possible yet.", fields={"invoice_format": f"needs {', '.join(missing)}"})


def _brand_of(brand_id: uuid.UUID | None, now: datetime) -> Brand:
    return queries.get_brand(brand_id) if brand_id is not None else ensure_default_brand(now=now)


def ensure_default_brand(*, now: datetime) -> Brand:
    """Return the brand `default`, made with nothing but its name when it is not there.

    Everything works with it; documents and tax want its legal name, address and country filled in.
    """
    brand, _ = Brand.objects.get_or_create(
        code=DEFAULT_BRAND, defaults={"name": "Default", "created_at": now, "updated_at": now}
    )
    return brand


def _moment_on_clock(test_clock_id: uuid.UUID | None, now: datetime) -> datetime:
    """Return the moment at which a new customer is made: that of its clock, when it hangs on one."""
    if test_clock_id is None:
        return now
    # Held against an advance until the customer's row stands, so that the clock cannot pass it by.
    clock = TestClock.objects.select_for_update(no_key=True).filter(id=test_clock_id).first()
    if clock is None:
        raise Invalid("There is no such test clock.", fields={"test_clock": "no test clock has this id"})
    if clock.status != TestClock.Status.READY:
        raise Conflict("The test clock is advancing.", code="test_clock_not_ready")
    return clock.now_at


@transaction.atomic
def update_customer(customer_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Customer:
    """Change facts of a customer, by their names in CustomerDraft; `address` holds parts of the address.

    What is not named stays, None clears, and a change to what is there already writes nothing. Raises NotFound,
    Conflict for an erased customer, Invalid for an attempt to move the customer to another test clock.
    """
    customer = queries.lock_customer(customer_id)
    refuse_erased(customer)
    wanted: dict[str, Any] = {name: CLEARED.get(name) if value is None else value for name, value in changes.items()}
    if wanted.pop("test_clock_id", customer.test_clock_id) != customer.test_clock_id:
        raise Invalid("The test clock is chosen once.", fields={"test_clock": "can only be set on creation"})
    if "address" in wanted:
        current_address = {part: getattr(customer, part) for part in ADDRESS_PARTS}
        wanted |= merged_address(current_address, wanted.pop("address") or {})
    if wanted.get("brand_id", customer.brand_id) is None:
        wanted["brand_id"] = ensure_default_brand(now=now).id
    moment = queries.now_of(customer, now)
    country, number = wanted.get("country", customer.country), wanted.get("tax_number", customer.tax_number)
    if (country, number) != (customer.country, customer.tax_number):
        wanted["tax_number_check"] = check_tax_number(country, number)
    told = {"invoice_format", "buyer_reference", "email", "brand_id"} & wanted.keys()
    if any(getattr(customer, name) != wanted[name] for name in told):
        _check_invoice_format(
            wanted.get("invoice_format", customer.invoice_format),
            wanted.get("buyer_reference", customer.buyer_reference),
            wanted.get("email", customer.email),
            queries.get_brand(wanted.get("brand_id", customer.brand_id)),
        )
    changed = change_row(customer, wanted, updated_at=moment)
    if changed is None:
        return customer
    before, after = changed
    emit(OutboxDraft("customer.updated", "customer", customer.id, moment, {"previous": before}))
    draft = AuditDraft("customer.updated", "customer", customer_id, before=before, after=after)
    record_audit(actor, [draft], recorded_at=now)
    return queries.get_customer(customer_id) if "brand_id" in after else customer


def refuse_erased(customer: Customer) -> None:
    """Raise Conflict (`customer_erased`) for a customer who was erased."""
    if customer.erased_at is not None:
        raise Conflict("The customer was erased.", code="customer_erased")


def erase_facts(customer_id: uuid.UUID, *, actor: Actor, now: datetime) -> Customer:
    """Blank what tells who a customer was, in its row, its cards and the audit trail; its reference is free again.

    A step of the caller's transaction, which has ended the subscriptions and removed the cards. Finalised documents
    keep what they were issued with: the law wants them whole. Raises NotFound, RuntimeError outside a transaction.
    """
    require_transaction()
    customer = queries.lock_customer(customer_id)
    moment = queries.now_of(customer, now)
    for name, value in {**ERASED, "erased_at": moment, "updated_at": moment}.items():
        setattr(customer, name, value)
    customer.save(update_fields=[*ERASED, "erased_at", "updated_at"])
    cards = PaymentMethod.objects.filter(customer_id=customer_id)
    blank_audit([customer_id, *cards.values_list("id", flat=True)])
    blank_facts([customer_id])
    cards.update(name="", last_four="")
    emit(OutboxDraft("customer.erased", "customer", customer_id, moment))
    record_audit(actor, [AuditDraft("customer.erased", "customer", customer_id)], recorded_at=now)
    return customer


@transaction.atomic
def disable_customer(customer_id: uuid.UUID, *, actor: Actor, now: datetime, reason: str = "") -> bool:
    """Take a customer's entitlements; tell whether it had them. Twice is no obstacle. Raises NotFound.

    `reason` is empty, `overdue`, or `usage_limit`: whom a limit disabled is billed on, until one of the others does.
    """
    customer = queries.lock_customer(customer_id)
    was_active = customer.status == Customer.Status.ACTIVE
    if not was_active and not _outranks(reason, customer.disabled_by):
        return False
    moment = queries.now_of(customer, now)
    if was_active or customer.disabled_by == USAGE_LIMIT:
        customer.disabled_at = moment
    if was_active:
        emit(OutboxDraft("customer.disabled", "customer", customer_id, moment, {"reason": reason} if reason else {}))
    customer.status, customer.disabled_by, customer.updated_at = Customer.Status.DISABLED, reason, moment
    customer.save(update_fields=["status", "disabled_at", "disabled_by", "updated_at"])
    record_audit(actor, [AuditDraft("customer.disabled", "customer", customer_id, reason=reason)], recorded_at=now)
    return was_active


def _outranks(reason: str, other: str) -> bool:
    """Tell whether a reason to disable takes the place of another: a person's is the last word."""
    rank = {USAGE_LIMIT: 0, OVERDUE: 1}
    return rank.get(reason, len(rank)) > rank.get(other, len(rank))


@transaction.atomic
def enable_customer(customer_id: uuid.UUID, *, actor: Actor, now: datetime) -> bool:
    """Give a disabled customer its entitlements back; tell whether it lacked them. Raises NotFound."""
    customer = queries.lock_customer(customer_id)
    if customer.status == Customer.Status.ACTIVE:
        return False
    moment = queries.now_of(customer, now)
    if customer.disabled_by != USAGE_LIMIT and customer.disabled_at is not None:
        # Whoever a limit disabled is billed all the while.
        DisabledStretch.objects.create(customer=customer, from_at=customer.disabled_at, to_at=moment)
    customer.status, customer.disabled_at, customer.disabled_by = Customer.Status.ACTIVE, None, ""
    customer.updated_at = moment
    customer.save(update_fields=["status", "disabled_at", "disabled_by", "updated_at"])
    emit(OutboxDraft("customer.enabled", "customer", customer_id, moment))
    record_audit(actor, [AuditDraft("customer.enabled", "customer", customer_id)], recorded_at=now)
    return True


@transaction.atomic
def create_brand(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> Brand:
    """Make a brand. Raises Conflict when its code is taken, Invalid for days that cannot be."""
    brand = Brand(**facts, created_at=now, updated_at=now)
    _check_policies(brand)
    try:
        with transaction.atomic():
            brand.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"A brand with the code {brand.code} is there already.", code="brand_code_taken") from error
    record_audit(actor, [AuditDraft("brand.created", "brand", brand.id, after=plain_facts(facts))], recorded_at=now)
    return brand


@transaction.atomic
def update_brand(brand_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Brand:
    """Change facts of a brand; its code stays, and dunning that has begun goes on as it did.

    Raises NotFound, Invalid for another code or days that cannot be.
    """
    queries.get_brand(brand_id)
    brand = Brand.objects.select_for_update(no_key=True).get(id=brand_id)
    if changes.get("code", brand.code) != brand.code:
        raise Invalid("A brand's code stays.", fields={"code": "cannot be changed"})
    changed = change_row(brand, changes, updated_at=now)
    if changed is not None:
        _check_policies(brand)
        draft = AuditDraft("brand.updated", "brand", brand_id, before=changed[0], after=changed[1])
        record_audit(actor, [draft], recorded_at=now)
    return brand


def _check_policies(brand: Brand) -> None:
    """Refuse days that do not follow each other or lie too far. Raises Invalid, which ends the transaction."""
    faults = {f"dunning.{name}": words for name, words in dunning_policy.policy_breaches(brand.dunning_policy).items()}
    announced = announcement_policy.policy_breaches(brand.announcement_policy)
    faults |= {f"announcements.{name}": words for name, words in announced.items()}
    if faults:
        raise Invalid("A brand cannot be so.", fields=faults)


@transaction.atomic
def delete_brand(brand_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a brand that nobody belongs to. Raises NotFound, Conflict when it has customers or documents."""
    brand = queries.get_brand(brand_id)
    delete_unused(brand, "brand")
    record_audit(actor, [AuditDraft("brand.deleted", "brand", brand_id, before={"code": brand.code})], recorded_at=now)
