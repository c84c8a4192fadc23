"""What a provider answers that tells nothing of its own accord: no webhooks, no disputes."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from billing.providers.base import (
    DisputeFacts,
    KeptCard,
    ListedCharge,
    ListedRefund,
    Mandate,
    Notice,
    NotSupported,
)


class QuietProvider:
    """The part of the protocol that only providers with webhooks have."""

    name = "quiet"

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Refuse: it sends none. Raises NotSupported."""
        raise NotSupported(f"The provider {self.name} sends no webhooks.")

    def read_charge(self, reference: str) -> ListedCharge | None:
        """Return None: nobody asks."""
        return None

    def read_refund(self, reference: str) -> ListedRefund | None:
        """Return None: nobody asks."""
        return None

    def read_dispute(self, reference: str) -> DisputeFacts | None:
        """Return None: there are no disputes."""
        return None

    def list_disputes(self, since: datetime) -> Iterator[DisputeFacts]:
        """Return nothing: there are no disputes."""
        return iter(())

    def read_card(self, reference: str) -> KeptCard | None:
        """Return None: nobody asks."""
        return None

    def read_mandate(self, reference: str) -> Mandate | None:
        """Return None: there are no mandates."""
        return None
