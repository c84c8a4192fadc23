"""Handle what providers told: ask how the object stands now, outside any transaction, and bring the rows up to it.

A notice is claimed with a lease. One that cannot be handled is tried again, later each time, and fails for good after
twelve tries, most of a day: then a person looks (back office, Provider notices).
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from billing.domain.payments import pause_before_asking
from billing.models import PaymentAttempt, ProviderNotice, Refund
from billing.operations import cards, disputes, refunding, reviving
from billing.operations.claiming import LEASE
from billing.providers.base import Provider, ProviderUnavailable, Subject
from billing.providers.pacing import Pace
from billing.providers.registry import UnknownProvider, get_provider
from billing.queries import disputes as dispute_queries
from core.faults import reach
from core.operations_instance import require_running
from core.redaction import redact_text

MOST_TRIES = 12

log = structlog.get_logger(__name__)


def handle_due(now: datetime, *, limit: int) -> int:
    """Handle notices that wait, at most `limit`; return how many were settled. `now` is the wall's moment.

    Raises InstanceHeld.
    """
    settled = 0
    for _ in range(limit):
        notice = _claim()
        if notice is None:
            break
        settled += _handle(notice, now)
    return settled


def _claim() -> ProviderNotice | None:
    """Lease the oldest notice that waits and nobody holds. Raises InstanceHeld."""
    with transaction.atomic(durable=True):
        require_running()
        is_free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
        waiting = ProviderNotice.objects.filter(is_free, status=ProviderNotice.Status.RECEIVED)
        notice = waiting.select_for_update(skip_locked=True).order_by("id").first()
        if notice is not None:
            notice.tries += 1
            ProviderNotice.objects.filter(id=notice.id).update(lease_until=Now() + LEASE, tries=notice.tries)
    reach("notices.claimed")
    return notice


def _handle(notice: ProviderNotice, now: datetime) -> bool:
    """Do what a claimed notice asks for, and settle it; return whether it is settled."""
    pace = Pace(notice.provider)
    try:
        pace.wait_for_turn()
        provider = get_provider(notice.provider)
        is_ours = _act(provider, Subject(notice.subject), notice.reference, now)
    except ProviderUnavailable as error:
        pace.note_failure(str(error))
        return _put_off(notice, str(error), now)
    except UnknownProvider as error:
        return _put_off(notice, str(error), now)
    except Exception as error:
        log.exception("notice_not_handled", notice=str(notice.id), type=notice.type)
        return _put_off(notice, f"{type(error).__name__}: {error}", now)
    reach("notices.acted")
    done = ProviderNotice.Status.HANDLED if is_ours else ProviderNotice.Status.IGNORED
    return _settle(notice.id, status=done, failure="", settled_at=now, lease_until=None)


def _act(provider: Provider, subject: Subject, reference: str, now: datetime) -> bool:
    """Bring the rows up to how an object stands at its provider; return whether it is one of ours."""
    note = NOTES.get(subject)
    return note is not None and note(provider, reference, now)


def _note_charge(provider: Provider, reference: str, now: datetime) -> bool:
    listed = provider.read_charge(reference)
    if listed is None:
        return False
    attempt = PaymentAttempt.objects.filter(idempotency_key=listed.idempotency_key).first()
    if attempt is None:
        # Another database's, or one that a restore took from here: `reconcile` finds those.
        return False
    reviving.note_result(attempt.id, listed.result, now)
    return True


def _note_refund(provider: Provider, reference: str, now: datetime) -> bool:
    listed = provider.read_refund(reference)
    if listed is None:
        return False
    refund = Refund.objects.filter(provider=provider.name, idempotency_key=listed.idempotency_key).first()
    if refund is None:
        if dispute_queries.find_payment(provider.name, listed.charge_reference) is not None:
            # Made at the provider by hand: the nightly proof names it too.
            log.error("refund_not_made_here", provider=provider.name, reference=reference)
        return False
    refunding.settle_refund(refund.id, listed.result, now)
    return True


def _note_dispute(provider: Provider, reference: str, now: datetime) -> bool:
    facts = provider.read_dispute(reference)
    if facts is None:
        return False
    is_settled = dispute_queries.find_payment(provider.name, facts.charge_reference) is not None
    # It may be told before the charge it is about is settled here.
    if not is_settled and not _note_charge(provider, facts.charge_reference, now):
        return False
    disputes.record_dispute(provider.name, facts, now)
    return True


def _note_card(provider: Provider, reference: str, now: datetime) -> bool:
    kept = provider.read_card(reference)
    return cards.note_card(provider=provider.name, reference=reference, kept=kept, now=now)


def _note_mandate(provider: Provider, reference: str, now: datetime) -> bool:
    """Take a card away whose customer permits no more charges."""
    mandate = provider.read_mandate(reference)
    if mandate is None or mandate.is_active:
        return False
    return cards.note_card(provider=provider.name, reference=mandate.card_reference, kept=None, now=now)


NOTES: dict[Subject, Callable[[Provider, str, datetime], bool]] = {
    Subject.CHARGE: _note_charge,
    Subject.REFUND: _note_refund,
    Subject.DISPUTE: _note_dispute,
    Subject.CARD: _note_card,
    Subject.MANDATE: _note_mandate,
}


def _put_off(notice: ProviderNotice, failure: str, now: datetime) -> bool:
    """Try a notice again later, or give it up after its last try; return whether it is settled."""
    words = redact_text(failure)[:500]
    if notice.tries >= MOST_TRIES:
        log.error("notice_failed", notice=str(notice.id), type=notice.type, failure=words)
        return _settle(notice.id, status=ProviderNotice.Status.FAILED, failure=words, settled_at=now, lease_until=None)
    ProviderNotice.objects.filter(id=notice.id, status=ProviderNotice.Status.RECEIVED).update(
        failure=words, lease_until=Now() + pause_before_asking(notice.tries)
    )
    return False


def _settle(notice_id: uuid.UUID, **changes: object) -> bool:
    notices = ProviderNotice.objects.filter(id=notice_id, status=ProviderNotice.Status.RECEIVED)
    return bool(notices.update(**changes))
