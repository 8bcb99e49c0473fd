"""What people may do to a run from the console, and who sees which button."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from autonomy.models import Checkpoint, Episode, Job, Run
from autonomy.runtime import queue
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_console import PROBE

pytestmark = pytest.mark.django_db
# Where a job is claimed: within a transaction the clock stands still.
COMMITTED = pytest.mark.django_db(transaction=True)

LIST = "/admin/autonomy/run/"
SOON = (timezone.now() + timedelta(days=2)).astimezone(UTC).replace(second=0, microsecond=0)
# The verbs with what is posted to their pages, and the permissions they need.
POSTED: dict[str, dict[str, Any]] = {
    "cancel": {"reason": "A double."},
    "retry": {},
    "raise-budget": {"tokens": "300000"},
    "fork": {},
    "schedule": {"at": f"{SOON:%Y-%m-%dT%H:%M}"},
    "priority": {"priority": "1"},
}
PERMISSIONS = {
    "cancel": "cancel_run",
    "retry": "retry_run",
    "raise-budget": "raise_budget",
    "fork": "fork_run",
    "schedule": "schedule_run",
    "priority": "schedule_run",
}
ENDED = {
    "failed": {"status": "failed", "outcome": "failed"},
    "accepted": {"status": "done", "outcome": "accepted"},
    "budget_exceeded": {"status": "done", "outcome": "budget_exceeded"},
    "cancelled": {"status": "cancelled", "outcome": "cancelled"},
}

Start = Callable[..., Run]


def address(run: Run, verb: str) -> str:
    return f"{LIST}{run.pk}/{verb}/"


def page_of(client: Client, run: Run) -> str:
    return client.get(f"{LIST}{run.pk}/change/").content.decode()


def buttons(client: Client, run: Run) -> set[str]:
    page = page_of(client, run)
    return {verb for verb in POSTED if f'href="{address(run, verb)}"' in page}


def end(run: Run, how: str) -> None:
    Run.objects.filter(pk=run.pk).update(**ENDED[how], ended_at=timezone.now())
    Job.objects.filter(run=run).update(state="failed", finished_at=timezone.now())
    run.refresh_from_db()


def ready_for(verb: str, run: Run) -> Run:
    if verb == "retry":
        end(run, "failed")
    return run


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def traces() -> tuple[int, ...]:
    """Whatever a verb could leave behind."""
    return tuple(model.objects.count() for model in (Run, Job, Episode, Checkpoint, LogEntry))


class TestButtons:
    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            ("failed", {"retry", "fork"}),
            ("budget_exceeded", {"raise-budget", "fork"}),
            ("accepted", {"fork"}),
            ("cancelled", {"fork"}),
        ],
    )
    def test_an_ended_run_offers_what_its_end_allows(
        self, boss: Client, start: Start, how: str, expected: set[str]
    ) -> None:
        run = start()
        end(run, how)
        assert buttons(boss, run) == expected

    def test_a_queued_run_offers_all_but_the_retry(self, boss: Client, start: Start) -> None:
        assert buttons(boss, start()) == set(POSTED) - {"retry"}

    @pytest.mark.parametrize("status", ["running", "waiting_human"])
    def test_a_run_without_a_job_in_the_queue_cannot_be_scheduled(
        self, boss: Client, start: Start, status: str
    ) -> None:
        run = start()
        Run.objects.filter(pk=run.pk).update(status=status)
        assert buttons(boss, run) == set(POSTED) - {"retry", "schedule"}

    def test_a_run_that_is_being_cancelled_is_not_cancelled_again(self, boss: Client, start: Start) -> None:
        run = start()
        Run.objects.filter(pk=run.pk).update(status="running", cancel_requested_at=timezone.now())
        assert "cancel" not in buttons(boss, run)
        assert "asked for already" in boss.get(address(run, "cancel"), follow=True).content.decode()

    def test_a_viewer_sees_no_button(self, start: Start) -> None:
        assert buttons(staff("autonomy.view_run"), start()) == set()

    @pytest.mark.parametrize("verb", POSTED)
    def test_each_permission_shows_its_buttons_and_no_others(self, start: Start, verb: str) -> None:
        run = ready_for(verb, start())
        needed = PERMISSIONS[verb]
        shown = buttons(staff("autonomy.view_run", f"autonomy.{needed}"), run)
        assert verb in shown
        assert {PERMISSIONS[one] for one in shown} == {needed}

    def test_owners_on_the_staff_need_no_permission_for_their_own_runs(self, start: Start) -> None:
        client = staff("autonomy.view_run")
        owner = User.objects.get(pk=client.session["_auth_user_id"])
        run = start(owner=owner)
        assert buttons(client, run) == set(POSTED) - {"retry"}
        assert buttons(client, start()) == set()
        client.post(address(run, "cancel"))
        run.refresh_from_db()
        assert run.status == "cancelled"

    def test_the_way_on_stands_out(self, boss: Client, start: Start) -> None:
        run = start()
        quiet = 'class="console-button console-button-quiet" href="{}"'
        assert quiet.format(address(run, "raise-budget")) in page_of(boss, run)
        end(run, "budget_exceeded")
        assert f'class="console-button" href="{address(run, "raise-budget")}"' in page_of(boss, run)
        assert quiet.format(address(run, "fork")) in page_of(boss, run)


class TestWhoMay:
    @pytest.mark.parametrize("verb", POSTED)
    def test_who_lacks_the_permission_is_refused_also_by_hand(self, start: Start, verb: str) -> None:
        run = ready_for(verb, start())
        others = {f"autonomy.{one}" for one in PERMISSIONS.values()} - {f"autonomy.{PERMISSIONS[verb]}"}
        before = traces()
        for client in (staff("autonomy.view_run"), staff("autonomy.view_run", *others)):
            assert client.get(address(run, verb)).status_code == 403
            assert client.post(address(run, verb), POSTED[verb]).status_code == 403
        assert traces() == before

    @pytest.mark.parametrize("verb", POSTED)
    def test_the_permission_alone_is_enough(self, start: Start, verb: str) -> None:
        run = ready_for(verb, start())
        client = staff(f"autonomy.{PERMISSIONS[verb]}")
        assert client.get(address(run, verb)).status_code == 200
        answer = client.post(address(run, verb), POSTED[verb])
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")
        assert Episode.objects.filter(run=run, actor_id=client.session["_auth_user_id"]).exists()

    @pytest.mark.parametrize("verb", POSTED)
    def test_others_are_sent_to_the_login(self, client: Client, start: Start, verb: str) -> None:
        run = start()
        assert client.post(address(run, verb), POSTED[verb])["Location"].startswith("/admin/login/")
        client.force_login(run.user)
        assert client.post(address(run, verb), POSTED[verb])["Location"].startswith("/admin/login/")
        assert Episode.objects.count() == 1

    @pytest.mark.parametrize("verb", POSTED)
    def test_a_verb_needs_a_csrf_token(self, superuser: User, start: Start, verb: str) -> None:
        run = ready_for(verb, start())
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(superuser)
        before = traces()
        assert strict.post(address(run, verb), POSTED[verb]).status_code == 403
        assert traces() == before

    @pytest.mark.parametrize("verb", POSTED)
    def test_a_look_never_changes_anything(self, boss: Client, start: Start, verb: str) -> None:
        run = ready_for(verb, start())
        before = (traces(), Run.objects.values().get(pk=run.pk))
        assert boss.get(address(run, verb), POSTED[verb]).status_code == 200
        assert boss.head(address(run, verb)).status_code == 200
        assert boss.put(address(run, verb)).status_code == 405
        assert boss.delete(address(run, verb)).status_code == 405
        assert (traces(), Run.objects.values().get(pk=run.pk)) == before

    @pytest.mark.parametrize("verb", POSTED)
    def test_a_run_that_is_not_there_is_not_found(self, boss: Client, verb: str) -> None:
        missing = RunFactory.build()
        assert boss.get(address(missing, verb)).status_code == 404
        assert boss.post(address(missing, verb), POSTED[verb]).status_code == 404


class TestVerbs:
    @pytest.mark.parametrize("verb", [verb for verb in POSTED if verb != "fork"])
    def test_it_leads_back_to_the_run_with_a_message_and_an_entry_in_the_admin_log(
        self, boss: Client, superuser: User, start: Start, verb: str
    ) -> None:
        run = ready_for(verb, start())
        answer = boss.post(address(run, verb), POSTED[verb])
        assert answer["Location"] == f"{LIST}{run.pk}/change/"
        assert len(told(answer)) == 1
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id, entry.action_flag) == (superuser, str(run.pk), CHANGE)
        assert Episode.objects.filter(run=run, actor=superuser).exists()

    def test_a_run_in_the_queue_is_cancelled_with_its_reason(self, boss: Client, start: Start) -> None:
        run = start()
        assert told(boss.post(address(run, "cancel"), {"reason": "A double."})) == ["The run is cancelled."]
        run.refresh_from_db()
        assert run.status == "cancelled"
        assert Episode.objects.get(kind="cancel_requested").data["reason"] == "A double."

    @COMMITTED
    def test_a_run_that_a_worker_is_at_is_asked_to_end(self, boss: Client, start: Start) -> None:
        run = start()
        queue.claim()
        assert "next boundary" in told(boss.post(address(run, "cancel")))[0]
        run.refresh_from_db()
        assert (run.ended, run.cancel_requested_at is not None) == (False, True)
        assert "Cancelling asked for" in page_of(boss, run)

    def test_a_double_click_on_cancel_is_one_request(self, boss: Client, start: Start) -> None:
        run = start()
        first, again = (boss.post(address(run, "cancel")) for _ in range(2))
        assert told(first)[-1] == told(again)[-1] == "The run is cancelled."
        assert LogEntry.objects.count() == 1
        assert Episode.objects.filter(kind="cancel_requested").count() == 1

    @COMMITTED
    def test_a_failed_run_is_tried_again(self, boss: Client, start: Start) -> None:
        run = start()
        end(run, "failed")
        boss.post(address(run, "retry"))
        run.refresh_from_db()
        assert (run.status, run.outcome) == ("queued", "")
        assert queue.claim() is not None

    @pytest.mark.parametrize("verb", ["cancel", "retry", "raise-budget", "schedule", "priority"])
    def test_what_the_state_does_not_allow_is_refused_in_the_words_of_the_service(
        self, boss: Client, start: Start, verb: str
    ) -> None:
        run = start()
        end(run, "accepted")
        posted = boss.post(address(run, verb), POSTED[verb])
        assert posted["Location"] == f"{LIST}{run.pk}/change/"
        assert "The run has ended" in told(posted)[0]
        assert told(boss.get(address(run, verb)))[-1] == told(posted)[0], "the form is not even shown"
        assert not LogEntry.objects.exists()

    def test_a_run_is_scheduled_and_its_page_says_for_when(self, boss: Client, start: Start) -> None:
        run = start()
        boss.post(address(run, "schedule"), POSTED["schedule"])
        assert Job.objects.get().scheduled_at == SOON
        page = page_of(boss, run)
        assert "The run is scheduled for" in page
        assert f'<time datetime="{SOON.isoformat()}">' in page
        assert f'value="{SOON:%Y-%m-%dT%H:%M}"' in boss.get(address(run, "schedule")).content.decode()

    @COMMITTED
    def test_a_time_that_has_passed_means_now(self, boss: Client, start: Start) -> None:
        run = start(scheduled_at=SOON)
        assert "as soon as a worker is free" in told(boss.post(address(run, "schedule"), {"at": "2020-01-01T08:00"}))[0]
        assert queue.claim() is not None

    @pytest.mark.parametrize(
        ("verb", "posted", "field", "hint"),
        [
            ("schedule", {"at": "9999-01-01T08:00"}, "at", "within a year"),
            ("schedule", {"at": "9999-12-31T23:59-12:00"}, "at", "within a year"),
            ("schedule", {"at": "tomorrow"}, "at", "valid date/time"),
            ("schedule", {}, "at", "required"),
            ("priority", {"priority": "10"}, "priority", "not one of the available choices"),
            ("cancel", {"reason": "x" * 1001}, "reason", "at most 1000"),
            ("cancel", {"reason": "a\0b"}, "reason", "Null characters"),
            ("raise-budget", {"tokens": "3"}, "tokens", "above the present limit of 200,000"),
            ("raise-budget", {"tokens": "1.5"}, "tokens", "whole number"),
            ("raise-budget", {"tokens": "9" * 5000}, "tokens", "whole number"),
            ("raise-budget", {"seconds": "1e400"}, "seconds", "Enter a number"),
            ("raise-budget", {"usd": "-1"}, "usd", "greater than or equal to 0"),
            ("raise-budget", {}, "usd", "Give one"),
        ],
    )
    def test_what_does_not_fit_is_said_at_its_field(
        self, boss: Client, start: Start, verb: str, posted: dict[str, str], field: str, hint: str
    ) -> None:
        run = start()
        before = traces()
        answer = boss.post(address(run, verb), posted)
        assert hint in " ".join(answer.context["form"].errors[field])
        assert "Nothing has been done." in answer.content.decode()
        assert traces() == before


class TestLimits:
    def test_the_form_shows_what_is_spent_and_the_present_limits(self, boss: Client, start: Start) -> None:
        run = start()
        Run.objects.filter(pk=run.pk).update(spent_tokens=50_000, limit_usd="2.5")
        page = boss.get(address(run, "raise-budget")).content.decode()
        assert "50,000 of 200,000 tokens (25 %)" in page
        assert 'name="tokens" value="200000"' in page
        assert 'name="usd" value="2.5"' in page

    def test_only_what_was_changed_is_raised(self, boss: Client, start: Start) -> None:
        run = start()
        seen = {"initial-tokens": "200000", "initial-seconds": "900", "initial-usd": "5", "seconds": "900", "usd": "5"}
        boss.post(address(run, "raise-budget"), {**seen, "tokens": "300000"})
        run.refresh_from_db()
        assert (run.limit_tokens, run.limit_seconds, run.limit_usd) == (300_000, 900, 5)
        assert "tokens from 200,000 to 300,000." in Episode.objects.get(kind="budget_raised").message

    def test_what_somebody_else_raised_meanwhile_is_not_in_the_way(self, boss: Client, start: Start) -> None:
        run = start()
        Run.objects.filter(pk=run.pk).update(limit_seconds=1200)
        seen = {"initial-tokens": "200000", "tokens": "300000", "initial-seconds": "900", "seconds": "900"}
        boss.post(address(run, "raise-budget"), seen)
        run.refresh_from_db()
        assert (run.limit_tokens, run.limit_seconds) == (300_000, 1200)

    def test_a_run_that_ended_for_its_budget_goes_on(self, boss: Client, start: Start) -> None:
        run = start()
        end(run, "budget_exceeded")
        Run.objects.filter(pk=run.pk).update(spent_tokens=250_000)
        low = boss.post(address(run, "raise-budget"), {"tokens": "240000"})
        assert "above what is spent: 250,000" in low.content.decode()
        boss.post(address(run, "raise-budget"), {"tokens": "300000"})
        run.refresh_from_db()
        assert run.status == "queued"


class TestEscaping:
    def inert(self, page: str) -> None:
        assert "window.hacked" in page
        assert "<script>window" not in page
        assert "<img src=x" not in page

    def test_a_hostile_reason_is_inert_wherever_it_is_shown(self, boss: Client, start: Start) -> None:
        run = start()
        self.inert(boss.post(address(run, "cancel"), {"reason": f"{PROBE}{'x' * 1000}"}).content.decode())
        boss.post(address(run, "cancel"), {"reason": PROBE})
        self.inert(page_of(boss, run))
        self.inert(boss.get("/admin/autonomy/episode/").content.decode())

    def test_a_hostile_note_is_inert_wherever_it_is_shown(self, boss: Client, start: Start) -> None:
        run = start()
        self.inert(boss.post(address(run, "fork"), {"note": PROBE, "route": "research"}).content.decode())
        boss.post(address(run, "fork"), {"note": PROBE})
        episode = Run.objects.get(forked_from=run).episodes.get()
        assert PROBE in json.dumps(episode.data, ensure_ascii=False).replace('\\"', '"')
        self.inert(boss.get(f"/admin/autonomy/episode/{episode.pk}/change/").content.decode())

    def test_a_hostile_patch_or_checkpoint_comes_back_inert(self, boss: Client, start: Start) -> None:
        run = start()
        self.inert(boss.post(address(run, "fork"), {"patch": json.dumps({PROBE: 1})}).content.decode())
        self.inert(boss.get(address(run, "fork"), {"checkpoint": PROBE}).content.decode())

    def test_hostile_titles_are_inert_in_forms_kin_and_messages(
        self, boss: Client, superuser: User, start: Start
    ) -> None:
        title = f"{PROBE[:40]} window.hacked"
        run = start(task_spec={"title": title})
        fork, _ = fork_run(run_id=run.pk, actor=superuser)
        for verb in set(POSTED) - {"retry"}:
            self.inert(boss.get(address(run, verb)).content.decode())
        self.inert(page_of(boss, run))
        self.inert(page_of(boss, fork))
        cancel_run(run_id=run.pk, actor=superuser)
        answer = boss.post(
            LIST, {"action": "cancel_selected", "_selected_action": str(run.pk), "index": "0"}, follow=True
        )
        self.inert(answer.content.decode())
        assert "nothing is left to cancel" in answer.content.decode()
