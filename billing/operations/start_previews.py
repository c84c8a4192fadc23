"""Tell what a start would be charged first, without starting anything."""

from dataclasses import replace
from datetime import datetime

from billing.operations import cards, first_invoices
from billing.operations.start import agreement_for, first_to_charge
from billing.operations.start_requests import StartRequest, asked_voucher, refuse_retired
from core.identifiers import new_id
from customers import operations as customer_operations
from customers import queries as customers_queries
from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal
from invoicing.domain.discounts import Voucher
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.voucher import EXPIRED_CARD_ADDED
from subscriptions.operations import vouchers as voucher_operations
from subscriptions.operations.vouchers import Redeemable


def preview_start(request: StartRequest, *, now: datetime) -> tuple[Proposal, ...]:
    """Return the documents that a start would make, none for a trial; nothing is written and no provider is called.

    A new card is taken to be good. Raises what start_for_request does, but for what the provider refuses.
    """
    command = request.command
    refuse_retired(command)
    customer = customers_queries.get_customer(request.customer_id)
    redeemable = (
        [voucher_operations.find_redeemable(asked_voucher(request, customer), now=now)] if request.voucher else []
    )
    if command.card_token:
        customer_operations.refuse_erased(customer)
        if cards.is_replaced_by_next(customer, now):
            redeemable += voucher_operations.find_automatic(customer, EXPIRED_CARD_ADDED, now=now)
    agreement = agreement_for(customer, command, now)
    if agreement.status is Status.TRIAL_ACTIVE:
        return ()
    account = first_invoices.read_account(agreement)
    for one in redeemable:
        account = _with_redeemed(account, one)
    proposals = first_invoices.propose_opening(account, agreement, moment=now, now=now)
    if not command.card_token:
        first_to_charge(proposals, customer)
    return proposals


def _with_redeemed(account: Account, redeemable: Redeemable) -> Account:
    """Return an account as it is once a voucher is redeemed: it waits behind the others, or its credit is usable."""
    if redeemable.credit is not None:
        currency, minor = redeemable.credit
        usable = account.balances_minor.get(currency, 0) + minor
        return replace(account, balances_minor={**account.balances_minor, currency: usable})
    return replace(account, vouchers=(*account.vouchers, _redeemed(redeemable)))


def _redeemed(redeemable: Redeemable) -> Voucher:
    """Return a voucher as the redemption of it would be read."""
    voucher = redeemable.voucher
    amounts = voucher.amounts.order_by("currency").values_list("currency", "amount_minor", "minimum_minor")
    return Voucher(
        voucher_id=str(voucher.id),
        redemption_id=str(new_id()),
        kind=voucher.type,
        percent=voucher.percent,
        amounts=tuple((currency, minor) for currency, minor, _ in amounts if minor is not None),
        minimums=tuple((currency, minimum) for currency, _, minimum in amounts if minimum is not None),
        duration=voucher.duration,
        remaining=redeemable.invoices,
        plan_ids=frozenset(map(str, voucher.plans.values_list("id", flat=True))),
    )
