"""Settings of the API: its keys' peppers, the keys of stored secrets, Django REST framework, its OpenAPI document."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from config.environment import env

API_BODY_LIMIT_BYTES = env.int("API_BODY_LIMIT_BYTES", default=1_048_576)
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,
    # The only kind of body there is, whatever its Content-Type says; forms are not offered.
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.api.negotiation.OneKind",
    "EXCEPTION_HANDLER": "core.api.handler.handle",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Reckoner",
    "DESCRIPTION": (
        "A self-hosted billing engine: right, once, provably.\n\n"
        "Amounts are integers of minor units with an upper-case ISO 4217 code. Instants are RFC 3339 in UTC, to the "
        "second. Lists are newest first; `last_key` of a page leads to the next. A POST may carry an Idempotency-Key. "
        "Errors are `{code, message, error}`, and every 400 has `errors` by JSON field path."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    # What an answer always holds is told by its serializer, for computed fields too.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    # Words are told where they stand, not as components of their own: drf-spectacular's own hook is left out.
    "POSTPROCESSING_HOOKS": ["core.api.examples.add_examples"],
    "ENABLE_LIST_MECHANICS_ON_NON_2XX": True,
    # The documentation page is served from the package: no third-party script.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}


def api_key_peppers(secret_key: str) -> dict[str, str]:
    """Return the peppers of the API keys' hashes by name; the first hashes new keys, all are tried for old ones.

    `API_KEY_PEPPERS` is `name=secret,name=secret`. Without it the one pepper is derived from SECRET_KEY, and a new
    SECRET_KEY then locks every key out.
    """
    named = dict(env.dict("API_KEY_PEPPERS", default={}))
    derived = hmac.new(secret_key.encode(), b"api key pepper", hashlib.sha256).hexdigest()
    return named or {"secret-key": derived}


def encryption_keys(secret_keys: Sequence[str]) -> list[str]:
    """Return the Fernet keys of secrets that are stored for use: the first encrypts, all decrypt.

    Without `ENCRYPTION_KEYS` one is derived from SECRET_KEY, and one from each of its fallbacks.
    """
    given = list(env.list("ENCRYPTION_KEYS", default=[]))
    derived = (hmac.new(key.encode(), b"stored secrets", hashlib.sha256).digest() for key in secret_keys)
    return given or [base64.urlsafe_b64encode(key).decode() for key in derived]
