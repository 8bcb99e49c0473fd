"""Which pages are measured. A page that this version does not have is left out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.urls import NoReverseMatch, reverse

from autonomy.models import Checkpoint, Run
from benchmarks.console.rows import LONG

# The tabs of a run's page, once it has them.
TABS = ("draft", "checkpoints", "diff", "calls", "sources", "log", "task")
LISTS = ("run", "episode", "job", "checkpoint", "source", "providercall")
TURNITIN_LISTS = ("cycle", "report", "submission")
MOST_FILTERS = 40
_OFFERED = re.compile(r'(?:href|value)="(\?[^"]+)"')


@dataclass(frozen=True)
class Page:
    name: str
    address: str
    first: bool = True  # what people come to directly: it is held to the bound


@dataclass(frozen=True)
class Picked:
    long: str
    usual: str
    waiting: str
    failed: str


def picked() -> Picked:
    def newest(fate: str, episodes: str) -> str:
        with connection.cursor() as cursor:
            # Not the very newest, which everybody has just looked at.
            cursor.execute(
                f"SELECT id::text FROM bench.runs WHERE episodes {episodes} %s "
                "ORDER BY fate = %s DESC, n < (SELECT max(n) FROM bench.runs) * 0.9 DESC, n DESC LIMIT 1",
                [LONG, fate],
            )
            found: str = cursor.fetchone()[0]
        return found

    return Picked(
        long=newest("accepted", "="),
        usual=newest("accepted", "<"),
        waiting=newest("waiting_human", "<"),
        failed=newest("failed", "<"),
    )


def pages(runs: Picked, html_of: Callable[[str], str]) -> Iterator[Page]:
    yield Page("home", reverse("admin:index"))
    yield Page("start a run", reverse("admin:autonomy_run_add"))
    yield Page("providers", reverse("admin:autonomy_providercall_providers"))
    yield from _run_list(html_of)
    for name, run in vars(runs).items():
        yield from _run(name, run)
    yield from _lists(runs)


def _run_list(html_of: Callable[[str], str]) -> Iterator[Page]:
    address = reverse("admin:autonomy_run_changelist")
    yield Page("runs", address)
    pages_of = (Run.objects.count() - 1) // 50
    yield Page("runs: page 2", f"{address}?p=2")
    yield Page("runs: a deep page", f"{address}?p={max(2, pages_of // 2)}", first=False)
    yield Page("runs: the last page", f"{address}?p={pages_of}", first=False)
    yield Page("runs: search a title", f"{address}?q=mangrove")
    yield Page("runs: search two words", f"{address}?q=mangrove+venice")
    yield Page("runs: search an id", f"{address}?q={str(Run.objects.latest('created_at').pk)[:8]}")
    yield Page("runs: search a user", f"{address}?q=author07")
    yield Page("runs: search nothing", f"{address}?q=xyzzy")
    seen: set[str] = set()
    for found in _OFFERED.findall(html_of(address)):
        query = html.unescape(found)
        if query not in seen and not re.search(r"[?&](o|p|q|all|_popup)=", query):
            seen.add(query)
    for query in sorted(seen)[:MOST_FILTERS]:
        yield Page(f"runs: {query}", address + query)
    for query in ("?status__exact=failed", "?status__exact=running", "?journey=report", "?created_at__year=2026"):
        if query not in seen:
            yield Page(f"runs: {query}", address + query)
    yield Page("runs: by owner, oldest first", f"{address}?o=4", first=False)


def _run(name: str, run: str) -> Iterator[Page]:
    yield Page(f"{name} run", reverse("admin:autonomy_run_change", args=[run]))
    for tab in TABS:
        try:
            yield Page(f"{name} run: {tab}", reverse(f"admin:autonomy_run_{tab}", args=[run]))
        except NoReverseMatch:
            continue
    if name == "long":
        yield Page("long run: history", reverse("admin:autonomy_run_history", args=[run]), first=False)
        yield Page("long run: fork", reverse("admin:autonomy_run_fork", args=[run]))
        newest = Checkpoint.objects.filter(run__pk=run).latest("checkpoint_id")
        yield Page("a checkpoint", reverse("admin:autonomy_checkpoint_change", args=[newest.pk]))


def _lists(runs: Picked) -> Iterator[Page]:
    for app, models in (("autonomy", LISTS[1:]), ("turnitin", TURNITIN_LISTS)):
        for model in models:
            yield Page(f"{model} list", reverse(f"admin:{app}_{model}_changelist"))
    episodes = reverse("admin:autonomy_episode_changelist")
    yield Page("episodes of the long run", f"{episodes}?run__id__exact={runs.long}")
    yield Page("episodes of a kind", f"{episodes}?kind=retry")
    yield Page("episodes of a rare kind", f"{episodes}?kind=run_failed")
    yield Page("episodes of a kind there is none of", f"{episodes}?kind=breaker_local")
    yield Page("episodes of a node", f"{episodes}?node=critic")
    yield Page("episodes: search a word", f"{episodes}?q=429", first=False)
    yield Page("episodes: search nothing", f"{episodes}?q=xyzzy", first=False)
    calls = reverse("admin:autonomy_providercall_changelist")
    yield Page("calls of the long run", f"{calls}?run__id__exact={runs.long}")
    yield Page("calls that failed for good", f"{calls}?outcome__exact=final")
    yield Page("calls under way", f"{calls}?outcome__exact=pending")
    yield Page("calls: search a word", f"{calls}?q=qwen3", first=False)
    yield Page("jobs that failed", f"{reverse('admin:autonomy_job_changelist')}?state__exact=failed")
    yield Page("jobs: search a run", f"{reverse('admin:autonomy_job_changelist')}?q=mangrove", first=False)
    yield Page("cycles that wait", f"{reverse('admin:turnitin_cycle_changelist')}?state__exact=awaiting_report")
    yield Page("cycles: search a run", f"{reverse('admin:turnitin_cycle_changelist')}?q=mangrove")
