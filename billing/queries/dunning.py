"""Reads of dunning: what is due, by whose clock, and what an invoice or customer is in."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from billing.domain.dunning import FinishWith, ProcessKind, ProcessStatus, Step, StepKind
from billing.domain.dunning_ahead import DunningCase, Payments, Process
from billing.models import DunningProcess
from core.errors import NotFound
from core.models import TestClock
from customers.models import Brand
from invoicing.models import Invoice, InvoiceLine
from subscriptions.domain.lifecycle import Status

# The date bounds what is looked at by the index of open invoices; no zone is more than 14 hours ahead.
OVERDUE = """
FROM invoicing_invoice invoice
JOIN customers_customer customer ON customer.id = invoice.customer_id
JOIN customers_brand brand ON brand.id = customer.brand_id
WHERE invoice.status = 'open' AND invoice.billing_type = 'invoice' AND invoice.amount_due_minor > 0
  AND invoice.due_date <= (%(now)s::timestamptz AT TIME ZONE 'UTC')::date
  AND customer.test_clock_id IS NOT DISTINCT FROM %(clock)s
  AND NOT EXISTS (SELECT FROM billing_dunningprocess process WHERE process.invoice_id = invoice.id
                  AND process.status IN ('open', 'finished', 'stopped'))
  AND (cardinality(brand.overdue_reminder_days) > 0 OR brand.overdue_disable_days IS NOT NULL)
  AND NOT EXISTS (SELECT FROM billing_parkedinvoice parked WHERE parked.invoice_id = invoice.id
                  AND parked.retry_at > %(wall_now)s)
  AND invoice.due_date
      < (%(now)s::timestamptz AT TIME ZONE coalesce(nullif(customer.time_zone, ''), brand.time_zone))::date
"""
NEXT_OVERDUE = """
SELECT min((invoice.due_date + 1)::timestamp AT TIME ZONE coalesce(nullif(customer.time_zone, ''), brand.time_zone))
FROM invoicing_invoice invoice
JOIN customers_customer customer ON customer.id = invoice.customer_id
JOIN customers_brand brand ON brand.id = customer.brand_id
WHERE customer.test_clock_id = %(clock)s AND invoice.status = 'open' AND invoice.billing_type = 'invoice'
  AND invoice.amount_due_minor > 0
  AND NOT EXISTS (SELECT FROM billing_dunningprocess process WHERE process.invoice_id = invoice.id
                  AND process.status IN ('open', 'finished', 'stopped'))
  AND (cardinality(brand.overdue_reminder_days) > 0 OR brand.overdue_disable_days IS NOT NULL)
  AND (invoice.due_date + 1)::timestamp AT TIME ZONE coalesce(nullif(customer.time_zone, ''), brand.time_zone)
      > %(after)s
"""


def get_process(process_id: uuid.UUID) -> DunningProcess:
    """Return a process. Raises NotFound."""
    process = DunningProcess.objects.filter(id=process_id).first()
    if process is None:
        raise NotFound(f"No dunning process has the id {process_id}.")
    return process


def lock_process(process_id: uuid.UUID) -> DunningProcess:
    """Lock a process and return it with its customer and brand, the customer locked by the caller before."""
    locked = DunningProcess.objects.select_for_update(no_key=True, of=("self",))
    return locked.select_related("customer__brand").get(id=process_id)


def find_open_process(invoice_id: uuid.UUID) -> DunningProcess | None:
    """Return an invoice's open process, None when there is none."""
    return DunningProcess.objects.filter(invoice_id=invoice_id, status=ProcessStatus.OPEN).first()


def latest_processes(invoice_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, DunningProcess]:
    """Return the latest process of each invoice that has one."""
    found = DunningProcess.objects.filter(invoice_id__in=list(invoice_ids)).order_by("id")
    return {process.invoice_id: process for process in found}


def list_due_process_ids(
    now: datetime, *, wall_now: datetime, test_clock_id: uuid.UUID | None, limit: int
) -> list[uuid.UUID]:
    """Return the processes whose next step is due by the customers' clock, earliest first; nothing is locked."""
    due = DunningProcess.objects.filter(
        Q(held_until__isnull=True) | Q(held_until__lte=wall_now), next_at__lte=now, customer__test_clock=test_clock_id
    )
    return list(due.order_by("next_at", "id").values_list("id", flat=True)[:limit])


