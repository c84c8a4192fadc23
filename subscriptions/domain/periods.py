"""The periods that versions of a calendar make: paid segments, and the service periods that tile them.

Billing rules, sections 2, 3 and 5. A pause that shifts lengthens the period it falls into, one that keeps leaves a hole
in it, a changed time zone counts from the next boundary. Periods never overlap, whatever happens.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct, structs

from core.domain.memo import Memo
from core.domain.period import Period
from core.domain.schedule import Interval, boundary, boundary_index, instant_of, local_date, local_wall
from subscriptions.domain.terms import KEEP, PAID, PAUSED, SHIFT, Agreement, CalendarVersion, Item

_MOMENT = timedelta(microseconds=1)
# More than a chunk of the billing run asks about; everything about one subscription is asked in one go.
_REMEMBERED = 4_096
# A run asks from the horizon of usage, two months back, to the end of the period that begins.
_LOOK_AHEAD = 3


class Pause(Struct, frozen=True):
    """A pause inside a period: service stops at `start` and goes on at `end`."""

    start: datetime
    end: datetime

    def without(self, instant: datetime, zone: str) -> datetime:
        """Return an instant as if the pause had not been: moved back by its local days, or to its start inside it."""
        if instant <= self.start:
            return instant
        if instant < self.end:
            return self.start
        days = (local_date(self.end, zone) - local_date(self.start, zone)).days
        return max(instant_of(local_wall(instant, zone) - timedelta(days=days), zone), self.start)


class ServicePeriod(Struct, frozen=True):
    """A billed stretch of a subscription: `start` to `end`, within the full, unshortened interval `full`.

    `planned_end` is where it would end if nothing cut it; `gives_back` tells that what was paid beyond `end` is given
    back. `full` knows no pauses that shift: what lies behind one is counted as `unshifted` says, so the days of a
    lengthened period still sum to the whole. `holes` are pauses that keep: they take nothing from the period's length.
    """

    start: datetime
    end: datetime
    full: Period
    planned_end: datetime
    zone: str
    versions: tuple[CalendarVersion, ...]
    shifts: tuple[Pause, ...] = ()
    holes: tuple[Pause, ...] = ()
    gives_back: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether the stretch is the full interval."""
        return self.start == self.full.start and self.end == self.planned_end

    def unshifted(self, instant: datetime) -> datetime:
        """Return an instant of the period as if it had not been paused."""
        for pause in reversed(self.shifts):
            instant = pause.without(instant, self.zone)
        return instant

    def version_at(self, instant: datetime) -> CalendarVersion:
        """Return the calendar version in force at an instant of the period."""
        return _version_at(self.versions, instant)


def _version_at(versions: tuple[CalendarVersion, ...], instant: datetime) -> CalendarVersion:
    """Return the last version that has begun by an instant, or else the first."""
    found = versions[0]
    for version in versions:
        if version.from_at <= instant:
            found = version
    return found


class Segment(Struct, frozen=True):
    """A paid stretch with one calendar: consecutive versions that only changed the plan are one segment.

    `resumes` says how the pause before it ended, `earlier_zone` names the zone whose boundary it begins at,
    `gives_back` tells whether paid time behind its end is given back.
    """

    start: datetime
    end: datetime | None
    anchor_wall: datetime
    zone: str
    versions: tuple[CalendarVersion, ...]
    resumes: str = ""
    earlier_zone: str = ""
    gives_back: bool = False

    def version_at(self, instant: datetime) -> CalendarVersion:
        """Return the version in force at an instant of the segment."""
        return _version_at(self.versions, instant)


def paid_segments(calendar: tuple[CalendarVersion, ...], cancel_at: datetime | None = None) -> tuple[Segment, ...]:
    """Return the stretches in which a subscription is charged, in order; nothing is charged after `cancel_at`."""
    segments: list[Segment] = []
    last = len(calendar) - 1
    before: CalendarVersion | None = None
    for position, version in enumerate(calendar):
        end = calendar[position + 1].from_at if position < last else None
        # Paused at the very moment it began: it may be paid for, and a pause that shifts goes on with it. Restarted at
        # the very moment it resumed: what is left of it is given back.
        waits_at_once = end == version.from_at and (calendar[position + 1].phase == PAUSED or bool(version.resumes))
        if end is not None and end <= version.from_at and not (waits_at_once and version.phase == PAID):
            continue
        if segments and (version.credits_unused or version.resumes == KEEP):
            segments[-1] = structs.replace(segments[-1], gives_back=True)
        if version.phase == PAID:
            if cancel_at is not None and (end is None or end > cancel_at):
                end = cancel_at
            if end is None or end > version.from_at or waits_at_once:
                _append(segments, before, version, end)
        before = version
    return tuple(segments)


