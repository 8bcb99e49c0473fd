"""No line of a log holds a secret: the processors that see to it, whoever has written the line."""

from __future__ import annotations

import logging
from typing import Any, TextIO

from structlog.typing import EventDict, WrappedLogger

from autonomy.telemetry.redaction import redact, redacted


def redact_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Keys and values at any depth. Exceptions are rendered before this, or left to `redact_line`."""
    trouble = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return {**redacted(event), **trouble}


def redact_line(_logger: WrappedLogger, _name: str, line: str) -> str:
    """The whole line, for renderers that write exceptions themselves. Not for JSON, whose numbers must stay numbers."""
    return redact(line)


class Stream(logging.StreamHandler[TextIO]):
    """A stream handler whose own complaints repeat nothing of what it could not write."""

    def handleError(self, record: logging.LogRecord) -> None:
        lost: dict[str, Any] = {"logger": record.name, "file": record.pathname, "line": record.lineno}
        logging.getLogger(__name__).error("A line of the log could not be written: %s", lost)
