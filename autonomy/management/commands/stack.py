"""`manage.py stack`: everything on one machine, the web server, a worker and beat, with what they need."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from autonomy.management.processes import Processes
from autonomy.telemetry.metrics import forget_the_dead

# Longer than a worker takes to give back what it cannot finish.
PATIENCE = settings.ENV.autonomy_drain_seconds + 15.0
GRACE_FOR_OPEN_STREAMS = 5
# A worker may die of a broken connection to Redis. One that dies at once each time is no use.
MINUTE = 60.0
MOST_REVIVALS = 5


class Command(BaseCommand):
    help = "Run the web server, a worker and beat until Ctrl-C, on the embedded services or on the URLs that are set."

    _asked_to_stop = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default: 127.0.0.1).")
        parser.add_argument("--port", type=int, default=8000, help="Port to listen on (default: 8000).")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        require_free(host, port)
        try:
            settings.EMBEDDED.ensure()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Preparing the database …")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("bootstrap", stdout=self.stdout)
        connections.close_all()
        forget_the_dead(settings.METRICS_DIR)
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.stdout.write(f"console: {address}/admin/\napi: {address}/api/v2/runs\nCtrl-C stops everything.")
        self.stdout.flush()
        sys.exit(self._run(host, port))

    def _run(self, host: str, port: int) -> int:
        environment = dict(os.environ)
        if sys.stdout.isatty():
            environment.setdefault("AUTONOMY_LOG_FORMAT", "console")
        python = [sys.executable, "-m"]
        uvicorn = ["uvicorn", "config.asgi:application", "--host", host, "--port", str(port)]
        uvicorn += ["--lifespan", "off", "--timeout-graceful-shutdown", str(GRACE_FOR_OPEN_STREAMS)]
        celery = ["celery", "--quiet", "-A", "config"]
        commands = {
            "web": [*python, *uvicorn],
            "worker": [*python, *celery, "worker", "--without-gossip", "--without-mingle"],
            "beat": [*python, *celery, "beat"],
        }
        processes = Processes(PATIENCE)
        try:
            for name, command in commands.items():
                processes.start(name, command, environment)
            revived: list[float] = []
            while ended := processes.wait(lambda: self._asked_to_stop):
                name, code = ended
                told = f"The {name} process ended unexpectedly (exit code {code})"
                revived = [*(at for at in revived if time.monotonic() - at < MINUTE), time.monotonic()]
                if name == "web" or len(revived) > MOST_REVIVALS:
                    self.stderr.write(f"{told}; stopping the others.")
                    return 1
                # What it had under way goes back to the queue when its lease runs out.
                self.stderr.write(f"{told}; starting it again.")
                processes.bury(name)
                processes.start(name, commands[name], environment)
            self.stdout.write("Stopping …")
            return 0
        finally:
            processes.stop()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def require_free(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As the web server does: connections of a stack that has just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise CommandError(
            f"{host}:{port} cannot be used ({error.strerror}). Choose another port: --port {port + 1}."
        ) from error
