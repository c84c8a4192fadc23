"""The proofs of disputes: in the books, the payment says so, and none of the provider's is missing."""

from collections.abc import Iterator
from datetime import UTC, datetime

from billing.models import Dispute, Payment
from billing.operations.proofs import Breach, Proof
from billing.providers.base import ProviderUnavailable
from billing.providers.registry import get_provider, provider_names

NAME = "disputes are what the providers say"
MEND = "Send the provider's last notice of the dispute again, or replay it (back office, Provider notices)."
SINCE = datetime(2000, 1, 1, tzinfo=UTC)

DISPUTES = (
    Proof(
        "every dispute is in the books",
        "dispute",
        """
        SELECT dispute.id, format('%%s %%s %%s: holds %%s, costs %%s; the books: %%s disputed, %%s lost, %%s cost',
                                  status, dispute.amount_minor, dispute.currency, held_minor, fee_minor,
                                  coalesce(disputed, 0), coalesce(lost, 0), coalesce(cost, 0))
        FROM billing_dispute dispute
        LEFT JOIN LATERAL (
            SELECT sum(posting.amount_minor) FILTER (WHERE posting.account = 'disputed') AS disputed,
                   sum(posting.amount_minor) FILTER (WHERE posting.account = 'bad_debt') AS lost,
                   sum(posting.amount_minor) FILTER (WHERE posting.account = 'processor_fees') AS cost
            FROM ledger_entry entry JOIN ledger_posting posting ON posting.entry_id = entry.id
            WHERE entry.object_id = dispute.id
        ) books ON true
        WHERE coalesce(disputed, 0) <> CASE status WHEN 'lost' THEN 0 ELSE held_minor END
           OR coalesce(lost, 0) <> CASE status WHEN 'lost' THEN held_minor ELSE 0 END
           OR coalesce(cost, 0) <> fee_minor
        """,
        "Post the difference, or find out what was posted in its place.",
    ),
    Proof(
        "a payment is disputed while a dispute takes it away",
        "payment",
        """
        SELECT payment.id, format('%%s, with %%s disputes that take it away', payment.status, holding)
        FROM billing_payment payment
        CROSS JOIN LATERAL (
            SELECT count(*) AS holding FROM billing_dispute dispute
            WHERE dispute.payment_id = payment.id AND dispute.status IN ('needs_response', 'under_review', 'lost')
        ) disputes
        WHERE (payment.status = 'disputed') <> (holding > 0)
        """,
        "Set the payment's status from its disputes and refunds.",
    ),
)


def dispute_breaches() -> Iterator[Breach]:
    """Yield the disputes of payments of ours that are not recorded, or say something else than the provider."""
    for name in provider_names():
        try:
            yield from _breaches_of(name)
        except ProviderUnavailable as error:
            yield Breach(NAME, "provider", None, f"{name} does not answer: {error}", "Prove the books again later.")


def _breaches_of(provider: str) -> Iterator[Breach]:
    for facts in get_provider(provider).list_disputes(SINCE):
        dispute = Dispute.objects.filter(provider=provider, external_reference=facts.reference).first()
        if dispute is not None:
            said = (dispute.status, dispute.held_minor, dispute.fee_minor)
            says = (str(facts.stage), max(facts.held_minor, 0), max(facts.fee_minor, 0))
            if said != says:
                detail = "{} {} {} here, the provider says {} {} {}".format(*said, *says)
                yield Breach(NAME, "dispute", dispute.id, detail, MEND)
            continue
        payment = Payment.objects.filter(provider=provider, external_reference=facts.charge_reference).first()
        if payment is not None:
            detail = f"{provider} tells of a dispute of {facts.amount_minor} {facts.currency}: none is recorded"
            yield Breach(NAME, "payment", payment.id, detail, MEND)
