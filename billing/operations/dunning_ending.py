"""Do what a process of an unpaid invoice ends with, inside the caller's transaction, the customer locked.

Billing rules, section 11. `cancel` credits the unused days of the unpaid period and gives the rest up: 3000 after 15 of
30 days is a credit note of 1500, and 1500 uncollectible.
"""

import uuid
from datetime import datetime

from billing.domain.dunning import FinishWith, ProcessAction
from billing.domain.ending import end_unpaid
from billing.models import DunningProcess
from billing.operations import changing, standing
from billing.operations.changing import Decided
from billing.operations.dunning_rows import end_process
from billing.operations.write_offs import write_off
from billing.queries import dunning as queries
from core.operations import SYSTEM, Actor, AuditDraft, emit, record_audit
from customers import operations as customer_operations
from customers.domain.customer import OVERDUE
from invoicing.domain.account import Account
from invoicing.models import Invoice
from invoicing.queries import giving_back as rest_queries
from subscriptions.domain.terms import Agreement

ACTOR = Actor(name="dunning")


def finish(process: DunningProcess, *, now: datetime, wall_now: datetime) -> None:
    """Do the final action of a locked process and close it; `now` is the customer's moment."""
    finish_with = FinishWith(process.finish_with)
    # Closed first: a credit that settles the whole invoice must not be taken for the customer's payment.
    end_process(process, ProcessAction.FINISH, now, details=str(finish_with))
    if finish_with is FinishWith.CANCEL:
        for subscription_id in queries.list_live_subscription_ids(process.invoice_id):
            _cancel(subscription_id, now)
    if finish_with in {FinishWith.CANCEL, FinishWith.UNCOLLECTIBLE}:
        invoice = rest_queries.lock_invoice(process.invoice_id)
        if invoice.status == Invoice.Status.OPEN and invoice.amount_due_minor:
            write_off(invoice, now=now)
    if finish_with is FinishWith.DISABLE:
        customer_operations.disable_customer(process.customer_id, actor=ACTOR, now=wall_now, reason=OVERDUE)
        emit(*standing.mark_disabled(process.customer_id, now))
    draft = AuditDraft("dunning.finished", "invoice", process.invoice_id, after={"action": str(finish_with)})
    record_audit(SYSTEM, [draft], recorded_at=wall_now)


def _cancel(subscription_id: uuid.UUID, now: datetime) -> None:
    """End a subscription now; what it was charged for days ahead is credited, and paid out to nobody."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        ended, transition, is_charged = end_unpaid(agreement, at)
        return Decided(ended, (transition,), is_charged=is_charged)

    subscription = changing.lock_subscription(subscription_id)
    changing.store_change_step(subscription=subscription, decide=decide, now=now, actor=ACTOR)