def _append(
    segments: list[Segment], before: CalendarVersion | None, version: CalendarVersion, end: datetime | None
) -> None:
    """Add a paid version: to the last segment when it goes on with its boundaries, else as a new one."""
    previous = segments[-1] if segments else None
    if previous and previous.end == version.from_at and _same_calendar(previous.versions[-1], version):
        # Also after a pause of no length: nothing ends here, so nothing is given back.
        segments[-1] = structs.replace(previous, end=end, versions=(*previous.versions, version), gives_back=False)
        return
    resumes = earlier_zone = ""
    if before is not None and before.phase == PAUSED and previous is not None and previous.end == before.from_at:
        resumes = version.resumes
    elif before is not None and before.phase == PAID and _only_another_zone(before, version):
        earlier_zone = before.zone
    elif before is not None and before.phase == PAID and previous is not None and previous.end == version.from_at:
        # Restarted by a change of the plan's price, whose own policy rules that; what else was paid is given back.
        segments[-1] = structs.replace(previous, gives_back=True)
    segments.append(Segment(version.from_at, end, version.anchor_wall, version.zone, (version,), resumes, earlier_zone))


_segments: Memo[tuple[Segment, ...]] = Memo(_REMEMBERED)


def agreement_segments(agreement: Agreement) -> tuple[Segment, ...]:
    """Return the paid stretches of an agreement, up to a cancellation that is scheduled."""
    calendar, cancel_at = agreement.calendar, agreement.cancel_at
    found = _segments.find(calendar, cancel_at)
    return _segments.keep(calendar, paid_segments(calendar, cancel_at), cancel_at) if found is None else found


def _same_calendar(one: CalendarVersion, other: CalendarVersion) -> bool:
    """Tell whether a later version goes on with the same boundaries."""
    return (one.anchor_wall, one.zone, one.interval) == (other.anchor_wall, other.zone, other.interval)


def _only_another_zone(one: CalendarVersion, other: CalendarVersion) -> bool:
    """Tell whether a later version keeps the same wall times in another zone."""
    return (one.anchor_wall, one.interval) == (other.anchor_wall, other.interval) and one.zone != other.zone


def service_periods(
    segments: tuple[Segment, ...], interval: Interval, after: datetime | None, until: datetime
) -> Iterator[ServicePeriod]:
    """Return the periods of one interval that end after `after` and start at or before `until`, oldest first.

    Periods tile the paid segments: the first of one may be a stub that starts inside its interval, the last may be cut
    by its end (Billing rules, section 2); a pause inside a period does not end it. With `after` None it begins with the
    first period.
    """
    if len(segments) == 1:
        return iter(_tiled(segments, interval, after, until))
    return _walked(segments, interval, after, until)


class _Tiling(NamedTuple):
    """The periods of one interval that end after `since` (None: all) and start at or before `until` (None: all)."""

    since: datetime | None
    until: datetime | None
    periods: tuple[ServicePeriod, ...]

    def holds(self, after: datetime | None, until: datetime) -> bool:
        """Tell whether the periods between two moments are among these."""
        is_early = self.since is not None and (after is None or after < self.since)
        return not is_early and (self.until is None or until <= self.until)


_tilings: Memo[_Tiling] = Memo(_REMEMBERED)
_end, _start = attrgetter("end"), attrgetter("start")


def _tiled(
    segments: tuple[Segment, ...], interval: Interval, after: datetime | None, until: datetime
) -> tuple[ServicePeriod, ...]:
    """Return periods of a single segment, which no pause moves: what was found before is not walked again.

    A subscription is asked about much the same stretch for each of its items, for its usage and for its next boundary.
    """
    known = _tilings.find(segments, interval)
    if known is None or not known.holds(after, until):
        since, furthest = after, until if after is None else max(after, until)
        if known is not None:
            since = None if after is None or known.since is None else min(after, known.since)
            furthest = furthest if known.until is None else max(furthest, known.until)
        known = _tilings.keep(segments, _tile(segments, interval, since, furthest), interval)
    first = 0 if after is None else bisect_right(known.periods, after, key=_end)
    return known.periods[first : bisect_right(known.periods, until, first, key=_start)]


