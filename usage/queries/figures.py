"""Usage figures: what meters read from the events of many windows, in a constant number of statements.

Billing rules, section 4. `usage.domain.aggregation.aggregate` is the reference; the database's answers equal it.
Windows that ask the same kind of question are answered together: one LATERAL look-up each, in one partition, by one
index. Windows that read nothing but values never touch the table itself.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from django.db import connection

from core.domain.decimals import EXACT, ZERO, decimal_text
from core.domain.rounding import round_half_away
from core.rows import array_text
from usage.domain.aggregation import (
    NUMBER_TEXT,
    QUANTITY_PLACES,
    Aggregation,
    FilterType,
    UsageFigure,
    property_number,
)
from usage.domain.window import UsageWindow
from usage.queries.busy import list_totalled

_READS_PROPERTY = frozenset({Aggregation.MAX, Aggregation.LATEST, Aggregation.UNIQUE_COUNT})
_TOTALLED = frozenset({Aggregation.SUM, Aggregation.MAX, Aggregation.LATEST})
_MICROSECOND = timedelta(microseconds=1)
_PROPERTY = "(event.properties -> asked.property)"
_TEXT = f"({_PROPERTY} #>> '{{}}')"
_PROPERTY_NUMBER = f"""CASE jsonb_typeof({_PROPERTY})
    WHEN 'number' THEN {_PROPERTY}::numeric
    WHEN 'string' THEN CASE WHEN {_TEXT} ~ '{NUMBER_TEXT}' THEN {_TEXT}::numeric END END"""
_PROPERTY_TEXT = f"""CASE jsonb_typeof({_PROPERTY})
    WHEN 'string' THEN {_TEXT}
    WHEN 'number' THEN trim_scale({_PROPERTY}::numeric)::text
    WHEN 'boolean' THEN {_TEXT} END"""


@dataclass(frozen=True, slots=True)
class _Question:
    """What one statement answers: windows that differ in names, values and moments only."""

    aggregation: Aggregation
    reads_property: bool
    is_filtered: bool
    has_free_events: bool
    has_totals: bool = False

    @property
    def may_have_totals(self) -> bool:
        """Tell whether the totals by the hour of a busy subscription answer it, but for the hours at its ends."""
        return self.aggregation in _TOTALLED and not self.reads_property and not self.is_filtered


def list_usage_figures(windows: Sequence[UsageWindow]) -> dict[Hashable, UsageFigure]:
    """Read the figure of each window from the events stored by now, under the window's key.

    Billing rules, section 4. The number of statements depends on the kinds of questions among the windows, never on how
    many windows there are. A weighted sum starts at the level that all earlier events add up to. Raises ValueError when
    two windows share a key.
    """
    if len({window.key for window in windows}) != len(windows):
        raise ValueError("two windows share a key")
    asked: dict[_Question, list[UsageWindow]] = {}
    for window in windows:
        asked.setdefault(_question(window), []).append(window)
    _ask_totals(asked)
    return {window.key: figure for question, alike in asked.items() for window, figure in _answer(question, alike)}


def _ask_totals(asked: dict[_Question, list[UsageWindow]]) -> None:
    """Ask the windows of busy subscriptions apart from the others, whose statement is the faster one.

    Totals that are withdrawn after this look are not read: the statement itself looks again.
    """
    able = [question for question in asked if question.may_have_totals]
    totalled = list_totalled({window.subscription_id for question in able for window in asked[question]})
    for question in able if totalled else ():
        alike = asked.pop(question)
        for window in alike:
            own = replace(question, has_totals=window.subscription_id in totalled)
            asked.setdefault(own, []).append(window)


def _question(window: UsageWindow) -> _Question:
    """Return the kind of question a window asks; one that reads plain values is the cheapest."""
    meter = window.meter
    return _Question(
        # A count and a sum come from the same scan.
        Aggregation.SUM if meter.aggregation is Aggregation.COUNT else meter.aggregation,
        meter.property is not None and meter.aggregation in _READS_PROPERTY,
        bool(meter.filters),
        window.free_events > 0,
    )


def _answer(question: _Question, windows: Sequence[UsageWindow]) -> Iterator[tuple[UsageWindow, UsageFigure]]:
    """Ask one statement for the figures of windows that ask alike."""
    filters = max(len(window.meter.filters) for window in windows)
    with connection.cursor() as cursor:
        cursor.execute(_statement(question, filters), _parameters(windows, filters))
        rows = cursor.fetchall()
    for number, *columns in rows:
        yield windows[number], _figure(windows[number], columns)


def _figure(window: UsageWindow, columns: Sequence[Any]) -> UsageFigure:
    """Turn a row of the statement into a figure."""
    count, total, first_at, last_at, quantity, carried, free_total = columns
    match window.meter.aggregation:
        case Aggregation.COUNT:
            quantity = Decimal(count)
        case Aggregation.SUM:
            quantity = total
        case Aggregation.WEIGHTED_SUM:
            quantity = _average_level(window, carried or ZERO, quantity or ZERO)
    return UsageFigure(
        quantity=_plain(quantity or ZERO),
        event_count=count,
        charged_sum=_plain(EXACT.subtract(total, free_total or ZERO)),
        charged_count=max(count - window.free_events, 0),
        first_at=first_at,
        last_at=last_at,
    )


def _average_level(window: UsageWindow, carried: Decimal, weighted: Decimal) -> Decimal:
    """Return the carried level and the changes, weighted by the share of the window they last, rounded to 12 places.

    `weighted` is the sum of change x seconds until the window's end.
    """
    if window.start is None:
        raise ValueError("a weighted sum needs the start of its window")
    microseconds = (window.end - window.start) // _MICROSECOND
    average = Fraction(carried) + Fraction(weighted) * 1_000_000 / microseconds
    return EXACT.scaleb(Decimal(round_half_away(average * 10**QUANTITY_PLACES)), -QUANTITY_PLACES)


def _plain(number: Decimal) -> Decimal:
    """Return the number without the zeros that the column's scale adds."""
    return Decimal(decimal_text(number))


