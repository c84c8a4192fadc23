"""Django's own PostgreSQL backend, on the embedded server."""

from typing import Any

from django.db.backends.postgresql import base

from core.services import lease


class DatabaseWrapper(base.DatabaseWrapper):
    """The ordinary backend; only the moment before a connection differs."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, after the embedded server was started unless it runs."""
        lease.ensure("postgres")
        return super().get_new_connection(conn_params)
