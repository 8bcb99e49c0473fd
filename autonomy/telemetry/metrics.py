"""What processes count while they work, for Prometheus. Each in files of its own; a scrape adds them up.

Labels come from short lists: journeys, nodes, and providers and models as they are configured. Never a run, and never a
name that somebody outside has made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)
P = ParamSpec("P")

# In seconds. A node without a provider takes milliseconds, one that writes a long section minutes.
STEP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120)

# Without a registry: what is told is read from the files of all processes, never from this one's memory.
_STEP_SECONDS = Histogram(
    "autonomy_step_seconds",
    "Supersteps committed, by how long they took.",
    ["journey", "node"],
    buckets=STEP_BUCKETS,
    registry=None,
)
_STEPS = Counter("autonomy_steps", "Supersteps, by what came of them.", ["node", "result"], registry=None)
_CALL_SECONDS = Histogram(
    "autonomy_provider_call_seconds",
    "Attempts at providers, by how long they took.",
    ["kind", "provider", "outcome"],
    buckets=CALL_BUCKETS,
    registry=None,
)
_ATTEMPTS = Counter(
    "autonomy_provider_attempts", "Attempts at providers.", ["kind", "provider", "outcome"], registry=None
)
_RETRIES = Counter(
    "autonomy_provider_retries", "Attempts that were followed by another one.", ["kind", "provider"], registry=None
)
_FALLBACKS = Counter(
    "autonomy_provider_fallbacks",
    "Calls that one provider handed on to the next.",
    ["kind", "provider_from", "provider_to"],
    registry=None,
)
_TOKENS = Counter("autonomy_tokens", "Tokens used, in and out.", ["provider", "model", "direction"], registry=None)
_SPEND = Counter("autonomy_spend_usd", "Dollars spent, where prices are known.", ["provider", "model"], registry=None)
_UNPRICED = Counter(
    "autonomy_calls_unpriced", "Attempts whose price is not known.", ["provider", "model"], registry=None
)

_SIGNATURES_REFUSED = Counter(
    "autonomy_signatures_refused", "Calls from outside whose signature was refused.", ["door", "reason"], registry=None
)
_WEBHOOKS = Counter("autonomy_turnitin_webhooks", "Webhooks of Turnitin.", ["event", "result"], registry=None)
_REPORTS_MISSING = Counter(
    "autonomy_turnitin_reports_missing", "Reports that are late or will not come.", ["what"], registry=None
)


def _never_in_the_way(count: Callable[P, None]) -> Callable[P, None]:
    """What cannot be counted is lost; the run is not. The folder may be gone, or not be ours to write to."""

    @wraps(count)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                count(*args, **kwargs)
            except FileNotFoundError:
                Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)
                count(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - see above
            log.debug("not_counted", error=type(error).__name__)

    return counted


@_never_in_the_way
def step(node: str, result: str, *, journey: str = "", seconds: float | None = None) -> None:
    """A superstep: `committed`, which also has its journey and its time; `failed`, `cancelled`, `lease_lost` or
    `budget_exceeded`."""
    _STEPS.labels(node, result).inc()
    if seconds is not None:
        _STEP_SECONDS.labels(journey, node).observe(seconds)


@_never_in_the_way
def provider_attempt(kind: str, provider: str, outcome: str, seconds: float) -> None:
    _ATTEMPTS.labels(kind, provider, outcome).inc()
    _CALL_SECONDS.labels(kind, provider, outcome).observe(seconds)


@_never_in_the_way
def provider_retry(kind: str, provider: str) -> None:
    _RETRIES.labels(kind, provider).inc()


@_never_in_the_way
def provider_fallback(kind: str, provider_from: str, provider_to: str) -> None:
    """`provider_to` is empty where none is left."""
    _FALLBACKS.labels(kind, provider_from, provider_to).inc()


@_never_in_the_way
def spent(provider: str, model: str, *, tokens_in: int, tokens_out: int, usd: float | None) -> None:
    """`model` as it is configured, not as the provider calls it. `usd` is None where no price is known."""
    _TOKENS.labels(provider, model, "in").inc(tokens_in)
    _TOKENS.labels(provider, model, "out").inc(tokens_out)
    if usd is None:
        _UNPRICED.labels(provider, model).inc()
    else:
        _SPEND.labels(provider, model).inc(usd)


@_never_in_the_way
def signature_refused(door: str, reason: str) -> None:
    """`door`: `report` or `webhook`. `reason`: a word of ours, such as `missing`, `wrong`, `stale` or `no_secret`."""
    _SIGNATURES_REFUSED.labels(door, reason).inc()


@_never_in_the_way
def turnitin_webhook(event: str, result: str) -> None:
    """`event`: one that Turnitin has, or `other`; `result`: `hinted`, `unchanged`, `unknown` or `ignored`."""
    _WEBHOOKS.labels(event, result).inc()


@_never_in_the_way
def turnitin_report_missing(what: str) -> None:
    """`overdue`: it is late; `failed`: Turnitin gives none."""
    _REPORTS_MISSING.labels(what).inc()


def exposition(collectors: Iterable[Collector], accept: str) -> tuple[bytes, str]:
    """What they tell, in the form that an Accept header asks for, and its content type."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class Counted(Collector):
    """The sum over all processes, also those that have ended, and over all machines below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        # One that is empty is just being made.
        files = [str(file) for file in self._folder.glob("*/*.db") if file.stat().st_size]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics


def forget_the_dead(folder: Path) -> None:
    """Remove the files of processes of this machine that have ended: counters begin anew when the stack does."""
    for file in folder.glob("*.db"):
        number = file.stem.rpartition("_")[2]
        if not (number.isdecimal() and _lives(int(number))):
            file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