def _parameters(windows: Sequence[UsageWindow], filters: int) -> list[Any]:
    """Return the columns of the asked windows as arrays, in the order of the statement's `unnest`."""
    meters = [window.meter for window in windows]
    columns: list[Any] = [
        array_text(range(len(windows))),
        array_text([window.subscription_id for window in windows]),
        array_text([window.metric_id for window in windows]),
        array_text(["-infinity" if window.start is None else window.start for window in windows]),
        array_text([window.end for window in windows]),
        array_text([window.free_events for window in windows]),
        array_text([meter.property for meter in meters]),
    ]
    for slot in range(filters):
        used = [meter.filters[slot] if slot < len(meter.filters) else None for meter in meters]
        columns += [
            [one.name if one else None for one in used],
            [msgspec.json.encode(one.value).decode() if one else None for one in used],
            [_other_scalar(one.value) if one else None for one in used],
            # An unused slot equals nothing, and must not.
            [one is not None and one.type is FilterType.INCLUSIVE for one in used],
        ]
    return columns


def _other_scalar(text: str) -> str | None:
    """Return the JSON number or boolean whose text a filter's value is, None when there is none.

    Numbers have one canonical text each (`usage.domain.aggregation.property_text`): "1.0" is no number's.
    """
    number = property_number(text)
    is_canonical = number is not None and decimal_text(number) == text
    return text if is_canonical or text in ("true", "false") else None


def _statement(question: _Question, filters: int) -> str:
    """Compose the statement that answers a kind of question, with slots for so many filters a window."""
    columns = "number, subscription_id, metric_id, starts_at, ends_at, free_events, property"
    arrays = "%s::int[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[]"
    events = (
        "usage_event event WHERE event.subscription_id = asked.subscription_id AND event.metric_id = asked.metric_id"
    )
    for slot in range(filters):
        columns += f", name_{slot}, text_{slot}, scalar_{slot}, kept_{slot}"
        arrays += ", %s::text[], %s::jsonb[], %s::jsonb[], %s::bool[]"
        equal = f"event.properties -> asked.name_{slot} IN (asked.text_{slot}, asked.scalar_{slot})"
        events += f" AND coalesce({equal}, false) = asked.kept_{slot}"
    read = _read(question)
    readable = f"{events} AND ({read}) IS NOT NULL" if question.reads_property else events
    within = f"{readable} AND event.timestamp >= asked.starts_at AND event.timestamp < asked.ends_at"
    quantity, carried, free, joins = "figure.quantity", "NULL", "NULL", ""
    if question.aggregation is Aggregation.LATEST:
        quantity = "latest.quantity"
        joins += f"""LEFT JOIN LATERAL (
            SELECT round({read}, {QUANTITY_PLACES}) AS quantity
            FROM {readable} AND event.timestamp = figure.last_at ORDER BY event.event_id COLLATE "C" DESC LIMIT 1
        ) latest ON true """  # noqa: S608 - composed of constants
    if question.aggregation is Aggregation.WEIGHTED_SUM:
        carried = "carried.level"
        joins += f"""LEFT JOIN LATERAL (
            SELECT sum(event.value) AS level FROM {readable} AND event.timestamp < asked.starts_at
        ) carried ON true """  # noqa: S608 - composed of constants
    if question.has_free_events:
        free = "free.total"
        joins += f"""LEFT JOIN LATERAL (
            SELECT sum(first.value) AS total FROM (
                SELECT event.value FROM {within}
                ORDER BY event.timestamp, event.event_id COLLATE "C" LIMIT asked.free_events
            ) first
        ) free ON true """  # noqa: S608 - composed of constants
    figure = _totalled_figure(within) if question.has_totals else _figure_of_events(question, read, within)
    return f"""
        SELECT asked.number, figure.count, figure.total, figure.first_at, figure.last_at, {quantity}, {carried}, {free}
        FROM unnest({arrays}) AS asked({columns})
        {figure} {joins}"""  # noqa: S608 - composed of constants; every value is a parameter


