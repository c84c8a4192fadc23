"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of all measurements, all of which together end within five minutes on two cores at scale 1.

    Those of the intake and of questions are then those of the promises. A run bills 8 000 customers, 20 000 at scale
    2.5: what it bills in a second is the same.
    """

    scale: float

    def of(self, full: int, least: int) -> int:
        """Return a size at this scale."""
        return max(round(full * self.scale), least)

    @property
    def customers(self) -> int:
        """Return how many customers a run bills."""
        return self.of(8_000, 20)

    @property
    def old_customers(self) -> int:
        """Return how many customers are billed for the 36th time."""
        return self.of(2_000, 20)

    @property
    def mixed_customers(self) -> int:
        """Return how many customers unlike each other a run bills."""
        return self.of(2_000, 20)

    @property
    def stored_events(self) -> int:
        """Return how many events are stored before further ones come in."""
        return self.of(1_000_000, 10_000)

    @property
    def batches(self) -> int:
        """Return how many batches of a thousand events come in."""
        return self.of(60, 4)

    @property
    def single_events(self) -> int:
        """Return how many events come in one by one."""
        return self.of(10_000, 128)

    @property
    def asked_events(self) -> int:
        """Return how many events there are to ask about; the busiest subscription holds a tenth."""
        return self.of(10_000_000, 20_000)

    @property
    def questions(self) -> int:
        """Return how many questions about usage are asked each time."""
        return self.of(300, 20)

    @property
    def charges(self) -> int:
        """Return how many cards are charged."""
        return self.of(10_000, 50)

    @property
    def simulated(self) -> int:
        """Return how many subscriptions are simulated for a year."""
        return self.of(10_000, 20)

    @property
    def crowd(self) -> int:
        """Return how many customers there are while the API is called."""
        return self.of(1_000_000, 1_000)

    @property
    def known_customers(self) -> int:
        """Return how many of them have everything, and are asked about."""
        return self.of(1_000, 20)

    @property
    def calls(self) -> int:
        """Return how many calls of each kind are timed each time."""
        return self.of(240, 24)

    @property
    def papers(self) -> int:
        """Return how many invoices are drawn each time."""
        return self.of(15, 1)
