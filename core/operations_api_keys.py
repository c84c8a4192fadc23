"""Make, rotate and disable API keys, and note when they are used."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.domain.access import Scope, contains
from core.domain.api_key import ALPHABET, RANDOM_LENGTH, compose_key, hash_key, shown_prefix
from core.errors import Conflict, Forbidden, Invalid
from core.models import ApiKey
from core.operations import Actor, AuditDraft, record_audit
from core.queries_api_keys import get_api_key, instance_mode

DEFAULT_RATE = {Scope.USAGE_WRITE: (5_000, 10_000)}
ORDINARY_RATE = (100, 200)
OVERLAP_LIMIT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: its row, and the one moment at which its text is known."""

    api_key: ApiKey
    key: str


@dataclass(frozen=True, slots=True)
class ApiKeyDraft:
    """What a new key shall be; `rate_limit` and `rate_burst` in requests a second, 0 none, None the scope's own."""

    name: str
    scope: str = Scope.WRITE
    expires_at: datetime | None = None
    rate_limit: int | None = None
    rate_burst: int | None = None


@transaction.atomic
def create_api_key(draft: ApiKeyDraft, *, actor: Actor, now: datetime, granted_by: ApiKey | None = None) -> IssuedKey:
    """Issue a key. Only its keyed hash is stored, under the pepper named first in the settings.

    Raises Forbidden when the key that asks (`granted_by`) has less than the scope asked for, Invalid for an expiry in
    the past or a name that is empty.
    """
    if granted_by is not None and not contains(granted_by.scope, draft.scope):
        raise Forbidden("A key cannot make a key with more scopes than its own.", code="scope_missing")
    faults: dict[str, str] = {}
    if not draft.name.strip():
        faults["name"] = "must not be empty"
    if draft.expires_at is not None and draft.expires_at <= now:
        faults["expires_at"] = "must lie ahead"
    if faults:
        raise Invalid("The key cannot be made.", fields=faults)
    issued = _issue(draft, now)
    _audit("api_key.created", issued.api_key, actor)
    return issued


def _issue(draft: ApiKeyDraft, now: datetime, rotated_from: ApiKey | None = None) -> IssuedKey:
    random_part = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    key = compose_key(instance_mode(), random_part)
    pepper_name, pepper = next(iter(settings.API_KEY_PEPPERS.items()))
    rate_limit, rate_burst = DEFAULT_RATE.get(Scope(draft.scope), ORDINARY_RATE)
    api_key = ApiKey.objects.create(
        name=draft.name.strip(),
        prefix=shown_prefix(key),
        key_hash=hash_key(key, pepper),
        pepper_name=pepper_name,
        scope=draft.scope,
        rate_limit=(rate_limit if draft.rate_limit is None else draft.rate_limit) or None,
        rate_burst=(rate_burst if draft.rate_burst is None else draft.rate_burst) or None,
        expires_at=draft.expires_at,
        rotated_from=rotated_from,
        created_at=now,
    )
    return IssuedKey(api_key, key)


@transaction.atomic
def rotate_api_key(api_key_id: uuid.UUID, *, overlap: timedelta, actor: Actor, now: datetime) -> IssuedKey:
    """Issue a key in place of another, which goes on working for the overlap and no longer.

    Raises NotFound, Conflict when the old key is disabled or has expired, Invalid for an overlap outside 0-30 days.
    """
    if not timedelta(0) <= overlap <= OVERLAP_LIMIT:
        raise Invalid("The overlap is out of range.", fields={"overlap_hours": "must be between 0 and 720"})
    old = _lock_usable(api_key_id, now)
    draft = ApiKeyDraft(old.name, old.scope, old.expires_at, old.rate_limit or 0, old.rate_burst or 0)
    issued = _issue(draft, now, rotated_from=old)
    ends_at = now + overlap
    if old.expires_at is None or ends_at < old.expires_at:
        old.expires_at = ends_at
        old.save(update_fields=["expires_at"])
    _audit("api_key.rotated", old, actor)
    return issued


@transaction.atomic
def disable_api_key(api_key_id: uuid.UUID, *, actor: Actor, now: datetime) -> ApiKey:
    """Take a key out of force at once and for good. Raises NotFound, Conflict when it is disabled already."""
    api_key = get_api_key(api_key_id)
    if not ApiKey.objects.filter(id=api_key_id, disabled_at__isnull=True).update(disabled_at=now):
        raise Conflict("The API key is disabled already.", code="already_disabled")
    api_key.disabled_at = now
    _audit("api_key.disabled", api_key, actor)
    return api_key


def _lock_usable(api_key_id: uuid.UUID, now: datetime) -> ApiKey:
    get_api_key(api_key_id)
    api_key = ApiKey.objects.select_for_update(no_key=True).get(id=api_key_id)
    if api_key.disabled_at is not None or (api_key.expires_at is not None and api_key.expires_at <= now):
        raise Conflict("The API key is no longer in force.", code="api_key_not_in_force")
    return api_key


def note_use(api_key: ApiKey, *, now: datetime, grain: timedelta) -> None:
    """Remember when a key was last used, at most once in each grain of time whatever the number of requests."""
    free = ApiKey.objects.filter(id=api_key.id).exclude(last_used_at__gt=now - grain)
    free.update(last_used_at=now)
    api_key.last_used_at = now


def _audit(action: str, api_key: ApiKey, actor: Actor) -> None:
    after = {"name": api_key.name, "prefix": api_key.prefix, "scope": api_key.scope}
    record_audit(actor, [AuditDraft(action, "api_key", api_key.id, after=after)])
