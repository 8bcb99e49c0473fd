"""The Celery application. Its messages are hints only; what runs is decided in Postgres."""

from __future__ import annotations

import os
import socket
from typing import Any

import billiard.pool
from celery import Celery
from celery.signals import beat_init, celeryd_init, heartbeat_sent, setup_logging, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# A process that ends waits so many tenths of a second for the worker to read what its last task returned. Ours return
# nothing, and a worker that is stopping may have ceased to read: it would be half a minute.
billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 10

app = Celery("autonomy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves the logging of config/logs.py alone."""


@celeryd_init.connect
@beat_init.connect
def start_embedded_services(**_: Any) -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        settings.EMBEDDED.ensure()
    except ImproperlyConfigured as error:
        # Celery swallows what a signal's receiver raises; without its services the worker must not go on.
        raise SystemExit(str(error)) from error


@heartbeat_sent.connect
def tell_that_it_lives(**_: Any) -> None:
    """From the worker's own loop, every two seconds: one that hangs is not told of."""
    from autonomy.runtime import workers

    workers.seen(_worker())


@worker_shutdown.connect
def tell_that_it_ends(**_: Any) -> None:
    from autonomy.runtime import workers

    workers.gone(_worker())


def _worker() -> str:
    """As a lease names its holder; but this is the process that the holders are children of."""
    return f"{socket.gethostname()}:{os.getpid()}"
