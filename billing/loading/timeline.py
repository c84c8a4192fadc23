"""Rows that have a moment, in the order of their moments: done at once in real time, or played on a test clock.

Played, the clock is turned from moment to moment, as time itself would: what is due on the way is billed, and the usage
of a period is stored before the period is billed.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.loading.agreements import TimedTable
from billing.loading.progress import Progress
from billing.loading.report import Fate, Report
from billing.loading.rows import BadRow, Row
from billing.loading.tables import Loader
from billing.loading.usage import TABLE as EVENTS
from billing.loading.usage import EventLoader, moment_of
from billing.operations.clocks import ClockProgress, advance_clock
from core.api.fields import instant_of
from core.models import TestClock
from customers.models import Agenda

EARLIEST = datetime.min.replace(tzinfo=UTC)
JUST_BEFORE = timedelta(seconds=1)
NO_MOMENT = "timestamp: on a clock it is required, and must be an instant with its offset: 2026-01-31T10:17:00+00:00"


@dataclass(frozen=True, slots=True)
class TimedRow:
    """A row with its moment, and what loads it."""

    at: datetime
    row: Row
    loader: Loader


def collect(tables: Iterable[TimedTable], rows_of: dict[str, list[Row | BadRow]], report: Report) -> list[TimedRow]:
    """Return the rows of all tables in the order of their moments, those without one first.

    Rows of one moment keep the order of the tables, then of the files. A moment that cannot be read is left to the
    loader, which says so.
    """
    timed: list[TimedRow] = []
    for one in tables:
        loader = Loader(one.table, report)
        for row in rows_of.get(one.table.name, []):
            if isinstance(row, BadRow):
                loader.load(row)
            else:
                timed.append(TimedRow(instant_of(row.values.get(one.moment)) or EARLIEST, row, loader))
    return sorted(timed, key=lambda one: one.at)


class Player:
    """Play rows and events on a test clock up to a moment; cut off, it can be played again and does the rest."""

    def __init__(self, clock: TestClock, timed: list[TimedRow], events: EventLoader, progress: Progress) -> None:
        self.clock = clock
        self.timed = deque(timed)
        self.events = events
        self.progress = progress
        self.invoices = 0
        self._pending: deque[tuple[datetime, Row]] = deque()

    def take_in(self, rows: Iterable[Row | BadRow]) -> None:
        """Put events in the order of their moments; without one nobody could say when to store them."""
        pending: list[tuple[datetime, Row]] = []
        for row in rows:
            moment = None if isinstance(row, BadRow) else moment_of(row)
            if isinstance(row, BadRow):
                self.events.report.add_bad(EVENTS, row)
            elif moment is None:
                self.events.report.add_bad(EVENTS, BadRow(row.place, NO_MOMENT))
            else:
                pending.append((moment, row))
        self._pending = deque(sorted(pending, key=lambda one: one[0]))

    def catch_up(self) -> None:
        """Do what lies at or before the clock's time."""
        self._load_rows()
        self._store_events(self.clock.now_at)

    def play(self, to_at: datetime, *, now: datetime) -> None:
        """Turn the clock to a moment and do everything on the way, each at its time; `now` is the wall's."""
        first_day = self.clock.now_at.date()
        self.progress.begin("billing", max((to_at.date() - first_day).days, 0))
        shown = 0
        self._load_rows()
        while self.clock.now_at < to_at:
            due_at = _next_due(self.clock)
            stop = min(moment for moment in (to_at, due_at, self._next_row()) if moment is not None)
            if stop == due_at and self._has_events(stop):
                self._advance(stop - JUST_BEFORE, now)
                self._store_events(stop)
            self._advance(stop, now)
            self._load_rows()
            days = (self.clock.now_at.date() - first_day).days
            self.progress.step(days - shown, f"{self.clock.now_at:%d %b %Y}, {self.invoices} renewals")
            shown = days
        self.progress.end()
        self.catch_up()

    def report_waiting(self) -> None:
        """Count what still lies ahead of the clock."""
        for one in self.timed:
            one.loader.report.count(one.loader.table.name, Fate.WAITING)
        if self._pending:
            self.events.report.count(EVENTS, Fate.WAITING, len(self._pending))

    def _load_rows(self) -> None:
        while self.timed and self.timed[0].at <= self.clock.now_at:
            one = self.timed.popleft()
            one.loader.load(one.row)

    def _next_row(self) -> datetime | None:
        return self.timed[0].at if self.timed else None

    def _advance(self, to_at: datetime, now: datetime) -> None:
        if to_at <= self.clock.now_at:
            return
        before = self.invoices

        def note(progress: ClockProgress) -> None:
            self.invoices = before + progress.tally.invoices

        self.clock = advance_clock(clock_id=self.clock.id, to_at=to_at, now=now, progress=note)

    def _store_events(self, before: datetime) -> None:
        """Store the events sent before a moment."""
        for _ in self.events.load(self._take(before)):
            # The clock's days are the measure of progress; a batch is a part of one.
            continue

    def _has_events(self, before: datetime) -> bool:
        return bool(self._pending) and self._pending[0][0] < before

    def _take(self, before: datetime) -> Iterator[Row]:
        while self._has_events(before):
            yield self._pending.popleft()[1]


def _next_due(clock: TestClock) -> datetime | None:
    """Return when the next customer of a clock is due; who was left behind for an error is not waited for."""
    agenda = Agenda.objects.filter(test_clock_id=clock.id, due_at__gt=clock.now_at).order_by("due_at")
    return agenda.values_list("due_at", flat=True).first()


def finish_advance(clock: TestClock, *, now: datetime) -> TestClock:
    """Return a clock that stands: an advance that was cut off is brought to its end."""
    if clock.status == TestClock.Status.READY or clock.target_at is None:
        return clock
    return advance_clock(clock_id=clock.id, to_at=clock.target_at, now=now)
