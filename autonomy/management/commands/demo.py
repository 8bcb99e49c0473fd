"""`manage.py demo`: the main job from start to end on real sources, with its episodes shown as they happen."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_text_list

from autonomy.errors import AutonomyError
from autonomy.management import calls_table
from autonomy.management.processes import Processes
from autonomy.models import Episode, ProviderCall, Run
from autonomy.providers.configured import language_models
from autonomy.selectors.runs import snapshot
from autonomy.services.start_run import GivenSource, start_run
from autonomy.text import citations

SAMPLES = Path(__file__).resolve().parents[2] / "demo" / "sources"
SAMPLE_TOPIC = "How coastal cities adapt to rising seas"
# The first report is above the target, so that a revision is seen; the second is below it.
SIMILARITIES = (0.31, 0.09)
PATIENCE = 600.0
LONGEST_REST = 60.0  # seconds until the next attempt for which somebody looks on
MARKS = {
    "run_failed": "✗", "source_skipped": "!", "gates_failed": "!", "similarity_rejected": "!", "run_ended": "✓",
    "step_failed": "✗", "search_failed": "!", "retry": "↻", "fallback": "↷", "provider_off": "⊘", "breaker_local": "!",
    "usage_above_reserve": "!",
}  # fmt: skip


class Command(BaseCommand):
    help = "Write one cited document from a folder of sources, through two hand-offs, and show how."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sources", type=Path, default=SAMPLES, help="A folder of documents (default: samples).")
        parser.add_argument("--topic", default="", help="What to write about.")
        parser.add_argument("--words", type=int, default=900, help="Length to aim for.")
        parser.add_argument(
            "--similarities",
            type=float,
            nargs="+",
            default=SIMILARITIES,
            help="What the reports find, in turn, 0 to 1.",
        )
        parser.add_argument("--calls", action="store_true", help="End with a table of every call to a provider.")
        parser.add_argument(
            "--core-api",
            action="store_true",
            help="Have Turnitin make the reports (TURNITIN_MODE=core_api) in place of entering them here.",
        )

    def handle(
        self,
        *args: Any,
        sources: Path,
        topic: str,
        words: int,
        similarities: Sequence[float],
        calls: bool,
        core_api: bool,
        **options: Any,
    ) -> None:
        if topic == "" and sources != SAMPLES:
            raise CommandError('Say what to write about: --topic "…" (make demo SOURCES=folder TOPIC="…").')
        if core_api and settings.ENV.turnitin_mode != "core_api":
            raise CommandError("Set TURNITIN_MODE=core_api and what belongs to it; make demo-turnitin plays all of it.")
        given = self._given(sources)
        self.stdout.write("Preparing the database …")
        call_command("migrate", interactive=False, verbosity=0)
        processes = Processes(15.0)
        try:
            self._start_engine(processes, core_api)
            run = self._start_run(given, topic or SAMPLE_TOPIC, words)
            self._watch(run, processes, () if core_api else similarities)
        except KeyboardInterrupt:
            raise CommandError("Stopped. The run is kept; `make run-v2` goes on with it.") from None
        finally:
            processes.stop()
        if calls:
            self._tell_calls(run)
        self._tell(run)

    def _given(self, folder: Path) -> list[GivenSource]:
        """Every file of the folder, in order. What cannot be read is named and skipped by the run itself."""
        env = settings.ENV
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
        fitting = [p for p in files if p.stat().st_size <= env.autonomy_upload_max_bytes]
        for path in files:
            if path not in fitting:
                self.stdout.write(
                    f"! {path.name} is left out: larger than {filesizeformat(env.autonomy_upload_max_bytes)}."
                )
        for path in fitting[env.autonomy_upload_max_files :]:
            self.stdout.write(f"! {path.name} is left out: a run takes {env.autonomy_upload_max_files} sources.")
        chosen = fitting[: env.autonomy_upload_max_files]
        if not chosen:
            raise CommandError(f"There is no file in {folder}.")
        return [GivenSource(path.name, path.read_bytes()) for path in chosen]

    def _start_engine(self, processes: Processes, core_api: bool) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        log = settings.DATA_DIR / "demo.log"
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--quiet", "-A", "config"]
        # Nobody's document goes to Turnitin, and costs money there, because somebody looks at a demo.
        environment = dict(os.environ) | ({} if core_api else {"TURNITIN_MODE": "manual"})
        webhooks = urlsplit(settings.ENV.turnitin_webhook_url or "") if core_api else None
        if webhooks and webhooks.hostname == "127.0.0.1":
            web = ["uvicorn", "config.asgi:application", "--port", str(webhooks.port), "--lifespan", "off"]
            processes.start("web", [*python, *web], environment, output=log)
        self.stdout.write(f"Starting a worker and beat; their log is {_shown(log)} …")
        worker = ["worker", "--without-gossip", "--without-mingle", "-c", "1", "-n", f"demo-{os.getpid()}@%h"]
        processes.start("worker", [*celery, *worker], environment, output=log)
        processes.start("beat", [*celery, "beat"], environment, output=log)

    def _start_run(self, given: list[GivenSource], topic: str, words: int) -> Run:
        owner, is_new = User.objects.get_or_create(username="demo")
        if is_new:
            owner.set_unusable_password()
            owner.save(update_fields=["password"])
        try:
            run, _ = start_run(
                owner=owner, journey="essay", task_spec={"topic": topic, "words": words, "target_similarity": 0.15},
                sources=given,
            )  # fmt: skip
        except AutonomyError as error:
            raise CommandError(f"{error.message} {error.details or ''}") from error
        models = [model.name for model in language_models()]
        offline = "the offline model: it only arranges and quotes the sources"
        writer = offline if models == ["offline"] else get_text_list(models, "and")
        self.stdout.write(f"\nRun {run.pk}\n“{topic}”, from {len(given)} files, by {writer}.\n")
        return run

    def _watch(self, run: Run, processes: Processes, similarities: Sequence[float]) -> None:
        """Show the episodes as they are committed, and deliver the reports the run waits for; until it ends, or rests
        for long."""
        seen, delivered = 0, 0
        deadline = time.monotonic() + PATIENCE
        began = time.monotonic()
        while True:
            run.refresh_from_db()
            for episode in Episode.objects.filter(run=run, seq__gt=seen).order_by("seq"):
                seen = episode.seq
                self._show(episode, time.monotonic() - began)
                if episode.data.get("delay", 0) > LONGEST_REST:
                    return
            if run.ended and seen == run.last_seq:
                return
            if similarities and run.status == Run.Status.WAITING_HUMAN and seen == run.last_seq:
                similarity = similarities[min(delivered, len(similarities) - 1)]
                self.stdout.write(f"  → a person uploads the document; the report comes back with {similarity:.0%}")
                call_command(
                    "deliver_report",
                    str(run.pk),
                    similarity=similarity,
                    url=f"https://reports.example.org/{run.pk}/{delivered + 1}",
                    stdout=open(os.devnull, "w"),  # noqa: SIM115
                )
                delivered += 1
            if ended := processes.ended():
                raise CommandError(
                    f"The {ended[0]} process ended unexpectedly; see {_shown(settings.DATA_DIR / 'demo.log')}."
                )
            if time.monotonic() > deadline:
                raise CommandError(f"The run did not end within {PATIENCE:.0f} s; it is {run.status} at {run.route}.")
            time.sleep(0.1)

    def _show(self, episode: Episode, seconds: float) -> None:
        mark = MARKS.get(episode.kind, "·")
        data = episode.data
        bar = ""
        if episode.kind == "progress" and data.get("total", 99) <= 20:
            bar = f"[{'█' * data['done']}{'░' * (data['total'] - data['done'])}] "
        before = f"{seconds:6.1f}s {episode.seq:3d} {mark} {episode.node or 'run':<14} "
        self.stdout.write(textwrap.fill(
            bar + episode.message, _width(), initial_indent=before, subsequent_indent=" " * len(before),
            break_long_words=False, break_on_hyphens=False,
        ))  # fmt: skip

    def _tell_calls(self, run: Run) -> None:
        self.stdout.write("")
        for line in calls_table.lines(ProviderCall.objects.filter(run=run).order_by("pk"), _width()):
            self.stdout.write(line)

    def _tell(self, run: Run) -> None:
        told = snapshot(run)
        self.stdout.write("")
        if not run.ended:
            raise CommandError("The next attempt is too far away to wait for it here; the run is kept.")
        if run.outcome != Run.Outcome.ACCEPTED:
            raise CommandError(f"The run ended as {run.outcome}: {run.reason}")
        draft = told["draft"]["markdown"]
        cited = citations.keys(draft)
        known = {source["key"] for source in told["sources"]}
        unknown = sorted(set(cited) - known)
        number = told["cycle"]["number"]
        for ending in ("md", "docx"):
            path = Path(default_storage.path(f"{run.pk}/draft-{number}.{ending}"))
            self.stdout.write(f"document:  {_shown(path)}")
        resolve = f"{len(unknown)} do not resolve" if unknown else "all resolve"
        self.stdout.write(f"citations: {len(cited)} to {len(set(cited))} sources; {resolve}")
        spent = told["budgets"]["spent"]
        self.stdout.write(
            f"cost:      {spent['tokens']:,} tokens, {spent['seconds']:.1f} s of execution, {spent['usd']:.4f} USD"
        )
        self.stdout.write(f"episodes:  {run.last_seq}, revision {run.revision}, outcome {run.outcome}")
        if unknown:
            raise CommandError(f"These citations do not resolve: {', '.join(unknown)}")


def _width() -> int:
    return shutil.get_terminal_size((100, 24)).columns


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
