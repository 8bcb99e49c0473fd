"""`python -m benchmarks.chaos`: a storm over real workers, a real Postgres and a real Redis, then the audit.

Prints what happens while it happens, then a table, the findings, and as the last line the verdict. The exit code is 0
only if everything settled and the audit finds nothing. All data is in a folder of its own under the system's temporary
one; it is removed unless something was found.
"""

from __future__ import annotations

import argparse
import atexit
import dataclasses
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from autonomy.management.processes import Processes

WORKERS, CHILDREN, BEATS = 2, 3, 2
PATIENCE = 15.0  # for the processes to end
LEAST_SECONDS = 20.0
MOST_FINDINGS = 40
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "OPENAI_API_KEY": "sk-storm",
    "OPENAI_PRICE_IN": "0.15",
    "OPENAI_PRICE_OUT": "0.6",
    "AUTONOMY_PROVIDER_TIMEOUT": "2",
    "AUTONOMY_PROVIDER_DEADLINE": "15",
    "AUTONOMY_LOG_LEVEL": "ERROR",  # ours; the workers tell more
}


def main() -> int:
    asked = _arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    folder = Path(tempfile.mkdtemp(prefix="autonomy-chaos-"))
    logs = folder / "logs"
    logs.mkdir()
    _environment(folder, asked.lease)
    processes = Processes(PATIENCE)
    found: list[str] | None = None
    try:
        model = [sys.executable, "-m", "benchmarks.chaos.model", str(folder), str(asked.seed)]
        processes.start("model", model, os.environ, output=logs / "model.log")
        address = f"http://127.0.0.1:{_port(folder)}"
        os.environ["OPENAI_BASE_URL"] = f"{address}/v1"
        # Registered before the services are joined, so that it is done after they have ended.
        atexit.register(lambda: None if asked.keep else shutil.rmtree(folder, ignore_errors=True))
        found = _storm_and_audit(asked, processes, address, logs)
    finally:
        processes.stop()
        asked.keep |= found != []
        if asked.keep:
            print(f"\nThe database and the logs are kept in {folder}")
    for finding in found[:MOST_FINDINGS]:
        print(finding)
    if len(found) > MOST_FINDINGS:
        print(f"… and {len(found) - MOST_FINDINGS} more.")
    print("audit clean" if not found else f"audit: {len(found)} finding{'s' if len(found) > 1 else ''}")
    return 1 if found else 0


def _storm_and_audit(asked: argparse.Namespace, processes: Processes, address: str, logs: Path) -> list[str]:
    """The findings."""
    began = time.monotonic()
    import django

    django.setup()
    # That Postgres is away is what we are here for.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

    from django.conf import settings
    from django.core.management import call_command

    from benchmarks.chaos import table
    from benchmarks.chaos.audit import audit
    from benchmarks.chaos.fleet import Fleet
    from benchmarks.chaos.storm import Size, Storm
    from benchmarks.chaos.worker_logs import unexpected_errors

    settings.EMBEDDED.ensure()
    call_command("migrate", interactive=False, verbosity=0)
    size = Size(**{field.name: getattr(asked, field.name) for field in dataclasses.fields(Size)})
    _tell(
        f"{size.runs} runs over {size.seconds:.0f} s on {WORKERS} workers of {CHILDREN} processes and {BEATS} beats; "
        f"{size.kills} kills, {size.freezes} freezes, {size.stops} stops, {size.redis} Redis and {size.postgres} "
        f"Postgres restarts; lease {asked.lease:g} s, {settings.ENV.autonomy_job_attempts} attempts, seed {size.seed}"
    )
    fleet = Fleet(processes, {**os.environ, "AUTONOMY_LOG_LEVEL": "INFO"}, logs, WORKERS, BEATS, CHILDREN)
    storm = Storm(size, fleet, logs)
    settled = storm.rage(_tell)
    answers: dict[str, int] = _json(f"{address}/counts")
    _tell("\n" + table.show(table.rows(storm, answers, logs, time.monotonic() - began)) + "\n")
    found = [f"storm: {sentence}" for sentence in storm.toll.strange]
    found += [f"logs: {sentence}" for sentence in unexpected_errors(logs)]
    found += [f"{one.check}: {one.sentence}" for one in audit()]
    if not settled:
        found += [f"not settled: {sentence}" for sentence in table.unsettled() or ["nothing moved, but all looks done"]]
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="Chaos, and an audit after it.")
    parser.add_argument("--runs", type=int, default=300, help="runs to start (300)")
    parser.add_argument("--kills", type=int, default=40, help="processes to SIGKILL (40)")
    parser.add_argument("--redis", type=int, default=3, help="restarts of Redis (3)")
    parser.add_argument("--postgres", type=int, default=2, help="restarts of Postgres (2)")
    parser.add_argument("--freezes", type=int, help="workers put to sleep past their lease (a sixth of the kills)")
    parser.add_argument("--stops", type=int, help="workers asked to stop by SIGTERM (a tenth of the kills)")
    parser.add_argument("--seed", type=int, default=1, help="what is random is drawn from it (1)")
    parser.add_argument("--seconds", type=float, help="over which all of it is spread (one a run, at least 20)")
    parser.add_argument("--lease", type=float, default=10.0, help="seconds of a worker's lease (10)")
    parser.add_argument("--keep", action="store_true", help="keep the database and the logs in any case")
    asked = parser.parse_args()
    asked.freezes = max(1, asked.kills // 6) if asked.freezes is None else asked.freezes
    asked.stops = max(1, asked.kills // 10) if asked.stops is None else asked.stops
    asked.seconds = max(LEAST_SECONDS, asked.runs) if asked.seconds is None else asked.seconds
    return asked


def _environment(folder: Path, lease: float) -> None:
    """Nothing that a developer has set for their own runs reaches the storm, least of all their database."""
    from config.environ import OUR_PREFIXES

    for name in list(os.environ):
        if name.startswith(OUR_PREFIXES) or name.removesuffix("_FILE") in ("DATABASE_URL", "REDIS_URL", "DATA_DIR"):
            del os.environ[name]
    os.environ |= SETTINGS | {
        "DATA_DIR": str(folder),
        "AUTONOMY_LEASE_SECONDS": str(lease),
        "AUTONOMY_HEARTBEAT_SECONDS": str(lease / 4),
        "AUTONOMY_RECOVERY_SECONDS": str(lease / 5),
    }


def _port(folder: Path) -> int:
    deadline = time.monotonic() + 30
    while not (told := folder / "model.port").exists():
        if time.monotonic() > deadline:
            raise SystemExit("The language model did not start.")
        time.sleep(0.05)
    return int(told.read_text())


def _json(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def _tell(line: str) -> None:
    print(line, flush=True)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit("asked to end")


if __name__ == "__main__":
    sys.exit(main())
