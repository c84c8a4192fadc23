"""The proof that refunds are what the providers gave back: each provider lists its refunds, in chunks.

A refund under way is settled by its next answer. One of a charge that is not here was made by another database.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from billing.domain.refund_state import OPEN_REFUND_STATUSES, RefundStatus
from billing.models import Payment, Refund
from billing.operations.proofs import Breach
from billing.providers.base import ListedRefund, ProviderUnavailable, RefundOutcome
from billing.providers.registry import MANUAL, get_provider, provider_names

NAME = "refunds are what the providers gave back"
MEND = "Ask the provider for the refund; debit the customer's balance by what it paid out and nobody recorded."
CHUNK = 1_000
SINCE = datetime(2000, 1, 1, tzinfo=UTC)


def refund_breaches() -> Iterator[Breach]:
    """Yield what refunds and the providers' records disagree on, and the providers that do not answer."""
    for name in provider_names():
        if name == MANUAL:
            continue
        try:
            yield from _breaches_of(name)
        except ProviderUnavailable as error:
            yield Breach(NAME, "provider", None, f"{name} does not answer: {error}", "Prove the books again later.")


def _breaches_of(provider: str) -> Iterator[Breach]:
    """Match the refunds a provider has paid out with ours, then ask which of ours nothing matched."""
    matched = 0
    listed = get_provider(provider).list_refunds(SINCE)
    while chunk := list(islice(listed, CHUNK)):
        paid_out = [one for one in chunk if one.result.outcome is RefundOutcome.ISSUED]
        keys = [one.idempotency_key for one in paid_out]
        ours = {refund.idempotency_key: refund for refund in Refund.objects.filter(idempotency_key__in=keys)}
        for one in paid_out:
            refund = ours.get(one.idempotency_key)
            if refund is not None:
                matched += refund.status == RefundStatus.ISSUED
                yield from _difference(one, refund)
        yield from _unrecorded(provider, [one for one in paid_out if one.idempotency_key not in ours])
    yield from _unmatched(provider, matched)


def _difference(listed: ListedRefund, refund: Refund) -> Iterator[Breach]:
    """Yield that a refund says something else than was paid out; one under way waits for its answer."""
    if refund.status in OPEN_REFUND_STATUSES:
        return
    said = refund.status, refund.amount_minor, refund.currency
    gave = RefundStatus.ISSUED, listed.amount_minor, listed.currency
    if said != gave:
        detail = f"{said[0]} {said[1]} {said[2]} here, the provider paid out {gave[1]} {gave[2]}"
        yield Breach(NAME, "refund", refund.id, detail, MEND)


def _unrecorded(provider: str, listed: Sequence[ListedRefund]) -> Iterator[Breach]:
    """Yield refunds of payments of ours that are not recorded."""
    references = [one.charge_reference for one in listed]
    payments = Payment.objects.filter(provider=provider, external_reference__in=references)
    by_reference = dict(payments.values_list("external_reference", "id"))
    for one in listed:
        payment_id = by_reference.get(one.charge_reference)
        if payment_id is not None:
            detail = (
                f"{provider} gave back {one.amount_minor} {one.currency} by {one.idempotency_key}: no refund says so"
            )
            yield Breach(NAME, "payment", payment_id, detail, MEND)


def _unmatched(provider: str, matched: int) -> Iterator[Breach]:
    """Yield issued refunds that the provider has not paid out; they are looked for one by one only when any is."""
    issued = Refund.objects.filter(provider=provider, status=RefundStatus.ISSUED)
    if issued.count() == matched:
        return
    for refund in issued.select_related("payment").order_by("id").iterator(CHUNK):
        found = get_provider(provider).find_refund(refund.idempotency_key, refund.payment.external_reference)
        if found is None or found.outcome is not RefundOutcome.ISSUED:
            detail = f"{refund.amount_minor} {refund.currency} here, {provider} did not pay it out"
            yield Breach(NAME, "refund", refund.id, detail, MEND)