def _figure_of_events(question: _Question, read: str, within: str) -> str:
    """Return the join that adds up the events of each window."""
    return f"""
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, coalesce(sum(event.value), 0) AS total,
                min(event.timestamp) AS first_at, max(event.timestamp) AS last_at,
                {_quantity(question, read)} AS quantity
            FROM {within}
        ) figure"""  # noqa: S608 - composed of constants


def _totalled_figure(within: str) -> str:
    """Return the join that adds up each window from the totals of its whole hours and the events at its ends.

    Of a subscription that is not busy, or not added up, all events are those at the first end: they reach up to
    `whole_from`, and there is no whole hour (`usage.operations.totals`).
    """
    events = """SELECT count(*) AS count, sum(event.value) AS total, min(event.timestamp) AS first_at,
                    max(event.timestamp) AS last_at, max(event.value) AS greatest"""
    return f"""
        LEFT JOIN usage_busysubscription busy
            ON busy.subscription_id = asked.subscription_id AND busy.totalled_at IS NOT NULL
        CROSS JOIN LATERAL (
            SELECT CASE WHEN busy.subscription_id IS NULL THEN asked.ends_at ELSE least(asked.ends_at,
                date_trunc('hour', asked.starts_at + interval '1 hour' - interval '1 microsecond', 'UTC')) END AS upto
        ) head
        CROSS JOIN LATERAL (SELECT greatest(head.upto, date_trunc('hour', asked.ends_at, 'UTC')) AS since) tail
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(part.count), 0)::bigint AS count, coalesce(sum(part.total), 0) AS total,
                min(part.first_at) AS first_at, max(part.last_at) AS last_at,
                round(max(part.greatest), {QUANTITY_PLACES}) AS quantity
            FROM (
                {events} FROM {within} AND event.timestamp < head.upto
                UNION ALL
                SELECT sum(hour.event_count), sum(hour.total), min(hour.first_at), max(hour.last_at), max(hour.greatest)
                FROM usage_hourtotal hour
                WHERE hour.subscription_id = asked.subscription_id AND hour.metric_id = asked.metric_id
                    AND hour.hour >= head.upto AND hour.hour < tail.since AND head.upto < tail.since
                UNION ALL
                {events} FROM {within} AND event.timestamp >= tail.since AND tail.since < asked.ends_at
            ) part
        ) figure"""  # noqa: S608 - composed of constants


def _read(question: _Question) -> str:
    """Return the expression of what the meter reads from an event."""
    if not question.reads_property:
        return "event.value"
    return _PROPERTY_TEXT if question.aggregation is Aggregation.UNIQUE_COUNT else _PROPERTY_NUMBER


def _quantity(question: _Question, read: str) -> str:
    """Return the aggregate of what was read that the count and the sum do not give."""
    match question.aggregation:
        case Aggregation.MAX:
            return f"round(max({read}), {QUANTITY_PLACES})"
        case Aggregation.UNIQUE_COUNT if question.reads_property:
            return f'count(DISTINCT ({read}) COLLATE "C")::numeric'
        case Aggregation.UNIQUE_COUNT:
            return f"count(DISTINCT {read})::numeric"
        case Aggregation.WEIGHTED_SUM:
            return "sum(event.value * extract(epoch FROM asked.ends_at - event.timestamp))"
        case _:
            return "NULL::numeric"
