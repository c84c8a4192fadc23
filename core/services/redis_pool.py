"""Connections to the Redis-protocol server that start the embedded one when the first is made."""

from typing import Any

import redis

from core.services import lease


class EmbeddedConnectionPool(redis.ConnectionPool):
    """The ordinary pool; only the moment before a connection differs."""

    def make_connection(self) -> Any:
        """Return a new connection, after the embedded server was started unless it runs."""
        lease.ensure("valkey")
        return super().make_connection()
