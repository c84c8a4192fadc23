from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the instance's row made at first start: right after the tables."""
        post_migrate.connect(_make_instance, sender=self)


def _make_instance(**details: Any) -> None:
    """Make the instance's row, unless the database was migrated back to before its table."""
    from django.db import connection

    from core.clock import wall_now
    from core.models import Instance
    from core.operations_instance import ensure_instance

    if Instance._meta.db_table in connection.introspection.table_names():
        ensure_instance(now=wall_now())
