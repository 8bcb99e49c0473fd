"""`python -m benchmarks.console`: the console on a year of runs, measured over HTTP, a page after the other.

Fills a database of its own, in a folder that is removed in the end unless `--folder` names one to be kept and used
again. Prints a table in Markdown, the statements behind what is slow, and a verdict. The exit code is 0 unless a page
takes longer than two seconds.
"""

from __future__ import annotations

import argparse
import atexit
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from autonomy.management.processes import Processes

ADMINISTRATOR = "bench-administrator"
CSRF_SECRET = "b" * 32


def main() -> int:
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(asked.folder) if asked.folder else Path(tempfile.mkdtemp(prefix="autonomy-bench-console-"))
    folder.mkdir(parents=True, exist_ok=True)
    _environment(folder)
    if not asked.folder:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    runs = _fill(asked.scale)
    processes = Processes(15.0)
    try:
        return _measure(processes, folder, runs, asked)
    finally:
        processes.stop()


def _fill(scale: float) -> int:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from autonomy.models import Run
    from benchmarks.console import filling, pages, real_runs, rows

    settings.EMBEDDED.ensure()
    runs = max(1000, round(rows.RUNS * scale))
    url = settings.EMBEDDED.database_url
    call_command("migrate", interactive=False, verbosity=0)
    if filling.is_filled(url, runs):
        _tell(f"{runs:,} runs are there already.")
        return runs
    _tell(f"{runs:,} runs and what belongs to them …")
    real = real_runs.make()
    filling.fill(url, runs, _tell)
    real_runs.lend(Run.objects.get(pk=real[0].pk), to=list(vars(pages.picked()).values()))
    filling.mark(url, runs)
    return runs


def _measure(processes: Processes, folder: Path, runs: int, asked: argparse.Namespace) -> int:
    from django.urls import reverse

    from benchmarks.console import measuring, pages, table

    busy = psutil.cpu_percent(interval=3)
    if busy > 10:
        _tell(f"Others keep {busy:.0f} percent of this machine busy: the figures will be high and uneven.")
    address = measuring.serve(processes, folder / "web.log")
    stranger = httpx.Client(base_url=address, timeout=measuring.LONGEST)
    client = httpx.Client(base_url=address, timeout=measuring.LONGEST)
    for name, value in _cookies().items():
        client.cookies.set(name, value, domain="127.0.0.1")
    trivial = [pages.Page("/health/live", "/health/live"), pages.Page("the login", reverse("admin:login"))]
    taken = list(measuring.measure(stranger, trivial))
    login = taken[1].median
    every = pages.pages(pages.picked(), lambda where: client.get(where).text)
    for one in measuring.measure(client, (page for page in every if re.search(asked.only, page.name))):
        taken.append(one)
        _tell(f"  {one.page.name}: {one.median:.0f} ms")
    _tell(f"\n{runs:,} runs\n\n{table.of(taken, login)}\n\n{table.slow(taken)}\n\n{table.verdict(taken, busy)}")
    if asked.explain:
        _explain(taken, folder)
    return 1 if table.too_slow(taken) else 0


def _explain(taken: list, folder: Path) -> None:  # type: ignore[type-arg]
    """The plans of the statements behind what is slow, into a file."""
    from django.db import connection, transaction

    from benchmarks.console.table import BOUND_MS

    with (folder / "plans.txt").open("w") as file, connection.cursor() as cursor:
        for one in taken:
            if one.status == 200 and one.median > BOUND_MS and one.slowest.startswith(("SELECT", "WITH")):
                with transaction.atomic():
                    cursor.execute("SET LOCAL jit = off")
                    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {one.slowest.replace('%', '%%')}", [])
                    plan = "\n".join(line for (line,) in cursor.fetchall())
                file.write(f"=== {one.page.name}, {one.median:.0f} ms\n{one.slowest}\n\n{plan}\n\n")
    _tell(f"Plans: {folder / 'plans.txt'}")


def _cookies() -> dict[str, str]:
    """Of an administrator who is logged in, and may send forms."""
    from django.contrib.auth.models import Group, User
    from django.test import Client

    user, _ = User.objects.get_or_create(username=ADMINISTRATOR, defaults={"is_staff": True})
    user.groups.set(Group.objects.filter(name="Administrator"))
    user.is_superuser = not user.groups.exists()
    user.save()
    client = Client()
    client.force_login(user)
    return {"sessionid": client.cookies["sessionid"].value, "csrftoken": CSRF_SECRET}


def _environment(folder: Path) -> None:
    """Nothing that a developer has set for their own runs is used, least of all their database."""
    from config.environ import OUR_PREFIXES

    for name in list(os.environ):
        if name.startswith(OUR_PREFIXES) or name.removesuffix("_FILE") in ("DATABASE_URL", "REDIS_URL", "DATA_DIR"):
            del os.environ[name]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "benchmarks.console.settings",
        "DATA_DIR": str(folder.resolve()),
        "AUTONOMY_LOG_LEVEL": "ERROR",
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-console", description="The console on a year of runs.")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 100,000 runs and 5,000,000 episodes (1)")
    parser.add_argument("--folder", help="keep the database there, and use it again")
    parser.add_argument("--only", default="", help="only pages whose name this regular expression finds")
    parser.add_argument("--explain", action="store_true", help="write the plans of slow statements beside the database")
    return parser.parse_args()


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