def list_overdue_invoice_ids(
    now: datetime, *, wall_now: datetime, test_clock_id: uuid.UUID | None, limit: int
) -> list[uuid.UUID]:
    """Return invoice customers' open invoices whose due date is over where they are, and that no process is about.

    Parked ones are left out until their time.
    """
    with connection.cursor() as cursor:
        statement = f"SELECT invoice.id {OVERDUE} ORDER BY invoice.due_date, invoice.id LIMIT %(limit)s"
        cursor.execute(statement, {"now": now, "wall_now": wall_now, "clock": test_clock_id, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def next_overdue_at(test_clock_id: uuid.UUID, *, after: datetime) -> datetime | None:
    """Return when after a moment the next invoice of a test clock's customers becomes overdue, None when none does."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_OVERDUE, {"clock": test_clock_id, "after": after})
        moment: datetime | None = cursor.fetchone()[0]
        return moment


def list_standing_clocks() -> list[tuple[uuid.UUID, datetime]]:
    """Return the test clocks that stand still, each with its moment, and have customers with an open invoice."""
    has_open = Invoice.objects.filter(customer__test_clock=OuterRef("id"), status=Invoice.Status.OPEN)
    clocks = TestClock.objects.filter(Exists(has_open), status=TestClock.Status.READY)
    return list(clocks.order_by("id").values_list("id", "now_at"))


def list_processes_to_close(invoice_ids: Iterable[uuid.UUID]) -> list[DunningProcess]:
    """Return the open processes of invoices that ask for nothing any more, with those invoices."""
    done = (Invoice.Status.PAID, Invoice.Status.VOID, Invoice.Status.UNCOLLECTIBLE)
    found = DunningProcess.objects.filter(
        invoice_id__in=list(invoice_ids), status=ProcessStatus.OPEN, invoice__status__in=done
    )
    return list(found.select_related("invoice").order_by("id"))


def customers_disabled_over(invoice_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return the customers whom dunning disabled and who are not held by another open invoice than these."""
    ids = list(invoice_ids)
    disabling = DunningProcess.objects.filter(
        kind=ProcessKind.OVERDUE, status=ProcessStatus.FINISHED, finish_with=FinishWith.DISABLE
    )
    still = disabling.filter(customer_id=OuterRef("customer_id"), invoice__status=Invoice.Status.OPEN)
    freed = disabling.filter(
        ~Exists(still.exclude(invoice_id__in=ids)), invoice_id__in=ids, customer__disabled_by="overdue"
    )
    return set(freed.values_list("customer_id", flat=True))


def list_live_subscription_ids(invoice_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the subscriptions on an invoice that have not ended."""
    lines = InvoiceLine.objects.filter(invoice_id=invoice_id, subscription__isnull=False)
    lines = lines.exclude(subscription__status=Status.CANCELLED)
    return sorted({one for one in lines.values_list("subscription_id", flat=True) if one is not None})


def list_open_card_processes(customer_id: uuid.UUID) -> list[DunningProcess]:
    """Return a customer's open processes of declined cards, with their invoices, the oldest debt first."""
    found = DunningProcess.objects.filter(customer_id=customer_id, status=ProcessStatus.OPEN, kind=ProcessKind.CARD)
    return list(found.select_related("invoice").order_by(F("invoice__due_moment_at"), "id"))


def list_dunning_cases(
    brand_ids: Mapping[uuid.UUID, uuid.UUID], invoice_ids: Iterable[uuid.UUID], payments: Payments
) -> dict[uuid.UUID, DunningCase]:
    """Return how customers are dunned, by whose brands `brand_ids` tells, with what is done about open invoices now."""
    policies = {brand.id: brand.dunning_policy for brand in Brand.objects.filter(id__in=set(brand_ids.values()))}
    running: dict[uuid.UUID, list[Process]] = defaultdict(list)
    over: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    for one in latest_processes(invoice_ids).values():
        if one.status == ProcessStatus.OPEN:
            step = Step(StepKind(one.next_step), one.next_at, one.next_number) if one.next_at is not None else None
            running[one.customer_id].append(Process(one.invoice_id, one.plan, step))
        elif one.status in {ProcessStatus.FINISHED, ProcessStatus.STOPPED}:
            over[one.customer_id].add(one.invoice_id)
    return {
        customer_id: DunningCase(
            policies[brand_id], payments, tuple(running[customer_id]), frozenset(over[customer_id])
        )
        for customer_id, brand_id in brand_ids.items()
    }