def _tile(segments: tuple[Segment, ...], interval: Interval, since: datetime | None, until: datetime) -> _Tiling:
    """Walk through a single segment, a few periods further than asked: the next questions are about those."""
    walk = _Walk(segments, interval, 0, since)
    periods: list[ServicePeriod] = []
    ahead = 0
    ends_at_all = False
    while ahead < _LOOK_AHEAD and not ends_at_all:
        try:
            period = walk.next_period()
        except ValueError:
            # Beyond the year 9999, which nobody has asked about.
            if ahead:
                break
            raise
        if period is None:
            ends_at_all = True
        else:
            ahead += period.start > until
            if since is None or period.end > since:
                periods.append(period)
    is_first = bool(periods) and periods[0].start == segments[0].start
    return _Tiling(None if is_first else since, None if ends_at_all else periods[-1].start, tuple(periods))


def _walked(
    segments: tuple[Segment, ...], interval: Interval, after: datetime | None, until: datetime
) -> Iterator[ServicePeriod]:
    """Yield the periods that `service_periods` returns, going from one to the next."""
    place = 0 if after is None else _entry(segments, interval, after)
    while place < len(segments) and segments[place].start <= until:
        walk = _Walk(segments, interval, place, after)
        while (period := walk.next_period()) is not None and period.start <= until:
            if after is None or period.end > after:
                yield period
        if period is not None:
            return
        place = walk.place + 1


def _entry(segments: tuple[Segment, ...], interval: Interval, after: datetime) -> int:
    """Return the place of the segment in which the periods that end after a moment begin."""
    place = max((number for number, segment in enumerate(segments) if segment.start <= after), default=0)
    while place and segments[place].resumes:
        segment = segments[place]
        index = boundary_index(segment.anchor_wall, interval, segment.zone, segment.start)
        # Another pause may lengthen it further.
        reached = after if segment.end is None else min(after, segment.end)
        if boundary(segment.anchor_wall, interval, index + 2, segment.zone) <= reached:
            break
        # The period that runs then may have begun before the pause, and may end a boundary later than the next.
        place -= 1
    return place


class _Walk:
    """Goes from period to period of one interval, through the segments that pauses join."""

    def __init__(self, segments: tuple[Segment, ...], interval: Interval, place: int, after: datetime | None) -> None:
        self._segments = segments
        self._interval = interval
        self.place = place
        segment = segments[place]
        begin = segment.start if after is None else max(segment.start, after)
        if segment.end is not None:
            begin = min(begin, segment.end)
        self._index, self._full_start = _first_boundary(segment, interval, begin)

    def next_period(self) -> ServicePeriod | None:
        """Return the next period, None where the last joined segment has ended."""
        first = self._segments[self.place]
        start, full_end = max(self._full_start, first.start), self._next_boundary(first)
        full = Period(self._full_start, full_end)
        versions = first.versions
        shifts: tuple[Pause, ...] = ()
        holes: tuple[Pause, ...] = ()
        segment = first
        while segment.end is not None and segment.end < full_end and self.place + 1 < len(self._segments):
            following, pause = self._segments[self.place + 1], segment.end
            if following.resumes == SHIFT:
                # Also a pause at the very start of a period: nothing of it has been served.
                shifts = (*shifts, Pause(pause, following.start))
                full_end = self._moved_end(following, full_end, pause)
            elif following.resumes == KEEP and start < pause and following.start < full_end:
                holes = (*holes, Pause(pause, following.start))
            else:
                break
            self.place, segment, versions = self.place + 1, following, (*versions, *following.versions)
        end = full_end if segment.end is None else min(full_end, segment.end)
        self._full_start = full_end
        if start >= end:
            return None
        gives_back = segment.gives_back and end < full_end
        return ServicePeriod(start, end, full, full_end, segment.zone, versions, shifts, holes, gives_back)

    def _moved_end(self, following: Segment, end: datetime, pause: datetime) -> datetime:
        """Return the boundary to which a pause that shifts moves an end: so many local days later.

        The subscription's own period ends at the new anchor; the next boundary after the resumption may be another one,
        a month before (paused from 8 January to 9 February, the end of 5 February moves to 9 March, not to 9 February).
        What is billed more often ends at the nearest of its boundaries.
        """
        anchor_wall, interval, zone = following.anchor_wall, self._interval, following.zone
        days = local_date(following.start, zone) - local_date(pause, zone)
        moved = instant_of(local_wall(end, zone) + days, zone)
        self._index = boundary_index(anchor_wall, interval, zone, moved)
        earlier, later = (boundary(anchor_wall, interval, self._index + step, zone) for step in range(2))
        if later - moved < moved - earlier or earlier <= following.start:
            self._index += 1
            return later
        return earlier

    def _next_boundary(self, segment: Segment) -> datetime:
        """Return the boundary after the one reached; where two fall on one instant (a skipped day), the later one."""
        while True:
            self._index += 1
            found = boundary(segment.anchor_wall, self._interval, self._index, segment.zone)
            if found > self._full_start:
                return found


