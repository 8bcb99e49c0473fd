"""A run's checkpoints in the console: the list, two compared, one by itself, and what a fork begins with."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.console.diff_parts import shown
from autonomy.console.run_page import checkpoints, diff
from autonomy.models import Checkpoint, Episode, Run
from autonomy.runtime.seeding import seed
from autonomy.services.fork_run import fork_run
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.scripted import write_section
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = [pytest.mark.django_db(transaction=True)]

HOSTILE = '<script>alert("x")</script> & <img src=x onerror=alert(1)>'
Start = Callable[..., Run]


@pytest.fixture
def run(start: Start, model: Any, work: Callable[[], int]) -> Run:
    """One that waits for its first report."""
    run = start()
    work()
    run.refresh_from_db()
    return run


@pytest.fixture
def revised(run: Run, model: Any, work: Callable[[], int]) -> Run:
    """One whose first report was above the target; another draft is written."""
    model.section = lambda request: write_section(request).replace("plainly", "clearly")
    cycle = Cycle.objects.get(run=run)
    deliver_report(
        run_id=run.pk,
        cycle_id=cycle.pk,
        report_url="https://reports.example.org/1",
        observed_similarity=0.4,
        actor=None,
    )
    work()
    run.refresh_from_db()
    return run


def asked(user: Any, **query: str) -> Any:
    request = RequestFactory().get("/", query)
    request.user = user
    return request


def page(part: Any, name: str, run: Run, user: Any, **query: str) -> str:
    request = asked(user, **query)
    return render_to_string(f"console/run/{name}.html", {**part.read(request, run), "run": run}, request)


def ids(run: Run) -> list[str]:
    """The run's checkpoints, the oldest first."""
    return list(Checkpoint.objects.filter(run=run).order_by("checkpoint_id").values_list("checkpoint_id", flat=True))


def compared(run: Run, user: Any, before: str, after: str) -> str:
    return page(diff, "diff", run, user, **{"from": before, "to": after})


def visible(html: str) -> str:
    return " ".join(html.split())


