"""Runs as a whole in the console: a start that starts once, what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from autonomy.console.outlook import outlook
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.services.schedule_run import schedule_run
from autonomy.tests.test_console import START, asked
from autonomy.tests.test_console_verbs import COMMITTED, LIST, SOON, Start, end, told

pytestmark = pytest.mark.django_db


class TestStart:
    def key(self, client: Client) -> str:
        return str(client.get(START).context["form"]["idempotency_key"].value())

    def test_each_form_has_a_key_of_its_own(self, boss: Client) -> None:
        first, second = self.key(boss), self.key(boss)
        assert first != second
        assert len(first) == 36

    def test_a_form_that_is_sent_twice_starts_one_run(self, boss: Client) -> None:
        form = asked(idempotency_key=self.key(boss))
        first, again = boss.post(START, form), boss.post(START, form)
        run = Run.objects.get()
        assert first["Location"] == again["Location"] == f"{LIST}{run.pk}/change/"
        assert told(again)[-1] == "The form was sent twice; it started one run: “Rising seas”."
        assert LogEntry.objects.count() == 1

    def test_a_form_that_was_changed_after_it_was_sent_says_so_and_gets_a_new_key(self, boss: Client) -> None:
        form = asked(idempotency_key=self.key(boss))
        boss.post(START, form)
        run = Run.objects.get()
        answer = boss.post(START, form | {"topic": "Falling seas"})
        page = answer.content.decode()
        assert "This form was sent before with other contents" in page
        assert f"{LIST}{run.pk}/change/" in page
        assert "Falling seas" in page
        new = answer.context["form"]["idempotency_key"].value()
        assert new != form["idempotency_key"]
        assert f'value="{new}"' in page
        assert Run.objects.count() == 1
        boss.post(START, form | {"topic": "Falling seas", "idempotency_key": new})
        assert Run.objects.count() == 2

    def test_a_form_with_errors_keeps_its_key(self, boss: Client) -> None:
        form = asked(idempotency_key=self.key(boss), topic="x")
        assert boss.post(START, form).context["form"]["idempotency_key"].value() == form["idempotency_key"]

    def test_a_meddled_key_is_no_server_error(self, boss: Client) -> None:
        for key in ("x" * 300, "schlüssel", "a\0b"):
            assert boss.post(START, asked(idempotency_key=key)).status_code == 200
        assert not Run.objects.exists()

    @COMMITTED
    def test_a_run_is_started_for_later(self, boss: Client) -> None:
        boss.post(START, asked(scheduled_at=f"{SOON:%Y-%m-%dT%H:%M}"))
        assert Job.objects.get().scheduled_at == SOON
        assert queue.claim() is None
        assert outlook(Run.objects.get()).startswith("The run is scheduled for")

    @pytest.mark.parametrize(("at", "hint"), [("2999-01-01T08:00", "within a year"), ("soon", "valid date/time")])
    def test_a_time_that_does_not_fit_is_said_at_its_field(self, boss: Client, at: str, hint: str) -> None:
        assert hint in " ".join(boss.post(START, asked(scheduled_at=at)).context["form"].errors["scheduled_at"])
        assert not Run.objects.exists()


class TestOutlook:
    @COMMITTED
    def test_a_run_whose_job_was_just_claimed_is_in_good_hands(self, start: Start) -> None:
        run = start()
        queue.claim()
        assert outlook(run).startswith("A worker is on it: the plan is next.")

    def test_a_scheduled_run_says_when_it_starts(self, start: Start, superuser: User) -> None:
        run = start()
        schedule_run(run_id=run.pk, actor=superuser, at=datetime.now(UTC) + timedelta(days=3, minutes=1))
        said = outlook(run)
        assert "in 3\u00a0days" in said
        assert "starts with the plan" in said

    @pytest.mark.parametrize(
        ("how", "way_on"), [("failed", "Retried, it goes on"), ("budget_exceeded", "limits are raised, it goes on")]
    )
    def test_an_ended_run_says_how_it_can_go_on(self, start: Start, how: str, way_on: str) -> None:
        run = start()
        end(run, how)
        assert way_on in outlook(run)
