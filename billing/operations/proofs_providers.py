"""The proof that payments are what the providers took: each provider lists its charges, in chunks.

A charge whose attempt is still open is under way, and one that `reconcile` recorded waits for the run that meets it;
a charge for a customer who is not here was taken by another database, and is `reconcile`'s to find.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from billing.domain.payments import OPEN_ATTEMPT_STATUSES, read_charge_key
from billing.models import FoundCharge, Payment, PaymentAttempt
from billing.operations.proofs import Breach
from billing.providers.base import ListedCharge, Outcome, ProviderUnavailable
from billing.providers.registry import MANUAL, get_provider, provider_names
from customers.models import Customer

NAME = "payments are what the providers took"
MEND = "Ask the provider for the charge; record the payment it made, or refund what nobody owes."
CHUNK = 1_000
SINCE = datetime(2000, 1, 1, tzinfo=UTC)


def provider_breaches() -> Iterator[Breach]:
    """Yield what payments and the providers' records disagree on, and the providers that do not answer."""
    for name in provider_names():
        if name == MANUAL:
            continue
        try:
            yield from _breaches_of(name)
        except ProviderUnavailable as error:
            yield Breach(NAME, "provider", None, f"{name} does not answer: {error}", "Prove the books again later.")


def _breaches_of(provider: str) -> Iterator[Breach]:
    """Match the charges of one provider with the payments, then ask which payments nothing matched."""
    matched = 0
    charges = get_provider(provider).list_charges(SINCE)
    while chunk := list(islice(charges, CHUNK)):
        taken = [one for one in chunk if one.result.outcome is Outcome.SUCCEEDED]
        # First of all: whoever is not under way now has been settled, and is read as such after it.
        accounted = _accounted(provider, [one.idempotency_key for one in taken])
        payments = {
            payment.external_reference: payment
            for payment in Payment.objects.filter(
                provider=provider, external_reference__in=[one.result.reference for one in taken]
            )
        }
        for charge in taken:
            payment = payments.get(charge.result.reference)
            if payment is not None and payment.completed_at is not None:
                matched += 1
                yield from _difference(charge, payment)
        missing = [one for one in taken if one.result.reference not in payments]
        yield from _unpaid(provider, [one for one in missing if one.idempotency_key not in accounted])
    yield from _unmatched(provider, matched)


def _difference(charge: ListedCharge, payment: Payment) -> Iterator[Breach]:
    """Yield that a payment says another amount than was taken."""
    said, took = (payment.amount_minor, payment.currency), (charge.result.amount_minor, charge.currency)
    if said != took:
        detail = f"{said[0]} {said[1]} here, the provider took {took[0]} {took[1]} ({charge.result.reference})"
        yield Breach(NAME, "payment", payment.id, detail, MEND)


def _accounted(provider: str, keys: Sequence[str]) -> frozenset[str]:
    """Return those keys of charges that are under way, or that `reconcile` recorded for the run that meets them."""
    found = FoundCharge.objects.filter(provider=provider, idempotency_key__in=keys)
    under_way = PaymentAttempt.objects.filter(idempotency_key__in=keys, status__in=OPEN_ATTEMPT_STATUSES)
    return frozenset(key for rows in (found, under_way) for key in rows.values_list("idempotency_key", flat=True))


def _unpaid(provider: str, charges: Sequence[ListedCharge]) -> Iterator[Breach]:
    """Yield the charges that took money from customers of ours without a payment."""
    keys = [one.idempotency_key for one in charges]
    owners = {key: read.customer_id for key in keys if (read := read_charge_key(key)) is not None}
    here = set(Customer.objects.filter(id__in=owners.values()).values_list("id", flat=True))
    for charge in charges:
        key = charge.idempotency_key
        if owners.get(key) in here:
            detail = f"{provider} took {charge.result.amount_minor} {charge.currency} by {key}: there is no payment"
            yield Breach(NAME, "customer", owners[key], detail, MEND)


def _unmatched(provider: str, matched: int) -> Iterator[Breach]:
    """Yield the payments that the provider has no charge for; they are looked for one by one only when any is."""
    payments = Payment.objects.filter(provider=provider, completed_at__isnull=False)
    if payments.count() == matched:
        return
    for payment in payments.select_related("customer").order_by("id").iterator(CHUNK):
        if get_provider(provider).lookup(_key_of(payment), payment.customer.external_reference) is None:
            detail = f"{payment.amount_minor} {payment.currency} here, {provider} knows nothing of it"
            yield Breach(NAME, "payment", payment.id, detail, MEND)


def _key_of(payment: Payment) -> str:
    """Return the key with which a payment was charged, empty when no attempt leads to it."""
    attempt = payment.attempts.order_by("-number").first()
    return attempt.idempotency_key if attempt is not None else ""
