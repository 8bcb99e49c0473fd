"""Django's own page about an error, without secrets."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from autonomy.telemetry.redaction import redact


class ErrorPage(ExceptionReporter):
    """The page shows settings and variables, and hides only those whose names say secret: no address, for one."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))
