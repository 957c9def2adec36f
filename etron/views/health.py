"""Whether the process lives, and whether it can do its work. Both answer without a session."""

import os
import tempfile
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

BROKER_TIMEOUT_S = 2


@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, migrations, queue and artifact root, each by name; 503 if one of them is not there."""
    found = {name: outcome(check) for name, check in CHECKS.items()}
    return JsonResponse({"ready": all(text == "ok" for text in found.values()), "checks": found}, status=status(found))


def status(found: dict[str, str]) -> int:
    return 200 if all(text == "ok" for text in found.values()) else 503


def outcome(check: Callable[[], str]) -> str:
    """``ok``, or what is missing; the kind of failure but no addresses or passwords, as anybody may ask."""
    try:
        return check() or "ok"
    except Exception as error:  # every failure of a dependency means the same here: not ready
        return f"failed: {type(error).__name__}"


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied" if missing else ""


def queue() -> str:
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return ""
    with current_app.connection_for_write(transport_options={"socket_connect_timeout": BROKER_TIMEOUT_S}) as broker:
        broker.ensure_connection(max_retries=0, timeout=BROKER_TIMEOUT_S)
    return ""


def artifacts() -> str:
    settings.ARTIFACT_ROOT.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.ARTIFACT_ROOT, prefix=".ready-") as probe:
        probe.write(b"ok")
        probe.flush()
        os.fsync(probe.fileno())
    return ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "queue": queue,
    "artifacts": artifacts,
}
