"""What measurements come to."""

from itertools import count

from benchmarks.measure import Result, alternate, percentile_99


def test_measurements_take_turns_and_their_medians_count() -> None:
    turns = count(1)
    first, second = alternate(lambda: next(turns) * 1.0, lambda: next(turns) * 10.0)
    # 1, 3, 5, 7 and 20, 40, 60, 80.
    assert (first, second) == (4.0, 50.0)


def test_one_in_a_hundred_is_slower_than_the_99th_percentile() -> None:
    seconds = [number / 1_000 for number in range(1, 401)]
    assert percentile_99(seconds) == 396.0
    assert percentile_99([0.005]) == 5.0


def test_a_ratio_is_of_the_floor() -> None:
    assert Result("run", 30.0, "customers/s", 100.0).ratio == 0.3
    assert Result("memory", 30.0, "MiB").ratio is None
