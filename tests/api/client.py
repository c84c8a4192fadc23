"""A caller of the API: sends JSON with a key, and holds every error to the one shape."""

import json
import uuid
from typing import Any

from django.test import Client

from core.clock import wall_now
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft, create_api_key
from tests.contract.answers import check_answer
from tests.contract.shapes import check_shape

ROOT = "/api/v1"
NOTHING = object()


def idempotent(key: str) -> dict[str, Any]:
    """Return the header that makes a POST happen once."""
    return {"Idempotency-Key": key}


class Caller:
    """Calls the API with one key."""

    root = ROOT

    def __init__(self, scope: str = "admin", key: str = "") -> None:
        self.client = Client(raise_request_exception=True)
        self.api_key_id = uuid.UUID(int=0)
        self.key = key
        if not key:
            # Without a rate limit: tables of requests are sent as fast as they can be.
            draft = ApiKeyDraft(scope, scope, rate_limit=0)
            issued = create_api_key(draft, actor=SYSTEM, now=wall_now())
            self.key, self.api_key_id = issued.key, issued.api_key.id

    def call(self, method: str, path: str, body: Any = NOTHING, **headers: str) -> Any:
        """Send a request; a body that is a text or bytes goes as it is."""
        options: dict[str, Any] = {"headers": {"X-API-Key": self.key, **headers}}
        if body is not NOTHING:
            options["data"] = body if isinstance(body, str | bytes) else json.dumps(body)
            options["content_type"] = "application/json"
        response = self.client.generic(method, self.root + path, **options)
        assert response["Cache-Control"] == "no-store"
        if response.status_code >= 400:
            self.check_error(response)
        elif method in {"GET", "POST", "PUT"} and self.root == ROOT:
            check_answer(method, self.root + path.partition("?")[0], response)
        return response

    def check_error(self, response: Any) -> None:
        """Hold an error to the one shape."""
        told = json.loads(response.content)
        # The contract's costs answer an array of one error.
        error = told[0] if isinstance(told, list) else told
        check_shape("error", error)
        assert error["code"] == response.status_code

    def get(self, path: str, **headers: str) -> Any:
        """Read, and return the answer's JSON."""
        return self._expect(200, self.call("GET", path, **headers))

    def post(self, path: str, body: Any = NOTHING, status: int = 201, **headers: str) -> Any:
        """Post, and return the answer's JSON."""
        return self._expect(status, self.call("POST", path, body, **headers))

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        """Put, and return the answer's JSON."""
        return self._expect(status, self.call("PUT", path, body))

    def delete(self, path: str, status: int = 204) -> Any:
        """Delete, and return the answer's JSON, if there is any."""
        return self._expect(status, self.call("DELETE", path))

    def errors(self, method: str, path: str, body: Any = NOTHING) -> dict[str, str]:
        """Call, expect a 400, and return what is wrong where."""
        found: dict[str, str] = self._expect(400, self.call(method, path, body))["errors"]
        return found

    def _expect(self, status: int, response: Any) -> Any:
        assert response.status_code == status, f"{response.status_code}: {response.content.decode()}"
        return json.loads(response.content) if response.content else None