class TestTheList:
    def test_it_says_of_each_checkpoint_which_node_was_done_what_came_of_it_and_what_is_next(
        self, revised: Run, superuser: User
    ) -> None:
        rows = checkpoints.read(asked(superuser), revised)["rows"]
        told = [(row["name"], row["done"], row["told"], row["next"]) for row in rows]
        assert told[-1] == ("The beginning", "", "", "the plan")
        assert told[-2] == ("Superstep 1", "the plan", "1 sections are planned from 1 sources.", "the research")
        rejected = next(one for one in told if "above the target" in one[2])
        assert (rejected[1], rejected[3]) == ("the critic", "the plan")
        assert told[0][1:] == (
            "the critic",
            "The draft passes every gate and is handed off.",
            "the hand-off to Turnitin",
        )
        assert rows[-2]["changed"] == ["plan", "sources"]

    def test_the_last_two_are_chosen_to_be_compared(self, run: Run, superuser: User) -> None:
        html = page(checkpoints, "checkpoints", run, superuser)
        *_, second, newest = ids(run)
        assert f'name="from" value="{second}" aria-label="From: Superstep 3" checked' in html
        assert f'name="to" value="{newest}" aria-label="To: Superstep 4" checked' in html
        assert f'<form method="get" action="/admin/autonomy/run/{run.pk}/diff/"' in html

    def test_each_leads_to_its_draft_its_state_and_a_fork(self, run: Run, superuser: User) -> None:
        html = page(checkpoints, "checkpoints", run, superuser)
        one = Checkpoint.objects.filter(run=run).latest("checkpoint_id")
        for address in (
            f"/admin/autonomy/run/{run.pk}/draft/?checkpoint={one.checkpoint_id}",
            f"/admin/autonomy/checkpoint/{one.pk}/change/",
            f"/admin/autonomy/run/{run.pk}/fork/?checkpoint={one.checkpoint_id}",
        ):
            assert f'href="{address}"' in html

    def test_who_may_neither_fork_nor_see_states_is_offered_neither(self, run: Run) -> None:
        html = page(checkpoints, "checkpoints", run, UserFactory(is_staff=True))
        assert "/fork/" not in html
        assert "/checkpoint/" not in html
        assert "Compare the two chosen" in html

    def test_a_run_with_one_checkpoint_has_nothing_to_compare(self, start: Start, superuser: User) -> None:
        html = page(checkpoints, "checkpoints", start(), superuser)
        assert "The task, before any node had its turn." in html
        assert 'type="radio"' not in html
        assert "Compare" not in html

    def test_it_is_paged(self, run: Run, superuser: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoints, "SHOWN", 2)
        first = page(checkpoints, "checkpoints", run, superuser)
        assert f'href="?before={ids(run)[-2]}"' in first
        assert "The newest" not in first
        second = checkpoints.read(asked(superuser, before=ids(run)[-2]), run)
        assert [row["at"].checkpoint_id for row in second["rows"]] == ids(run)[-3:-5:-1]
        assert second["rows"][0]["told"], "each has its sentence, on whichever page it stands"
        assert 'href="?">The newest' in page(checkpoints, "checkpoints", run, superuser, before=ids(run)[-2])

    @pytest.mark.parametrize("before", ["a\0b", "x" * 100])
    def test_a_place_that_cannot_be_is_the_first_page(self, run: Run, superuser: User, before: str) -> None:
        found = checkpoints.read(asked(superuser, before=before), run)
        assert len(found["rows"]) == 5
        assert not found["later"]

    def test_pruned_checkpoints_and_episodes_are_told_of_and_not_guessed(self, run: Run, superuser: User) -> None:
        Checkpoint.objects.filter(run=run, checkpoint_id__in=ids(run)[:3]).delete()
        Episode.objects.filter(run=run).delete()
        Run.objects.filter(pk=run.pk).update(checkpoints_pruned_at=timezone.now(), checkpoints_kept=2)
        run.refresh_from_db()
        rows = checkpoints.read(asked(superuser), run)["rows"]
        assert [(row["done"], row["told"]) for row in rows] == [("the critic", ""), ("", "")]
        html = visible(page(checkpoints, "checkpoints", run, superuser))
        assert "Older checkpoints were pruned on" in html
        assert "its newest 2 are kept" in html
        assert "Superstep 3" in html
        assert "The beginning" not in html

    def test_forks_are_named_where_they_began_and_lead_back(self, run: Run, superuser: User) -> None:
        begun_with = ids(run)[1]
        fork, _ = fork_run(run_id=run.pk, actor=superuser, checkpoint_id=begun_with, patch={"task": {"title": HOSTILE}})
        html = page(checkpoints, "checkpoints", run, superuser)
        assert f'Forked: <a class="text-link" href="/admin/autonomy/run/{fork.pk}/change/">' in html
        assert "<script>" not in html
        there = page(checkpoints, "checkpoints", fork, superuser)
        assert f"/admin/autonomy/run/{fork.pk}/diff/?from={begun_with}&amp;to={ids(fork)[0]}" in there
        assert "What was changed when it was forked" in there

    def test_its_queries_do_not_grow_with_its_rows(self, revised: Run, django_assert_max_num_queries: Any) -> None:
        owner = revised.user
        with django_assert_max_num_queries(5):  # checkpoints, episodes, forks; two for a permission
            assert len(checkpoints.read(asked(owner), revised)["rows"]) > 9

    def test_the_sentences_of_a_page_come_from_a_bounded_part_of_the_log(
        self, run: Run, superuser: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("autonomy.selectors.checkpoint_history.MOST_EPISODES", 1)
        told = [row["told"] for row in checkpoints.read(asked(superuser), run)["rows"]]
        assert len([one for one in told if one]) == 1


class TestTwoCompared:
    def test_the_parts_are_summed_up_and_lead_to_what_changed(self, revised: Run, superuser: User) -> None:
        ended_first = next(
            one.checkpoint_id
            for one in Checkpoint.objects.filter(run=revised).order_by("checkpoint_id")
            if one.checkpoint["channel_values"]["route"] == "turnitin_pause"
        )
        html = visible(compared(revised, superuser, ended_first, ids(revised)[-1]))
        assert '<a class="text-link" href="#diff-draft">Draft</a><span>1 section changed, +4 −4 words' in html
        assert 'id="diff-draft"' in html
        assert '<a class="text-link" href="#diff-revision">Revision</a><span>0 → 1</span>' in html
        assert "Between the two: 2 provider calls with 30 tokens." in html

    def test_insertions_and_deletions_are_elements_with_words_for_who_cannot_see_them(
        self, revised: Run, superuser: User
    ) -> None:
        html = compared(revised, superuser, ids(revised)[4], ids(revised)[-1])
        assert '<del><span class="diff-unseen">[removed: </span>plainly<span class="diff-unseen">]</span></del>' in html
        assert '<ins><span class="diff-unseen">[added: </span>clearly<span class="diff-unseen">]</span></ins>' in html

    def test_a_long_change_is_a_block_of_its_own_and_a_line_begins_before_its_sign(self) -> None:
        piece = {"op": "added", "text": "\n\nOne.\n\nTwo.\n"}
        assert shown("draft", [piece])[0] == {"op": "added", "block": True, "lead": "", "text": "One.\n\nTwo."}
        assert shown("draft", [{"op": "removed", "text": "\nOne."}])[0]["lead"] == "\n"
        assert shown("draft", [{"op": "same", "text": "One."}]) == [{"op": "same", "text": "One."}]

    def test_links_lead_to_the_pairs_beside_it_and_swap_the_two(self, run: Run, superuser: User) -> None:
        first, second, third, fourth, _ = ids(run)
        html = compared(run, superuser, second, third)
        place = f"/admin/autonomy/run/{run.pk}/diff/"
        for before, after in ((first, second), (third, second), (third, fourth)):
            assert f'href="{place}?from={before}&amp;to={after}"' in html
        assert "← What came before" not in compared(run, superuser, first, second)
        assert "What came after →" not in compared(run, superuser, fourth, ids(run)[4])

    def test_both_sides_can_be_forked_by_who_may(self, run: Run, superuser: User) -> None:
        first, second, *_ = ids(run)
        html = compared(run, superuser, first, second)
        for one in (first, second):
            assert f'href="/admin/autonomy/run/{run.pk}/fork/?checkpoint={one}"' in html
        assert "/fork/" not in compared(run, UserFactory(is_staff=True), first, second)

    def test_the_same_twice_is_said_and_so_is_going_backwards(self, run: Run, superuser: User) -> None:
        first, second, *_ = ids(run)
        assert "That is the same checkpoint twice." in compared(run, superuser, first, first)
        assert "reads as removed here" in compared(run, superuser, second, first)
        assert "reads as removed here" not in compared(run, superuser, first, second)

    def test_two_checkpoints_with_the_same_state_are_said_to_hold_it(self, run: Run, superuser: User) -> None:
        fork, _ = fork_run(run_id=run.pk, actor=superuser, checkpoint_id=ids(run)[2])
        html = compared(fork, superuser, ids(run)[2], ids(fork)[0])
        assert "Both hold the same state." in html
        assert "the run it was forked from</a>" in html

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ({}, "Choose two checkpoints"),
            ({"from": "x"}, "Choose two checkpoints"),
            ({"from": "x", "to": "y"}, "This run has no such checkpoint"),
            ({"from": "a\0b", "to": "y"}, "This run has no such checkpoint"),
            ({"from": "x" * 2000, "to": HOSTILE}, "This run has no such checkpoint"),
        ],
    )
    def test_a_wrong_pair_is_a_sentence_that_says_what_to_do(
        self, run: Run, superuser: User, query: dict[str, str], told: str
    ) -> None:
        html = page(diff, "diff", run, superuser, **query)
        assert told in html
        assert f'href="/admin/autonomy/run/{run.pk}/checkpoints/">Go to the checkpoints' in html
        assert "onerror" not in html

    def test_a_checkpoint_of_another_run_is_not_shown(self, run: Run, start: Start, superuser: User) -> None:
        other = start(task_spec={"topic": "A secret topic"})
        html = compared(run, superuser, ids(run)[0], ids(other)[0])
        assert "This run has no such checkpoint" in html
        assert "secret" not in html

    def test_a_checkpoint_pruned_between_two_looks_is_a_sentence(
        self, run: Run, superuser: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("autonomy.selectors.checkpoint_diff.state_at", lambda *args: None)
        assert "This run has no such checkpoint" in compared(run, superuser, *ids(run)[:2])

    def test_whatever_stands_in_a_state_is_text_on_the_page(self, superuser: User) -> None:
        run = RunFactory()
        first = seed(run.pk, {"run_id": str(run.pk), "journey": "essay", "route": "plan", "revision": 0})  # type: ignore[typeddict-item]
        second = planted(
            run,
            {
                "route": HOSTILE, "revision": 1, "task": {HOSTILE: HOSTILE, "topic": f"{HOSTILE} {HOSTILE}"},
                "plan": {"title": HOSTILE, "sections": [{"id": HOSTILE, "heading": HOSTILE, "question": HOSTILE}]},
                "sources": [{"key": HOSTILE, "title": HOSTILE, "passages": []}], "searched": [HOSTILE],
                "draft": {"markdown": HOSTILE, "sections": [{"id": "s1", "markdown": HOSTILE}], "writers": [HOSTILE]},
                "budgets": {HOSTILE: HOSTILE}, "last_observation": {"kind": HOSTILE},
                "last_verdict": {"outcome": HOSTILE, "note": HOSTILE, "failures": [{"message": HOSTILE}]},
            },
        )  # fmt: skip
        for before, after in ((first, second), (second, first)):
            html = compared(run, superuser, before, after)
            assert "<script>" not in html
            assert "<img" not in html
            assert html.count("&lt;script&gt;") > 12

    def test_its_queries_are_bounded(self, revised: Run, django_assert_max_num_queries: Any) -> None:
        first, *_, last = ids(revised)
        owner = revised.user
        with django_assert_max_num_queries(
            8
        ):  # both rows, each state, the calls, two pairs beside; two for a permission
            page(diff, "diff", revised, owner, **{"from": first, "to": last})


def planted(run: Run, values: dict[str, Any]) -> str:
    """A checkpoint of the run with these channel values besides, written as LangGraph writes one."""
    saver = PostgresSaver()
    newest = saver.get_tuple({"configurable": {"thread_id": str(run.pk), "checkpoint_ns": ""}})
    assert newest is not None
    versions = dict.fromkeys(values, f"{99:032}.0.5")
    checkpoint = {
        **newest.checkpoint,
        "id": "1fffffff-ffff-6fff-8fff-ffffffffffff",
        "channel_values": {**newest.checkpoint["channel_values"], **values},
        "channel_versions": {**newest.checkpoint["channel_versions"], **versions},
    }
    saver.put(newest.config, checkpoint, {"step": 9, "source": "loop"}, versions)  # type: ignore[arg-type]
    return checkpoint["id"]


class TestItsOwnPage:
    def place(self, one: Checkpoint) -> str:
        return f"/admin/autonomy/checkpoint/{one.pk}/change/"

    def test_the_state_is_readable_and_its_json_is_folded(self, boss: Client, run: Run) -> None:
        one = Checkpoint.objects.filter(run=run).latest("checkpoint_id")
        html = visible(boss.get(self.place(one)).content.decode())
        assert "Superstep 4: the critic" in html
        assert "The hand-off to Turnitin is next. Revision 0." in html
        assert "Plan: On sea walls" in html
        assert "by scripted (script-1)" in html
        assert "1 passage chosen" in html or "passages chosen" in html
        assert '<details class="console-fold"><summary>State, as JSON</summary>' in html

    def test_it_leads_to_the_run_its_draft_and_what_changed(self, boss: Client, run: Run) -> None:
        one = Checkpoint.objects.filter(run=run).latest("checkpoint_id")
        html = boss.get(self.place(one)).content.decode()
        for address in (
            f"/admin/autonomy/run/{run.pk}/change/",
            f"/admin/autonomy/run/{run.pk}/checkpoints/",
            f"/admin/autonomy/run/{run.pk}/draft/?checkpoint={one.checkpoint_id}",
            f"/admin/autonomy/run/{run.pk}/diff/?from={one.parent_checkpoint_id}&amp;to={one.checkpoint_id}",
        ):
            assert f'href="{address}"' in html

    def test_the_first_one_has_none_before_it(self, boss: Client, run: Run) -> None:
        html = boss.get(self.place(Checkpoint.objects.filter(run=run).earliest("checkpoint_id"))).content.decode()
        assert "The beginning" in html
        assert "Compare with the one before" not in html

    def test_hostile_states_are_text(self, boss: Client) -> None:
        run = RunFactory()
        seed(run.pk, {"run_id": str(run.pk), "journey": "essay", "route": "plan", "revision": 0})  # type: ignore[typeddict-item]
        planted(run, {"task": {"topic": HOSTILE}, "plan": {"title": HOSTILE, "sections": [{"heading": HOSTILE}]}})
        html = boss.get(self.place(Checkpoint.objects.filter(run=run).latest("checkpoint_id"))).content.decode()
        assert '<script>alert("x")' not in html
        assert "<img src=x" not in html

    def test_one_of_a_graph_within_the_graph_says_so(self, boss: Client, run: Run) -> None:
        one = Checkpoint.objects.create(run=run, namespace="inner", checkpoint_id="x", checkpoint={}, metadata={})
        assert "a graph within the run" in boss.get(self.place(one)).content.decode()

    def test_who_may_only_see_it_is_offered_no_fork(self, run: Run) -> None:
        one = Checkpoint.objects.filter(run=run).latest("checkpoint_id")
        html = staff("autonomy.view_checkpoint").get(self.place(one)).content.decode()
        assert "Fork from here" not in html
        assert "Go to the run" not in html


class TestWhatAForkBeginsWith:
    def told(self, boss: Client, run: Run, checkpoint_id: str = "") -> str:
        answer = boss.get(f"/admin/autonomy/run/{run.pk}/fork/", {"checkpoint": checkpoint_id})
        return visible(answer.content.decode())

    def test_the_newest_is_told_in_words(self, boss: Client, run: Run) -> None:
        told = self.told(boss, run)
        assert "What is chosen here: Superstep 4: the hand-off to Turnitin is next. Revision 0; draft:" in told
        assert re.search(r"draft: \d\d words in 1 section; 1 source\.", told)

    def test_so_is_the_one_that_was_chosen_elsewhere(self, boss: Client, run: Run) -> None:
        html = self.told(boss, run, ids(run)[1])
        assert "Superstep 1: the research is next. Revision 0; draft: no draft yet; 1 source." in html

    def test_where_the_run_ended_it_says_what_to_choose(self, boss: Client, run: Run) -> None:
        ended = timezone.now() - timedelta(minutes=1)
        Run.objects.filter(pk=run.pk).update(status="cancelled", outcome="cancelled", ended_at=ended)
        assert "The run ended here: choose below where the fork goes on." in self.told(boss, run)
        assert "The run ended here" not in self.told(boss, run, ids(run)[1])

    def test_of_one_that_is_not_there_nothing_is_told(self, boss: Client, run: Run) -> None:
        for checkpoint_id in ("nothing", "a\0b", "x" * 100):
            assert "What is chosen here" not in self.told(boss, run, checkpoint_id)
