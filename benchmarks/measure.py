"""What a measurement comes to."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

REPETITIONS = 4


@dataclass(frozen=True, slots=True)
class Result:
    """A measured figure, and the one under it where there is one: what the machine could do at best, or did before."""

    name: str
    value: float
    unit: str
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return how much of the floor the figure is."""
        return None if self.floor is None else self.value / self.floor


def alternate(*measurements: Callable[[], float]) -> tuple[float, ...]:
    """Take the measurements in turn, four times, and return the median of each.

    Whatever else the machine does meanwhile, it does to all of them.
    """
    return medians(lambda: [measure() for measure in measurements])


def medians(measure_round: Callable[[], Sequence[float]]) -> tuple[float, ...]:
    """Take several figures at a time, four times, and return the median of each."""
    rounds = [measure_round() for _ in range(REPETITIONS)]
    return tuple(statistics.median(figures) for figures in zip(*rounds, strict=True))


def percentile_99(seconds: Sequence[float]) -> float:
    """Return the time, in milliseconds, that one in a hundred was slower than."""
    slowest = sorted(seconds, reverse=True)
    return next(islice(slowest, len(slowest) // 100, None)) * 1_000
