"""What the console has to show: runs in every state, written by a worker's own code, and rows of all other kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from rest_framework.authtoken.models import Token

from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run, Source
from autonomy.runtime import queue, step
from autonomy.services.start_run import GivenSource, start_run
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.scripted import ScriptedModel, write_section
from autonomy.tests.test_console_verbs import end
from conftest import SEA_WALLS
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report, Submission

NAME, PASSWORD = "mara", "a long enough password"


def superuser() -> User:
    user = UserFactory(username=NAME, is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def work(also: str = "") -> None:
    """What workers do, in this process, with a model that writes at once, and this text besides."""
    with pytest.MonkeyPatch.context() as patch:
        scripted = ScriptedModel()
        scripted.section = lambda request: f"{write_section(request)} {also}".strip()
        patch.setattr("autonomy.runtime.context.language_models", lambda: [scripted])
        while claim := queue.claim():
            step.execute(claim)


def started(title: str) -> Run:
    owner = User.objects.get(username=NAME)
    spec = {"topic": "Sea walls", "title": title, "words": 100}
    sources = [GivenSource("walls.txt", SEA_WALLS.encode())]
    return start_run(owner=owner, journey="essay", task_spec=spec, sources=sources)[0]


def planted(also: str = "") -> dict[str, Any]:
    """The keys of the rows, by the names that addresses have for them. `also` stands in each text that people give."""
    boss = superuser()
    runs = {name: started(f"Sea walls, {name}{also}") for name in ("waiting", "accepted")}
    work()
    accepted = Cycle.objects.get(run=runs["accepted"])
    report = {"report_url": "https://reports.example.org/1", "observed_similarity": 0.1}
    deliver_report(run_id=accepted.run_id, cycle_id=accepted.pk, actor=boss, **report)
    work()
    # The gates refuse it each time, and the last draft stays to be looked at.
    runs["refused"] = started(f"Sea walls, refused{also}")
    work(f"<b>Bold.</b> {also}")
    for name in ("failed", "cancelled", "budget_exceeded"):
        runs[name] = started(f"Sea walls, {name}{also}")
        end(runs[name], name)
    Run.objects.filter(pk=runs["failed"].pk).update(reason="No source could be read.")
    runs["running"] = started(f"Sea walls, running{also}")
    Run.objects.filter(pk=runs["running"].pk).update(status="running", route="draft", started_at=timezone.now())
    runs["queued"] = started(f"Sea walls, queued{also}")
    runs["long"] = RunFactory(user=boss, title="A run whose title is long " + "and_has_a_word_without_any_end" * 3)
    waiting = Cycle.objects.get(run=runs["waiting"])
    submission = Submission.objects.create(
        cycle=waiting, state="scanning", turnitin_id="7c1f", due_at=timezone.now() + timedelta(minutes=1), failures=2,
        trouble="Turnitin does not answer.", uploaded_at=timezone.now(), overdue_at=timezone.now(),
    )  # fmt: skip
    call = ProviderCall.objects.create(
        run=runs["failed"], kind="llm", provider="offline", model="offline", attempt=1, outcome="final",
        error="HTTP 500",
    )  # fmt: skip
    group = Group.objects.create(name="Night shift")
    Token.objects.create(user=boss)
    LogEntry.objects.create(
        user=boss, content_type=ContentType.objects.get_for_model(User), object_id=str(boss.pk), object_repr=NAME,
        action_flag=CHANGE, change_message="Changed the name.",
    )  # fmt: skip
    by_run = {"run": runs["accepted"]}
    return {name: run.pk for name, run in runs.items()} | {
        "cycle": waiting.pk,
        "judged": accepted.pk,
        "report": Report.objects.get().pk,
        "submission": submission.pk,
        "call": call.pk,
        "job": Job.objects.filter(**by_run).latest("pk").pk,
        "episode": Episode.objects.filter(**by_run).latest("pk").pk,
        "checkpoint": Checkpoint.objects.filter(**by_run).latest("pk").pk,
        "first": Checkpoint.objects.filter(**by_run).earliest("pk").checkpoint_id,
        "last": Checkpoint.objects.filter(**by_run).latest("pk").checkpoint_id,
        "source": Source.objects.filter(**by_run).latest("pk").pk,
        "group": group.pk,
        "user": boss.pk,
    }
