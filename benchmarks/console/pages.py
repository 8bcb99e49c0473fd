"""Which pages are measured. A page that this version does not have is left out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.urls import NoReverseMatch, reverse

from autonomy.console.rows import MOST_PAGES
from autonomy.models import Checkpoint, Episode, Run, Source
from benchmarks.console.rows import LONG
from turnitin.models import Submission

# The tabs of a run's page, once it has them.
TABS = ("draft", "checkpoints", "diff", "calls", "sources", "log", "task")
LISTS = ("run", "episode", "job", "checkpoint", "source", "providercall")
TURNITIN_LISTS = ("cycle", "report", "submission")
MOST_FILTERS = 40
# A form that is being filled in.
ASKED = {
    "journey": "report", "topic": "Tides and the towns that live with them", "words": "2500", "sizes": "120000",
    "pasted-TOTAL_FORMS": "0", "pasted-INITIAL_FORMS": "0",
}  # fmt: skip
_OFFERED = re.compile(r'(?:href|value)="(\?[^"]+)"')


@dataclass(frozen=True)
class Page:
    name: str
    address: str
    first: bool = True  # what people come to directly: it is held to the bound
    cold: bool = False  # nothing that the web server keeps in its cache is there
    form: dict[str, str] | None = None  # is sent by POST


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
    yield Page("home: nothing in the cache", reverse("admin:index"), cold=True)
    yield Page("start a run", reverse("admin:autonomy_run_add"))
    yield Page("start: the estimate", reverse("admin:autonomy_run_estimate"), form=ASKED)
    yield Page("providers", reverse("admin:autonomy_providercall_providers"))
    yield from _run_list(html_of)
    for name, run in vars(runs).items():
        yield from _run(name, run)
    yield from _lists(runs)


def _run_list(html_of: Callable[[str], str]) -> Iterator[Page]:
    address = reverse("admin:autonomy_run_changelist")
    yield Page("runs", address)
    yield Page("runs: page 2", f"{address}?p=2")
    yield Page("runs: a deep page", f"{address}?p={MOST_PAGES // 2}", first=False)
    yield Page("runs: the last page", f"{address}?p={MOST_PAGES}", first=False)
    yield Page("runs: search a title", f"{address}?q=mangrove")
    yield Page("runs: search two words", f"{address}?q=mangrove+venice")
    newest = Run.objects.latest("created_at")
    yield Page("runs: search an id", f"{address}?q={str(newest.pk)[:8]}")
    yield Page("runs: search a whole id", f"{address}?q={newest.pk}")
    yield Page("runs: search a user", f"{address}?q=author07")
    yield Page("runs: search nothing", f"{address}?q=xyzzy")
    yield Page("runs: search a word of many, failed ones", f"{address}?q=in&status__exact=failed")
    yield Page("runs: search a word among those that need a person", f"{address}?q=mangrove&needs=person")
    yield Page("runs: of one owner", f"{address}?owner=author07")
    day = newest.created_at.date() - timedelta(days=200)
    yield Page("runs: of a week long ago", f"{address}?created_from={day - timedelta(days=6)}&created_to={day}")
    seen: set[str] = set()
    for found in _OFFERED.findall(html_of(address)):
        query = html.unescape(found)
        if query not in seen and not re.search(r"[?&](o|p|q|all|_popup)=", query):
            seen.add(query)
    for query in sorted(seen)[:MOST_FILTERS]:
        yield Page(f"runs: {query}", address + query)
    yield Page("runs: the oldest first", f"{address}?o=7", first=False)


def _run(name: str, run: str) -> Iterator[Page]:
    yield Page(f"{name} run", reverse("admin:autonomy_run_change", args=[run]))
    for tab in TABS:
        try:
            yield Page(f"{name} run: {tab}", reverse(f"admin:autonomy_run_{tab}", args=[run]))
        except NoReverseMatch:
            continue
    yield Page(f"{name} run: live", reverse("admin:autonomy_run_live", args=[run]))
    if name == "long":
        log = reverse("admin:autonomy_run_log", args=[run])
        yield Page("long run: errors in its log", f"{log}?show=errors")
        yield Page("long run: a kind it has none of", f"{log}?show=breaker_local")
        yield Page("long run: one node in its log", f"{log}?node=critic")
        yield Page("long run: far down in its log", f"{log}?before=500", first=False)
        yield Page("long run: history", reverse("admin:autonomy_run_history", args=[run]), first=False)
        yield Page("long run: fork", reverse("admin:autonomy_run_fork", args=[run]))
        newest = Checkpoint.objects.filter(run__pk=run).latest("checkpoint_id")
        yield Page("a checkpoint", reverse("admin:autonomy_checkpoint_change", args=[newest.pk]))


def _lists(runs: Picked) -> Iterator[Page]:
    for app, models in (("autonomy", LISTS[1:]), ("turnitin", TURNITIN_LISTS)):
        for model in models:
            yield Page(f"{model} list", reverse(f"admin:{app}_{model}_changelist"))
    for model, name, query, first in _narrowed(runs):
        yield Page(name, f"{reverse(f'admin:{model}_changelist')}?{query}", first)
    submission = Submission.objects.latest("pk")
    yield Page("a hand-off", reverse("admin:turnitin_cycle_change", args=[submission.cycle_id]))
    yield Page("a submission", reverse("admin:turnitin_submission_change", args=[submission.pk]))
    yield Page("a source", reverse("admin:autonomy_source_change", args=[Source.objects.latest("pk").pk]))
    yield Page("an episode", reverse("admin:autonomy_episode_change", args=[Episode.objects.latest("pk").pk]))


def _narrowed(runs: Picked) -> Iterator[tuple[str, str, str, bool]]:
    for model in LISTS[1:]:
        address = f"autonomy_{model}"
        yield address, f"{model}s of the long run", f"run__id__exact={runs.long}", True
        yield address, f"{model}s: search a whole run", f"q={runs.usual}", True
        yield address, f"{model}s: search a title", "q=mangrove", False
        yield address, f"{model}s: search nothing", "q=xyzzy", False
        yield address, f"{model}s: the last page", f"p={MOST_PAGES}", False
    yield "autonomy_episode", "episodes of a kind", "kind=retry", True
    yield "autonomy_episode", "episodes of a rare kind", "kind=run_failed", True
    yield "autonomy_episode", "episodes of a kind there is none of", "kind=breaker_local", True
    yield "autonomy_episode", "episodes of a node", "node=critic", True
    yield "autonomy_episode", "episodes of a kind in the long run", f"run__id__exact={runs.long}&kind=run_ended", True
    yield "autonomy_providercall", "calls that failed for good", "outcome__exact=final", True
    yield "autonomy_providercall", "calls under way", "outcome__exact=pending", True
    yield "autonomy_providercall", "calls of similarity, of which there are none", "kind__exact=similarity", True
    yield "autonomy_providercall", "calls: search a model", "q=qwen3", False
    yield "autonomy_job", "jobs that failed", "state__exact=failed", True
    yield "autonomy_job", "jobs in the queue", "state__exact=queued", True
    yield "autonomy_job", "jobs by priority", "priority=2", True
    yield "autonomy_source", "sources that were skipped", "status__exact=skipped", True
    yield "autonomy_source", "sources from a search", "origin=search", True
    yield "turnitin_cycle", "cycles that wait", "state__exact=awaiting_report", True
    yield "turnitin_cycle", "cycles with a report that is not used", "state__exact=report_ready", True
    yield "turnitin_submission", "submissions under way", "state__exact=scanning", True
    yield "turnitin_submission", "submissions that failed", "state__exact=failed", True
    yield "turnitin_submission", "submissions overdue", "overdue_at__isempty=0", True
    yield "turnitin_report", "reports from the console", "via__exact=console", True
    yield "turnitin_report", "reports by a signed call", "via__exact=signed", True
    for model in TURNITIN_LISTS:
        yield f"turnitin_{model}", f"{model}s: search a title", "q=mangrove", True
        yield f"turnitin_{model}", f"{model}s: search a whole run", f"q={runs.waiting}", True
        yield f"turnitin_{model}", f"{model}s: search nothing", "q=xyzzy", True
        yield f"turnitin_{model}", f"{model}s: the last page", f"p={MOST_PAGES}", False
        yield f"turnitin_{model}", f"{model}s: sorted by another column", "o=3", False
