"""Who is calling: the API key of a request, and what its scope allows."""

import threading
import time
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core import operations_api_keys, queries_api_keys
from core.api.errors import Unauthenticated
from core.clock import wall_now
from core.domain.access import contains
from core.errors import Forbidden
from core.models import ApiKey

LAST_USED_GRAIN = timedelta(minutes=1)
_CACHE_SIZE = 10_000
_cache: dict[str, tuple[float, ApiKey]] = {}
_cache_lock = threading.Lock()


def _strip_bearer(value: str) -> str:
    scheme, space, rest = value.strip().partition(" ")
    return rest.strip() if space and scheme.lower() == "bearer" else value.strip()


def sent_key(request: HttpRequest) -> str:
    """Return the key a request carries: `X-API-Key`, else `Authorization`, each with or without `Bearer`.

    Raises Unauthenticated when it carries none, or two that differ. Credentials of another scheme (`Basic ...`, added
    by a proxy) are no key.
    """
    headers = (request.META.get("HTTP_X_API_KEY", ""), request.META.get("HTTP_AUTHORIZATION", ""))
    keys = {key for key in map(_strip_bearer, headers) if key and " " not in key}
    if not keys:
        raise Unauthenticated("Send an API key in the header X-API-Key.", code="missing_api_key")
    if len(keys) > 1:
        raise Unauthenticated("The request carries two different API keys.", code="two_api_keys")
    return keys.pop()


def authenticate_request(request: HttpRequest, *, cached_for_seconds: float = 0) -> ApiKey:
    """Return the key in force that a request carries. Session cookies are never looked at.

    Hot paths may take a row read up to some seconds ago: a key disabled meanwhile works that much longer. Raises
    Unauthenticated for a key that is missing, unknown, expired or disabled.
    """
    key = sent_key(request)
    api_key = _cached(key, cached_for_seconds) if cached_for_seconds else None
    if api_key is None:
        api_key = queries_api_keys.find_key(key)
        if api_key is None:
            raise Unauthenticated("The API key is not known.", code="unknown_api_key")
        if cached_for_seconds:
            _keep(key, api_key)
    now = wall_now()
    if api_key.disabled_at is not None and api_key.disabled_at <= now:
        raise Unauthenticated("The API key is disabled.", code="disabled_api_key")
    if api_key.expires_at is not None and api_key.expires_at <= now:
        raise Unauthenticated("The API key has expired.", code="expired_api_key")
    if api_key.last_used_at is None or now - api_key.last_used_at >= LAST_USED_GRAIN:
        operations_api_keys.note_use(api_key, now=now, grain=LAST_USED_GRAIN)
    return api_key


def _cached(key: str, seconds: float) -> ApiKey | None:
    kept = _cache.get(key)
    return kept[1] if kept is not None and time.monotonic() - kept[0] < seconds else None


def _keep(key: str, api_key: ApiKey) -> None:
    with _cache_lock:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key] = (time.monotonic(), api_key)


def require_scope(api_key: ApiKey, needed: str) -> None:
    """Raise Forbidden unless the key's scope contains the one needed."""
    if not contains(api_key.scope, needed):
        raise Forbidden(f"This call needs the scope {needed}; the key has {api_key.scope}.", code="scope_missing")


class ApiKeyAuthentication(BaseAuthentication):
    """Lets DRF's views take keys, and nothing but keys."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        """Return nobody, and the key. Raises Unauthenticated."""
        return AnonymousUser(), authenticate_request(request._request)

    def authenticate_header(self, request: Any) -> str:
        """Return the scheme a 401 names."""
        return "Bearer"
