"""Forks, from the console: the form, the checkpoint's page, and what the pages of both runs say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from autonomy.models import Checkpoint, Run
from autonomy.services.fork_run import fork_run
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_console_verbs import COMMITTED, LIST, Start, address, end, page_of

pytestmark = pytest.mark.django_db


class TestFork:
    def fork_of(self, run: Run) -> Run:
        return Run.objects.get(forked_from=run)

    def test_it_leads_to_the_fork_and_is_in_the_log_of_both(self, boss: Client, superuser: User, start: Start) -> None:
        run = start()
        answer = boss.post(address(run, "fork"))
        fork = self.fork_of(run)
        assert answer["Location"] == f"{LIST}{fork.pk}/change/"
        assert (fork.user, fork.started_by, fork.status) == (run.user, superuser, "queued")
        assert set(LogEntry.objects.values_list("object_id", "action_flag")) == {
            (str(run.pk), CHANGE), (str(fork.pk), ADDITION),
        }  # fmt: skip

    def test_route_note_and_patch_become_one_patch(self, boss: Client, start: Start) -> None:
        run = start()
        posted = {"route": "plan", "note": "Say less of resorts.", "patch": '{"task": {"words": 120}}'}
        boss.post(address(run, "fork"), posted)
        fork = self.fork_of(run)
        assert fork.task_spec["words"] == 120
        assert fork.episodes.get().data["patch"] == {
            "route": "plan", "last_verdict": {"note": "Say less of resorts."}, "task": {"words": 120},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("posted", "field", "hint"),
        [
            ({"patch": '{"sources": []}'}, "patch", "sources: There is no such field."),
            ({"patch": '{"task": {"words": 1}}'}, "patch", "task.words: It must be"),
            ({"patch": "[1]"}, "patch", "It must be a JSON object"),
            ({"patch": "{words"}, "patch", "It is not JSON"),
            ({"patch": "[" * 100_000}, "patch", "nested too deeply"),
            ({"patch": f'{{"a": {"9" * 5000}}}'}, "patch", "It is not JSON"),
            ({"patch": '{"task": {"words": NaN}}'}, "patch", "no NaN"),
            ({"patch": '{"task": {"topic": "a\\u0000b"}}'}, "patch", "NUL character"),
            ({"patch": '{"route": "plan"}', "route": "plan"}, "patch", "leave route out"),
            ({"patch": '{"last_verdict": {"note": "x"}}', "note": "y"}, "patch", "leave last_verdict out"),
            ({"route": "research"}, "route", "must hold plan and sources"),
            ({"route": "END"}, "route", "not one of the available choices"),
            ({"note": "x" * 5001}, "note", "at most 5000"),
            ({"checkpoint_id": "nothing"}, "checkpoint_id", "There is no such checkpoint."),
            ({"checkpoint_id": "a\0b"}, "checkpoint_id", "Null characters"),
        ],
    )
    def test_a_wrong_fork_is_refused_at_its_field(
        self, boss: Client, start: Start, posted: dict[str, str], field: str, hint: str
    ) -> None:
        run = start()
        answer = boss.post(address(run, "fork"), posted)
        assert hint in " ".join(answer.context["form"].errors[field])
        assert Run.objects.count() == 1

    def test_where_a_run_ended_the_form_asks_where_to_go_on(self, boss: Client, start: Start) -> None:
        run = start()
        end(run, "failed")
        answer = boss.post(address(run, "fork"))
        assert "say where the fork goes on" in " ".join(answer.context["form"].errors["route"])
        boss.post(address(run, "fork"), {"route": "plan"})
        assert self.fork_of(run).route == "plan"

    @COMMITTED
    def test_it_begins_at_the_chosen_checkpoint(
        self, boss: Client, start: Start, model: Any, work: Callable[[], int]
    ) -> None:
        run = start()
        work()
        page = boss.get(address(run, "fork")).content.decode()
        assert "The newest" in page
        assert "Superstep 3: the critic is next" in page
        chosen = Checkpoint.objects.get(run=run, checkpoint__channel_values__route="draft")
        boss.post(address(run, "fork"), {"checkpoint_id": chosen.checkpoint_id})
        fork = self.fork_of(run)
        assert (fork.route, fork.forked_from_checkpoint) == ("draft", chosen.checkpoint_id)

    def test_a_checkpoint_s_page_leads_there(self, boss: Client, start: Start) -> None:
        run = start()
        row = Checkpoint.objects.get(run=run)
        link = f"{address(run, 'fork')}?checkpoint={row.checkpoint_id}"
        place = f"/admin/autonomy/checkpoint/{row.pk}/change/"
        assert f'href="{link}"' in boss.get(place).content.decode()
        assert f'<option value="{row.checkpoint_id}" selected>' in boss.get(link).content.decode()
        looker = staff("autonomy.view_checkpoint", "autonomy.view_run")
        assert link not in looker.get(place).content.decode()
        forker = staff("autonomy.view_checkpoint", "autonomy.fork_run")
        assert link in forker.get(place).content.decode()

    def test_a_checkpoint_that_is_not_among_the_newest_can_be_chosen(self, boss: Client, start: Start) -> None:
        run = start()
        page = boss.get(address(run, "fork"), {"checkpoint": "older"}).content.decode()
        assert '<option value="older" selected>' in page

    def test_the_pages_of_both_runs_name_each_other(self, boss: Client, superuser: User, start: Start) -> None:
        run = start()
        fork, _ = fork_run(run_id=run.pk, actor=superuser, patch={"task": {"title": "Another title"}})
        row = Checkpoint.objects.get(run=run)
        page = page_of(boss, fork)
        assert f'href="{LIST}{run.pk}/change/">{run.title}</a>' in page
        assert f'href="/admin/autonomy/checkpoint/{row.pk}/change/">{row.checkpoint_id}</a>' in page
        assert f'href="{LIST}{fork.pk}/change/">Another title</a>' in page_of(boss, run)

    def test_a_run_without_kin_says_nothing_of_it(self, boss: Client, start: Start) -> None:
        page = page_of(boss, start())
        assert "Forked from" not in page
        assert "Forks" not in page

    def test_many_forks_are_a_link_to_the_list(self, boss: Client) -> None:
        run = RunFactory()
        RunFactory.create_batch(11, forked_from=run, forked_from_checkpoint="gone", title="A fork")
        everything = f"{LIST}?forked_from__id__exact={run.pk}"
        page = page_of(boss, run)
        assert page.count(">A fork</a>") == 10
        assert f'href="{everything}"' in page
        assert len(boss.get(everything).context["cl"].result_list) == 11
        assert "gone" in page_of(boss, Run.objects.filter(forked_from=run)[0])
