"""Whether this process lives, and whether it can serve."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.queries_instance import find_held
from core.services.errors import ServiceError

SERVICE_UNAVAILABLE = 503

_complete: set[str] = set()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process lives; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether the database is reachable and every migration applied, with what is missing (status 503).

    A held instance is ready, because reads and events go on: `held_since` tells of it.
    """
    missing = find_missing()
    if missing:
        return JsonResponse({"status": "not ready", "missing": missing}, status=SERVICE_UNAVAILABLE)
    held = find_held()
    told = {} if held is None else {"held_since": held.held_at}
    return JsonResponse({"status": "ready", "missing": [], **told})


def find_missing() -> list[str]:
    """Return what keeps this process from serving: `database`, or each migration not applied, as `app.name`."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        migrations = list_unapplied_migrations()
    except (DatabaseError, ServiceError):
        return ["database"]
    return [f"migration {name}" for name in migrations]


def list_unapplied_migrations() -> list[str]:
    """Return the migrations in this code that the database has not had, as `app.name`.

    That none is left is remembered: a running process's code gets no new ones.
    """
    database_name = str(connection.settings_dict["NAME"])
    if database_name in _complete:
        return []
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        _complete.add(database_name)
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
