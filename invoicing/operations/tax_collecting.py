"""Make a place collect once its threshold is reached (Billing rules, section 7, Threshold sums)."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.domain.outbox import OutboxDraft
from core.operations import SYSTEM, AuditDraft, record_audit, require_transaction
from invoicing.models import TaxCountry, TaxState


def begin_to_collect(crossings: Mapping[str, uuid.UUID], *, as_of: datetime) -> tuple[OutboxDraft, ...]:
    """Set `collecting` at the places a document crossed, in its transaction; return one fact for each that began.

    `crossings` maps places ("CH", "US-NY") to the document that reached their threshold. A place that collects already
    is left alone: of two documents that cross at once the second waits for the first and finds it done. Documents of
    the same moment are taxed as if the place did not collect yet, so their order never matters.
    """
    if not crossings:
        return ()
    require_transaction()
    countries = {place for place in crossings if "-" not in place}
    states = {place.partition("-")[0::2] for place in crossings if "-" in place}
    begun: list[tuple[str, str, TaxCountry | TaxState]] = []
    # Everybody locks countries before states, each in the order of their codes.
    for country in _waiting(TaxCountry.objects.filter(code__in=countries).order_by("code")):
        begun.append((country.code, "tax_country", country))
    if states:
        found = TaxState.objects.filter(country__code__in={country for country, _ in states})
        for state in _waiting(found.select_related("country").order_by("country__code", "code")):
            if (state.country.code, state.code) in states:
                begun.append((f"{state.country.code}-{state.code}", "tax_state", state))
    for _, _, place in begun:
        place.collecting, place.collecting_since = True, as_of
        place.save(update_fields=["collecting", "collecting_since"])
    before, after = {"collecting": False}, {"collecting": True, "collecting_since": as_of.isoformat()}
    record_audit(
        SYSTEM, [AuditDraft(f"{kind}.threshold_reached", kind, place.id, before, after) for _, kind, place in begun]
    )
    return tuple(_fact(name, kind, place, crossings[name], as_of) for name, kind, place in begun)


def _waiting(places: Any) -> Any:
    """Lock and return the places that do not collect yet; what another transaction set meanwhile is seen."""
    return places.filter(collecting=False).select_for_update(of=("self",), no_key=True)


def _fact(name: str, kind: str, place: TaxCountry | TaxState, document_id: uuid.UUID, as_of: datetime) -> OutboxDraft:
    """Return what is told to those who wait for it."""
    country, _, state = name.partition("-")
    payload = {
        "country": country,
        "state": state or None,
        "threshold": place.threshold_minor,
        "threshold_transactions": place.threshold_transactions,
        "threshold_period": place.threshold_period,
        "document": str(document_id),
    }
    return OutboxDraft("tax.threshold_reached", kind, place.id, as_of, payload)
