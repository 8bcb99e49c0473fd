"""For load balancers and scripts. `live`: the process answers. `ready`: it can serve, each service named."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    checks = {"postgres": _answers(_postgres), "migrations": _answers(_migrations), "redis": _answers(_redis)}
    well = all(checks.values())
    told = {name: "ok" if good else "failing" for name, good in checks.items()}
    return JsonResponse({"status": "ok" if well else "unavailable", "checks": told}, status=200 if well else 503)


def _answers(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is: not ready
        return False


def _postgres() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis() -> bool:
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        return bool(client.ping())
