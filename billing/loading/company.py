"""Load a whole company from its folder, in the order in which its rows need each other."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from billing.loading.agreements import timed_tables
from billing.loading.catalogue import catalogue_tables
from billing.loading.people import customer_table
from billing.loading.places import brand_tables, tax_tables
from billing.loading.progress import Progress
from billing.loading.readers import read_rows
from billing.loading.references import SubscriptionIndex
from billing.loading.report import Report
from billing.loading.rows import BadRow, Place, Row
from billing.loading.surroundings import COMPANY_FILE, Company, ensure_clock
from billing.loading.tables import Loader, Table, files_of, stray_files
from billing.loading.timeline import Player, TimedRow, collect, finish_advance
from billing.loading.usage import COLUMNS as EVENT_COLUMNS
from billing.loading.usage import TABLE as EVENTS
from billing.loading.usage import EventLoader

EMPTY = "holds no file that is known here; docs/import-your-data.md names them"


def load_company(company: Company, report: Report, progress: Progress, *, now: datetime, play: bool = False) -> None:
    """Load a company's files; what stands already is left as it is, what is bad is reported.

    In real time rows take effect now. On a test clock those at or before its time do; with `play` the clock is turned
    on through all of them, and what falls due is billed. `now` is the wall's moment. Raises Conflict for a clock on a
    live instance.
    """
    clock = ensure_clock(company, now=now)
    if clock is not None:
        clock = finish_advance(clock, now=now)
    index = SubscriptionIndex()
    plain = [
        *brand_tables(company.folder, now),
        *tax_tables(now),
        *catalogue_tables(now),
        customer_table(clock.id if clock is not None else None, now),
    ]
    timed = timed_tables(index, now)
    names = [*(table.name for table in plain), *(one.table.name for one in timed), EVENTS]
    _report_strays(company, names, report)
    for table in plain:
        _load_table(company.folder, table, report, progress)
    rows_of = {one.table.name: _rows(company.folder, one.table) for one in timed}
    ordered = collect(timed, rows_of, report)
    events = EventLoader(index, report, now)
    if company.clock is None or clock is None:
        _load_now(ordered, progress)
        _stream_events(company.folder, events, progress)
        return
    player = Player(clock, ordered, events, progress)
    player.take_in(_event_rows(company.folder))
    if play:
        player.play(company.clock.plays_to, now=now)
    else:
        player.catch_up()
    player.report_waiting()


def _report_strays(company: Company, names: list[str], report: Report) -> None:
    """Report files whose names are not known: their rows would be missed without a word."""
    known = ", ".join(names)
    strays = [path for path in stray_files(company.folder, names) if path.name != COMPANY_FILE]
    for path in strays:
        report.add_bad("files", BadRow(Place(path.name, 0), f"is no file that is known here; known are: {known}"))
    if not strays and not any(files_of(company.folder, name) for name in names):
        report.add_bad("files", BadRow(Place(company.folder.name, 0), EMPTY))


def _rows(folder: Path, table: Table) -> list[Row | BadRow]:
    return [row for path in files_of(folder, table.name) for row in read_rows(path, table.columns)]


def _event_rows(folder: Path) -> Iterator[Row | BadRow]:
    for path in files_of(folder, EVENTS):
        yield from read_rows(path, EVENT_COLUMNS)


def _load_table(folder: Path, table: Table, report: Report, progress: Progress) -> None:
    rows = _rows(folder, table)
    if not rows:
        return
    loader = Loader(table, report)
    progress.begin(table.name, len(rows))
    for row in rows:
        loader.load(row)
        progress.step(1)
    progress.end()


def _load_now(ordered: Iterable[TimedRow], progress: Progress) -> None:
    """Do the rows at once, oldest first."""
    rows = list(ordered)
    if not rows:
        return
    progress.begin("agreements", len(rows))
    for one in rows:
        one.loader.load(one.row)
        progress.step(1)
    progress.end()


def _stream_events(folder: Path, events: EventLoader, progress: Progress) -> None:
    """Store events as they are read: there may be more of them than memory holds."""
    if not files_of(folder, EVENTS):
        return
    progress.begin(EVENTS, None)
    for done in events.load(_event_rows(folder)):
        progress.step(done)
    progress.end()
