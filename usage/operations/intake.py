"""The intake: events are stored exactly once for ever, and every one is told what became of it.

Billing rules, section 4. Most batches bring only new events: they go straight into the table by COPY. A batch that
meets a stored event goes again through INSERT ... ON CONFLICT DO NOTHING, and what was skipped is compared. Batches
that overlap never wait for each other in a circle, because all insert in one order: partition, subscription, event id.
COPY buffers rows by partition, so the partition must come first.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from subscriptions.queries import terms
from usage.domain.acceptance import SubscriptionLife, judge
from usage.domain.event import DUPLICATE, REJECTED, STORED, EventDraft, EventOutcome, Reason, value_text
from usage.operations.limits import weigh
from usage.operations.totals import EVENT_TOTALS, TOTAL_COLUMNS
from usage.queries import busy, intake
from usage.queries.intake import Known, SentContent
from usage.queries.limits import lock_limits

_COLUMNS = '(subscription_id, event_id, metric_id, value, properties, "timestamp", received_at)'
_COPY = f"COPY usage_event {_COLUMNS} FROM STDIN"
# Of busy subscriptions the totals by the hour go with their events (`usage.operations.totals`).
_INSERT_NEW = f"""
    WITH event AS (
        INSERT INTO usage_event {_COLUMNS}
        SELECT subscription_id, event_id, metric_id, value, properties::jsonb, happened_at, %s::timestamptz
        FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::numeric[], %s::text[], %s::timestamptz[])
            AS sent(subscription_id, event_id, metric_id, value, properties, happened_at)
        ON CONFLICT DO NOTHING RETURNING subscription_id, event_id, metric_id, value, "timestamp"
    ), totalled AS (
        INSERT INTO usage_hourtotal {TOTAL_COLUMNS}
        {EVENT_TOTALS} FROM event JOIN usage_busysubscription USING (subscription_id) GROUP BY 1, 2, 3
    )
    SELECT subscription_id, event_id FROM event"""  # noqa: S608 - composed of constants
_INSERT_TOTALS = f"""
    INSERT INTO usage_hourtotal {TOTAL_COLUMNS}
    {EVENT_TOTALS}
    FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[], %s::timestamptz[])
        AS event(subscription_id, metric_id, value, "timestamp") GROUP BY 1, 2, 3"""
# Below it one INSERT, its own transaction in one round trip, is faster than COPY, which takes several.
_FEW = 64
# The database stores one piece while the next is written here.
_ROWS_A_PIECE = 128
_JSON = msgspec.json.Encoder(decimal_format="number")
# What COPY's text format spells with a backslash.
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


# Subscription, event id, metric, value, properties, timestamp: as the database reads them.
_Row = tuple[str, str, str, str, str | None, str]


class _Arrivals(msgspec.Struct):
    """What a batch brings to one subscription: the positions in the batch of the events to store, by event id.

    `open_until` is the life's, computed once because it is asked for each event.
    """

    life: SubscriptionLife
    open_until: datetime
    positions: dict[str, int] = {}


class _Batch:
    """One batch on its way: what is known of its subscriptions and metrics, and what became of its events so far."""

    def __init__(self, drafts: Sequence[EventDraft], known: Known) -> None:
        self.drafts = drafts
        self.outcomes: list[EventOutcome | None] = [None] * len(drafts)
        self.watched = known.watched
        self.metric_ids = known.metric_ids
        # In the one order in which everybody inserts.
        self.arrivals = {key: _Arrivals(life, life.open_until) for key, life in known.lives.items()}
        # Of each event.
        self._subscriptions = [self.arrivals.get(draft.subscription_id.int) for draft in drafts]
        # Refused unless it is stored already: a repetition is recognised before its age is judged.
        self.refused = self._judge(self._list_unsure())
        # Positions whose id stands earlier in the batch.
        self.repeated: list[int] = []
        self._take_in()

    def _list_unsure(self) -> list[int]:
        """Reject what names nothing we know; return the positions outside the open stretch of their subscription."""
        unsure: list[int] = []
        for position, (draft, arrivals) in enumerate(zip(self.drafts, self._subscriptions, strict=True)):
            if arrivals is None:
                self.outcomes[position] = REJECTED[Reason.UNKNOWN_SUBSCRIPTION]
            elif draft.code not in self.metric_ids:
                self.outcomes[position] = REJECTED[Reason.UNKNOWN_CODE]
            else:
                life = arrivals.life
                is_open = life.open_from is not None and (
                    life.open_from <= (draft.timestamp or life.now) <= arrivals.open_until
                )
                if not is_open:
                    unsure.append(position)
        return unsure

    def _judge(self, positions: Sequence[int]) -> dict[int, Reason]:
        """Return why events are refused whose moment needs the whole history of their subscription."""
        if not positions:
            return {}
        concerned = {self.drafts[position].subscription_id for position in positions}
        agreements = {one.subscription_id: one for one in terms.list_agreements(list(concerned))}
        refused: dict[int, Reason] = {}
        for position in positions:
            draft = self.drafts[position]
            life = self.arrivals[draft.subscription_id.int].life
            agreement = agreements.get(draft.subscription_id)
            reason = (
                Reason.UNKNOWN_SUBSCRIPTION
                if agreement is None
                else judge(
                    draft.timestamp or life.now,
                    self.metric_ids[draft.code],
                    life,
                    agreement,
                    late_days=settings.USAGE_LATE_DAYS,
                )
            )
            if reason is not None:
                refused[position] = reason
        return refused

    def _take_in(self) -> None:
        """Set the first event of each id down to be stored, the others to be compared with it."""
        outcomes, refused = self.outcomes, self.refused
        for position, (draft, arrivals) in enumerate(zip(self.drafts, self._subscriptions, strict=True)):
            if arrivals is None or outcomes[position] is not None or position in refused:
                continue
            if arrivals.positions.setdefault(draft.event_id, position) != position:
                self.repeated.append(position)

    def count_rows(self) -> int:
        """Return how many events are to be stored."""
        return sum(len(arrivals.positions) for arrivals in self.arrivals.values())

    def rows(self) -> Iterator[_Row]:
        """Yield the events to store, by partition, subscription and event id."""
        ordered = [
            (subscription, arrivals.life, self.drafts[position])
            for key, arrivals in self.arrivals.items()
            # Without hyphens: written in a fifth of the time.
            for subscription in (f"{key:032x}",)
            for _, position in sorted(arrivals.positions.items())
        ]
        metric_texts = {code: metric_id.hex for code, metric_id in self.metric_ids.items()}
        moments = _moment_texts([draft.timestamp or life.now for _, life, draft in ordered])
        for (subscription, _, draft), moment in zip(ordered, moments, strict=True):
            yield (
                subscription,
                draft.event_id,
                metric_texts[draft.code],
                value_text(draft.value),
                _properties_text(draft) if draft.properties else None,
                moment,
            )

    def settle(self, new: Iterable[tuple[uuid.UUID, str]] | None) -> None:
        """Decide what became of each event, in the transaction that stored the new ones; None: every one was new."""
        placed = {position for arrivals in self.arrivals.values() for position in arrivals.positions.values()}
        stored = placed if new is None else {self.arrivals[key.int].positions[event_id] for key, event_id in new}
        skipped = placed - stored
        for position in stored:
            self.outcomes[position] = STORED
        doubtful = [*skipped, *self.repeated, *self.refused]
        if doubtful:
            is_same = intake.compare_stored([self._content(position) for position in doubtful])
            for position in doubtful:
                self.outcomes[position] = self._verdict(position, is_same.get(position), stored)

    def moments_of_watched(self) -> dict[uuid.UUID, datetime]:
        """Return the present of each customer with limits of whom something was stored."""
        stored = {one.subscription_id for one, what in zip(self.drafts, self.outcomes, strict=True) if what is STORED}
        return {
            customer_id: self.arrivals[key.int].life.now for key, customer_id in self.watched.items() if key in stored
        }

    def _verdict(self, position: int, is_same: bool | None, stored: Collection[int]) -> EventOutcome:
        """Return what became of an event that was not stored; `is_same` is None when its id is not stored at all."""
        draft = self.drafts[position]
        twin = self.arrivals[draft.subscription_id.int].positions.get(draft.event_id)
        came_first = position in self.refused and twin in stored and twin is not None and position < twin
        if is_same is None or came_first:
            # Without a reason it was skipped for a row that is gone now: archived, so of a period long past.
            return REJECTED[self.refused.get(position, Reason.TOO_LATE)]
        return DUPLICATE if is_same else REJECTED[Reason.EVENT_ID_CONFLICT]

    def _content(self, position: int) -> SentContent:
        draft = self.drafts[position]
        return SentContent(
            position,
            draft.subscription_id,
            draft.event_id,
            self.metric_ids[draft.code],
            value_text(draft.value),
            _properties_text(draft),
            draft.timestamp,
        )


def record_events(drafts: Sequence[EventDraft], *, now: datetime) -> tuple[EventOutcome, ...]:
    """Store the events that are new and may still be billed; say what became of each, in their order.

    Billing rules, section 4. `now` is the wall's; customers on a test clock are judged by theirs. A repetition is a
    duplicate however old it is; an id used for something else is rejected. When this returns, what is stored is
    durable: it opens a transaction of its own, and raises RuntimeError inside another, where batches could wait for
    each other. What is stored of customers with usage limits is weighed against them in that transaction.
    """
    return _record(drafts, _known(drafts, now), now) if drafts else ()


def record_unwatched(drafts: Sequence[EventDraft], *, now: datetime) -> tuple[EventOutcome | None, ...]:
    """Store the events of customers without usage limits as `record_events` does; None for those of the others."""
    known = _known(drafts, now)
    outcomes = iter(_record([one for one in drafts if one.subscription_id not in known.watched], known, now))
    return tuple(None if one.subscription_id in known.watched else next(outcomes) for one in drafts)


def _known(drafts: Sequence[EventDraft], now: datetime) -> Known:
    """Return what is known of the subscriptions and metrics that events name."""
    ids = {one.subscription_id.int: one.subscription_id for one in drafts}
    return intake.find_known(ids.values(), {one.code for one in drafts}, now=now)


def _record(drafts: Sequence[EventDraft], known: Known, now: datetime) -> tuple[EventOutcome, ...]:
    """Store events; see `record_events`."""
    batch = _Batch(drafts, known)
    if batch.watched and any(one.subscription_id in batch.watched for one in drafts):
        with transaction.atomic(durable=True):
            # Before the events: whoever passes a limit with us has committed, or waits for us.
            limits = lock_limits(set(batch.watched.values()))
            batch.settle(_insert_new(batch.rows(), now))
            weigh(limits, batch.moments_of_watched(), now=now)
    elif (count := batch.count_rows()) < _FEW and not connection.in_atomic_block:
        batch.settle(_insert_new(batch.rows(), now))
    else:
        try:
            with transaction.atomic(durable=True):
                if count:
                    _copy(batch.rows(), now)
                    _add_totals(batch)
                batch.settle(None)
        except IntegrityError:
            with transaction.atomic(durable=True):
                batch.settle(_insert_new(batch.rows(), now))
    return tuple(outcome for outcome in batch.outcomes if outcome is not None)


def _copy(rows: Iterable[_Row], now: datetime) -> None:
    """Store rows, all of which are new. Raises IntegrityError when one is not."""
    waiting = iter(rows)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        while piece := list(islice(waiting, _ROWS_A_PIECE)):
            copy.write(_copy_text(piece, now))


def _add_totals(batch: _Batch) -> None:
    """Store the totals by the hour of a batch that was just copied, as far as its subscriptions are busy.

    Asked after the copy, in its transaction: whoever notes a busy subscription waits for those who had copied before.
    """
    noted = busy.list_noted({key for key, arrivals in batch.arrivals.items() if arrivals.positions})
    if noted:
        columns = [(row[0], row[2], row[3], row[5]) for row in batch.rows() if int(row[0], 16) in noted]
        with connection.cursor() as cursor:
            cursor.execute(_INSERT_TOTALS, [list(column) for column in zip(*columns, strict=True)])


def _copy_text(rows: Sequence[_Row], now: datetime) -> str:
    """Return rows as lines of COPY text."""
    received_at = now.isoformat()
    lines: list[str] = []
    for subscription, event_id, metric, value, properties, happened_at in rows:
        is_plain = event_id.isprintable() and "\\" not in event_id
        id_text = event_id if is_plain else event_id.translate(_COPY_ESCAPES)
        # JSON itself writes line ends and tabs with a backslash.
        json_text = "\\N" if properties is None else properties.replace("\\", "\\\\")
        lines.append(f"{subscription}\t{id_text}\t{metric}\t{value}\t{json_text}\t{happened_at}\t{received_at}\n")
    return "".join(lines)


def _insert_new(rows: Iterable[_Row], now: datetime) -> list[tuple[uuid.UUID, str]]:
    """Store the rows whose ids are not stored yet, and return the keys of those."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if not columns:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_NEW, [now, *columns])
        new: list[tuple[uuid.UUID, str]] = cursor.fetchall()
        return new


def _moment_texts(moments: Iterable[datetime]) -> list[str]:
    """Write moments for the database: all at once, which takes a tenth of the time that each by itself would."""
    # An offset with seconds, which cities had before railways, would be rounded.
    in_utc = [moment if moment.tzinfo is UTC else moment.astimezone(UTC) for moment in moments]
    return _JSON.encode(in_utc).decode()[2:-2].split('","') if in_utc else []


def _properties_text(draft: EventDraft) -> str | None:
    """Return the properties as JSON, None when there are none; Decimals leave as the numbers they were sent as."""
    return _JSON.encode(draft.properties).decode() if draft.properties else None
