"""Bank transfers and cash: nobody to call, staff record what arrived (`operations.payments.record_transfer`)."""

from collections.abc import Iterator
from datetime import datetime

from billing.providers.base import (
    CardFacts,
    ChargeRequest,
    ChargeResult,
    CustomerFacts,
    ListedCharge,
    ListedRefund,
    NotSupported,
    RefundOutcome,
    RefundRequest,
    RefundResult,
)
from billing.providers.quiet import QuietProvider


class ManualProvider(QuietProvider):
    """Money that moves outside: it has no cards and cannot charge; a refund is a note that staff paid it out."""

    name = "manual"

    def create_customer(self, facts: CustomerFacts, *, idempotency_key: str) -> str:
        """Return nothing: no provider knows this customer."""
        return ""

    def create_setup_token(self, customer_reference: str) -> str:
        """Refuse: there are no cards. Raises NotSupported."""
        raise NotSupported("Transfers have no cards.")

    def attach(self, *, customer_reference: str, token: str) -> CardFacts:
        """Refuse: there are no cards. Raises NotSupported."""
        raise NotSupported("Transfers have no cards.")

    def detach(self, card_reference: str) -> None:
        """Refuse: there are no cards. Raises NotSupported."""
        raise NotSupported("Transfers have no cards.")

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Refuse: the customer transfers when they like. Raises NotSupported."""
        raise NotSupported("A transfer is made by the customer; it cannot be charged.")

    def lookup(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Return None: nothing was ever charged."""
        return None

    def withdraw(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Return None: nothing was ever charged."""
        return None

    def list_charges(self, since: datetime) -> Iterator[ListedCharge]:
        """Return nothing: nothing was ever charged."""
        return iter(())

    def refund(self, request: RefundRequest) -> RefundResult:
        """Return a refund that staff make by transfer."""
        return RefundResult(RefundOutcome.ISSUED)

    def find_refund(self, idempotency_key: str, charge_reference: str = "") -> RefundResult | None:
        """Return None: there is nobody to ask."""
        return None

    def list_refunds(self, since: datetime) -> Iterator[ListedRefund]:
        """Return nothing: there is nobody to ask."""
        return iter(())
