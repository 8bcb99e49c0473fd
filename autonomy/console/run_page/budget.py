"""What the run has used of its limits, drawn as gauges."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from autonomy.console import figures
from autonomy.models import Run

_NAMES = {"tokens": "Tokens", "seconds": "Time of execution", "usd": "Money"}


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    reserved = run.reserved_tokens or run.reserved_usd
    return {
        "gauges": [{"name": _NAMES[spend.name], "meter": figures.meter(spend)} for spend in figures.spends(run)],
        "reserved": f"{run.reserved_tokens:,} tokens, {figures.usd(run.reserved_usd)}" if reserved else "",
    }
