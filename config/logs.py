"""Structured logs: one JSON object a line (or readable lines on a console), the same for Django, Celery and ours.

Context such as run_id, job_id and node is bound with structlog.contextvars where the work starts.
"""

from __future__ import annotations

import logging.config
from typing import Any

import structlog

from config.redaction import redact_event, redact_line

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(form: str, level: str) -> None:
    """Nothing is rendered before its secrets are taken out, tracebacks included."""
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, redact_event, structlog.processors.JSONRenderer()]
        if form == "json"
        else [redact_event, console, redact_line]
    )
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
                }
            },
            "handlers": {"stderr": {"class": "config.redaction.Stream", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # uvicorn sets up handlers of its own before it imports us; its lines are to look like ours.
                **{
                    name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error", "uvicorn.access")
                },
                # httpx logs each URL at INFO; a URL may carry a key.
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "pypdf": {"level": "ERROR"},
                # Of a collector that cannot be reached autonomy.telemetry tells once, not at every try.
                "opentelemetry": {"level": "CRITICAL"},
                "django_eventstream": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )
