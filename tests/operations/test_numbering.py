"""Numbers without gaps: by year, by local date, with rollbacks, with many at once (Billing rules, section 8)."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection, transaction

from customers.models import Brand
from invoicing.models import NumberCounter, NumberSeries
from invoicing.operations.numbering import NumberRequest, allocate_numbers, ensure_series
from tests.cast import JANUARY, make_company

WORKERS, ROUNDS = 4, 25


def a_series(format_text: str = "{year}-{seq}", reset: str = "yearly") -> NumberSeries:
    series = ensure_series(brand=Brand.objects.get(), kind="invoice", now=JANUARY)
    series.format, series.reset = format_text, reset
    series.save()
    return series


def request(series: NumberSeries, day: str) -> NumberRequest:
    return NumberRequest(series, "default", date.fromisoformat(day))


@pytest.mark.django_db
class TestReset:
    def test_a_yearly_series_counts_each_year_by_the_date_of_issue(self) -> None:
        make_company()
        series = a_series()
        days = ["2026-12-31", "2027-01-01", "2026-12-31", "2027-01-02"]
        with transaction.atomic():
            numbers = [number.number for number in allocate_numbers([request(series, day) for day in days])]
        assert numbers == ["2026-1", "2027-1", "2026-2", "2027-2"]

    def test_a_series_that_never_resets_counts_on(self) -> None:
        make_company()
        series = a_series(reset="never")
        with transaction.atomic():
            numbers = [n.number for n in allocate_numbers([request(series, d) for d in ("2026-12-31", "2027-01-01")])]
        assert numbers == ["2026-1", "2027-2"]
        assert list(NumberCounter.objects.values_list("year", "last_sequence")) == [(0, 2)]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_rollbacks_leave_no_gap_and_give_nothing_twice() -> None:
    """Every third transaction is rolled back after it has its numbers."""
    make_company()
    series = a_series("{seq}", "never")
    barrier = threading.Barrier(WORKERS)

    def work(worker: int) -> list[int]:
        given: list[int] = []
        try:
            barrier.wait()
            for turn in range(ROUNDS):
                with transaction.atomic():
                    numbers = allocate_numbers([request(series, "2026-03-01")] * (1 + turn % 3))
                    if (worker + turn) % 3 == 0:
                        transaction.set_rollback(True)
                        numbers = ()
                given += [number.sequence for number in numbers]
        finally:
            connection.close()
        return given

    with ThreadPoolExecutor(WORKERS) as pool:
        given = [sequence for numbers in pool.map(work, range(WORKERS)) for sequence in numbers]
    assert sorted(given) == list(range(1, len(given) + 1))
    assert NumberCounter.objects.get().last_sequence == len(given) > WORKERS * ROUNDS / 2


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_a_number_is_given_twice() -> None:
    """What counting by reading and writing back would do."""
    make_company()
    series = a_series("{seq}", "never")
    NumberCounter.objects.create(series=series, year=0, last_sequence=0)
    barrier = threading.Barrier(2)

    def careless(_: int) -> int:
        try:
            with transaction.atomic():
                counter = NumberCounter.objects.get(series=series)
                barrier.wait()
                counter.last_sequence += 1
                counter.save()
                time.sleep(0.05)
                return counter.last_sequence
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(careless, range(2))) == [1, 1]