def _first_boundary(segment: Segment, interval: Interval, begin: datetime) -> tuple[int, datetime]:
    """Return the number of the period that holds `begin`, and where its full interval starts.

    After a change of zone the boundary reached stays, and the period that begins there ends in the new zone: the odd
    hours are not prorated (Billing rules, section 2).
    """
    if segment.earlier_zone:
        index = boundary_index(segment.anchor_wall, interval, segment.earlier_zone, segment.start)
        if begin < boundary(segment.anchor_wall, interval, index + 1, segment.zone):
            return index, segment.start
    index = boundary_index(segment.anchor_wall, interval, segment.zone, begin)
    return index, boundary(segment.anchor_wall, interval, index, segment.zone)


def item_intervals(item: Item) -> tuple[Interval, ...]:
    """Return the intervals an item's prices have had, oldest first, each once."""
    if len(item.versions) == 1:
        interval = item.versions[0].price.interval
        return () if interval is None else (interval,)
    return tuple(dict.fromkeys(one.price.interval for one in item.versions if one.price.interval is not None))


def period_at(segments: tuple[Segment, ...], interval: Interval, at: datetime) -> ServicePeriod | None:
    """Return the period running at an instant, or else the last one begun before it, or else the very first."""
    if not segments:
        return None
    begun = [segment for segment in segments if segment.start <= at]
    if not begun:
        at = segments[0].start
    elif (end := begun[-1].end) is not None and end <= at:
        at = max(end - _MOMENT, begun[-1].start)
    return next(service_periods(segments, interval, at, at), None)


def next_boundary(agreement: Agreement, after: datetime) -> datetime | None:
    """Return the first moment after `after` at which a paid stretch begins, or a period of any item begins or ends.

    None when nothing is ahead. Items with a shorter interval than the subscription's have boundaries of their own from
    the same anchor.
    """
    segments = agreement_segments(agreement)
    intervals = {item.versions[-1].price.interval for item in agreement.items if item.versions[-1].quantity}
    found: datetime | None = None
    for segment in segments:
        if segment.end is not None and segment.end <= after:
            continue
        if segment.start > after:
            # Whatever the anchor says: a stub begins here, and with it what is charged once.
            found = segment.start if found is None else min(found, segment.start)
            continue
        for interval in intervals:
            if interval is None:
                continue
            candidate = _next_end(segments, segment, interval, after)
            found = candidate if found is None else min(found, candidate)
    return found


def _next_end(segments: tuple[Segment, ...], segment: Segment, interval: Interval, after: datetime) -> datetime:
    """Return the end of the period of an interval that holds a moment of a segment."""
    if len(segments) == 1:
        return _tiled(segments, interval, after, after)[-1].end
    if segment.resumes == SHIFT and (period := period_at(segments, interval, after)) is not None and period.end > after:
        return period.end
    index, _ = _first_boundary(segment, interval, after)
    end = boundary(segment.anchor_wall, interval, index + 1, segment.zone)
    return end if segment.end is None else min(end, segment.end)


def current_period(agreement: Agreement, at: datetime) -> ServicePeriod | None:
    """Return the running period of the subscription's own interval at an instant, None when there is none."""
    interval = agreement.current.interval
    if interval is None:
        return None
    for period in service_periods(agreement_segments(agreement), interval, at, at):
        if period.start <= at < period.end:
            return period
    return None
