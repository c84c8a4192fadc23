"""Usage events of files: each stored by the rules of the intake, in batches."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from billing.loading.columns import columns_of
from billing.loading.references import SubscriptionIndex
from billing.loading.report import Fate, Report, fault_words, refusal
from billing.loading.rows import BadRow, Place, Row
from core.api.fields import TextField
from core.api.serializers import InputSerializer
from core.errors import Invalid
from usage.api.bodies import CodeField, EventIdField, PropertiesField, TimestampField, ValueField
from usage.api.views import FAULT_OF_REASON
from usage.domain.event import EventDraft, EventOutcome, Outcome
from usage.operations import record_events

TABLE = "events"
BATCH = 5_000


class EventRow(InputSerializer):
    """An event; `sent_at` says when it arrives, where a clock is played: when it happened unless given."""

    event_id = EventIdField()
    subscription = TextField()
    code = CodeField()
    value = ValueField()
    properties = PropertiesField(required=False)
    timestamp = TimestampField(required=False)
    sent_at = TimestampField(required=False)


COLUMNS = columns_of(EventRow)


class EventLoader:
    """Store rows of events, a batch at a time, and report what became of each."""

    def __init__(self, index: SubscriptionIndex, report: Report, now: datetime) -> None:
        self.index = index
        self.report = report
        self.now = now

    def load(self, rows: Iterable[Row | BadRow]) -> Iterator[int]:
        """Store rows as they come; yield the number of rows done after each batch."""
        batch: list[tuple[Place, EventDraft]] = []
        done = 0
        for row in rows:
            done += 1
            if isinstance(row, BadRow):
                self.report.add_bad(TABLE, row)
                continue
            try:
                batch.append((row.place, self._draft(row.values)))
            except Invalid as error:
                self.report.add_bad(TABLE, refusal(row.place, error))
            if len(batch) == BATCH:
                self._store(batch)
                yield done
                batch, done = [], 0
        self._store(batch)
        yield done

    def _draft(self, values: dict[str, Any]) -> EventDraft:
        """Return a row as the event it is. Raises Invalid with every fault at once."""
        if values.keys() <= COLUMNS.keys():
            subscription_id = self.index.find(str(values.get("subscription")))
            try:
                return msgspec.convert({**values, "subscription": subscription_id}, EventDraft)
            except (msgspec.ValidationError, RecursionError):
                # Read again below, where every fault is named.
                pass
        read = EventRow.read(values)
        read.pop("sent_at", None)
        return EventDraft(subscription_id=self.index.get(read.pop("subscription")), **read)

    def _store(self, batch: list[tuple[Place, EventDraft]]) -> None:
        outcomes = record_events([draft for _, draft in batch], now=self.now)
        for (place, _), outcome in zip(batch, outcomes, strict=True):
            self._report(place, outcome)

    def _report(self, place: Place, outcome: EventOutcome) -> None:
        if outcome.reason is not None:
            field, words = FAULT_OF_REASON[outcome.reason]
            self.report.add_bad(TABLE, BadRow(place, fault_words({field: words})))
        else:
            self.report.count(TABLE, Fate.LOADED if outcome.outcome is Outcome.STORED else Fate.KNOWN)


def moment_of(row: Row) -> datetime | None:
    """Return when an event is sent, None when the row does not say in a way that can be read."""
    text = row.values.get("sent_at") or row.values.get("timestamp")
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
