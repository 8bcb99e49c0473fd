"""The pages of a run: the picture, the steps, the log, and who may see which."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from autonomy.console.run_page import drawing
from autonomy.console.run_page.kinds import GROUPS, LOOKS, look_of
from autonomy.episodes.kinds import Kind
from autonomy.models import Episode, Job, Run
from autonomy.selectors.episodes import episodes_of
from autonomy.selectors.path import path, steps
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_console import run_with_rows

pytestmark = pytest.mark.django_db
STEPS = [("plan", "research"), ("research", "draft"), ("draft", "draft"), ("draft", "draft"), ("draft", "critic")]


def tell(run: Run, kind: str, node: str = "", message: str = "So.", **data: Any) -> Episode:
    run.last_seq += 1
    run.save()
    episode = Episode(run=run, seq=run.last_seq, kind=kind, node=node, message=message, data=data)
    episode.attempt = 1 if node else 0
    episode.save()
    return episode


def finish(run: Run, origin: str, target: str, **data: Any) -> Episode:
    run.supersteps, run.route = run.supersteps + 1, target
    facts = {"route_in": origin, "route_out": target, "superstep": run.supersteps, "duration_ms": 120} | data
    return tell(run, Kind.NODE_FINISHED, origin, **facts)


def drafted(**fields: Any) -> Run:
    run = RunFactory(status="running", started_at=timezone.now(), **fields)
    for origin, target in STEPS:
        finish(run, origin, target)
    return run


def page_of(client: Client, run: Run, name: str = "change", **query: Any) -> str:
    answer = client.get(f"/admin/autonomy/run/{run.pk}/{name}/", query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def nodes(page: str) -> dict[str, str]:
    """What the first picture says of each node, the current one with a star."""
    picture = page[page.index('<svg class="graph graph-wide"') :]
    links = re.findall(r'class="graph-node[^"]*" aria-label="(\w+): ([^"]*)"( aria-current="step")?', picture)
    return {name: words + ("*" if current else "") for name, words, current in links[:6]}


class TestPicture:
    def test_it_says_where_a_run_is_and_what_it_has_done(self, boss: Client) -> None:
        told = nodes(page_of(boss, drafted()))
        assert told == {
            "Plan": "done", "Research": "done", "Draft": "done", "Critic": "now*", "Turnitin": "not reached",
            "End": "not reached",
        }  # fmt: skip

    def test_a_run_that_is_queued_has_everything_before_it(self, boss: Client) -> None:
        page = page_of(boss, RunFactory())
        assert nodes(page)["Plan"] == "next*"
        assert "No step is done yet" in page

    def test_a_run_that_waits_says_for_what(self, boss: Client) -> None:
        run = drafted()
        finish(run, "critic", "turnitin_pause")
        run.status = "waiting_human"
        run.save()
        assert nodes(page_of(boss, run))["Turnitin"] == "waits for report*"

    def test_a_revision_counts_how_often_each_node_was_done(self, boss: Client) -> None:
        run = drafted()
        finish(run, "critic", "turnitin_pause")
        finish(run, "turnitin_pause", "critic")
        finish(run, "critic", "plan")
        for origin, target in STEPS:
            finish(run, origin, target)
        page = page_of(boss, run)
        assert nodes(page)["Draft"] == "done 2 times"
        assert "next section ×4" in page
        assert ">revision</text>" in page

    @pytest.mark.parametrize(
        ("status", "outcome", "words"),
        [("failed", "failed", "failed here*"), ("cancelled", "cancelled", "cancelled here*")],
    )
    def test_a_run_that_broke_off_shows_where(self, boss: Client, status: str, outcome: str, words: str) -> None:
        run = drafted()
        run.status, run.outcome, run.ended_at = status, outcome, timezone.now()
        run.save()
        assert nodes(page_of(boss, run))["Critic"] == words

    def test_an_accepted_run_has_arrived(self, boss: Client) -> None:
        run = drafted()
        finish(run, "critic", "END")
        run.status, run.outcome, run.ended_at = "done", "accepted", timezone.now()
        run.save()
        assert nodes(page_of(boss, run))["End"] == "accepted*"

    def test_of_a_run_whose_episodes_are_deleted_nobody_says_that_it_has_not_begun(self, boss: Client) -> None:
        end = {"status": "done", "outcome": "accepted", "route": "END", "ended_at": timezone.now()}
        page = page_of(boss, RunFactory(**end, supersteps=7, episodes_pruned_at=timezone.now()))
        assert nodes(page)["Draft"] == "not known"
        assert nodes(page)["End"] == "accepted*"
        for wrong in ("It has not begun", "No step has been taken", "Nothing has happened", "not reached"):
            assert wrong not in page
        assert "Which way it took is not kept any more" in page

    def test_a_node_leads_to_its_episodes(self, boss: Client) -> None:
        run = drafted()
        assert f'href="/admin/autonomy/run/{run.pk}/log/?node=draft"' in page_of(boss, run)

    def test_the_pictures_are_well_formed_and_stay_within_their_frames(self, boss: Client) -> None:
        for svg in re.findall(r'<svg class="graph .*?</svg>\s*</a>\s*</svg>', page_of(boss, drafted()), re.DOTALL):
            root = ElementTree.fromstring(svg)
            width, height = (float(one) for one in root.attrib["viewBox"].split()[2:])
            for box in root.iter("rect"):
                assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width
                assert float(box.attrib["y"]) + float(box.attrib["height"]) <= height

    @pytest.mark.parametrize("layout", [drawing.WIDE, drawing.NARROW], ids=lambda layout: layout.name)
    def test_every_arrow_that_can_be_taken_can_be_drawn(self, layout: drawing.Layout) -> None:
        width, height = layout.size
        for origin in drawing.PLACES[:-1]:
            for target in drawing.PLACES:
                line, _ = layout.arrow(origin, target)
                numbers = [float(one) for one in re.findall(r"-?[\d.]+", line)]
                assert len(numbers) in (4, 8)
                # The control points of a curve lie beyond it: it bends three quarters of the way.
                assert all(-0.35 * width <= x <= 1.35 * width for x in numbers[::2])
                assert all(-0.9 * height <= y <= 1.9 * height for y in numbers[1::2])

    def test_the_way_is_counted_by_the_database(self) -> None:
        assert path(drafted()) == [
            {"from": "draft", "to": "critic", "count": 1},
            {"from": "draft", "to": "draft", "count": 2},
            {"from": "plan", "to": "research", "count": 1},
            {"from": "research", "to": "draft", "count": 1},
        ]


class TestSteps:
    def test_they_come_newest_first_with_what_each_took(self, boss: Client) -> None:
        run = drafted()
        told = steps(run, limit=3)
        assert [(one["node"], one["next"], one["seconds"]) for one in told["steps"]] == [
            ("draft", "critic", 0.12), ("draft", "draft", 0.12), ("draft", "draft", 0.12),
        ]  # fmt: skip
        assert told["more"]
        page = page_of(boss, run)
        assert "<strong>Draft</strong> done, next is Critic" in page
        assert "120\u00a0ms" in page

    def test_a_step_that_failed_is_among_them_with_its_reason(self, boss: Client) -> None:
        run = drafted()
        tell(run, Kind.STEP_FAILED, "critic", "The provider did not answer.")
        page = page_of(boss, run)
        assert "<strong>Critic</strong> Step failed" in page
        assert "The provider did not answer." in page

    def test_a_wait_is_told_with_what_followed_it(self) -> None:
        run = drafted()
        paused = tell(run, Kind.NODE_PAUSED, "turnitin_pause", route_in="turnitin_pause", route_out="turnitin_pause")
        Episode.objects.filter(pk=paused.pk).update(created_at=timezone.now() - timedelta(hours=2))
        finish(run, "turnitin_pause", "critic")
        newest = steps(run, limit=1 + len(STEPS))["steps"][0]
        assert 7200 <= newest["waited"] < 7260

    def test_what_is_under_way_names_its_worker(self, boss: Client) -> None:
        run = drafted()
        Job.objects.create(
            run=run, user=run.user, kind="continue", state="running", max_attempts=5, attempt=2, worker="worker-7",
            lease_token="5b0d4a4e-9f4c-4a1e-a3f3-3a6b1b5d2f10", lease_expires_at=timezone.now() + timedelta(minutes=1),
            started_at=timezone.now(),
        )  # fmt: skip
        page = page_of(boss, run)
        assert "Critic is under way" in page
        assert "attempt 2 of 5. Worker worker-7." in page


class TestLog:
    def test_the_overview_shows_the_newest_and_leads_to_all(self, boss: Client) -> None:
        run = RunFactory()
        for n in range(40):
            tell(run, Kind.PROGRESS, "draft", f"Part {n + 1}.")
        page = page_of(boss, run)
        assert page.index("Part 40.") < page.index("Part 11.")
        assert "Part 10." not in page
        assert f"/admin/autonomy/run/{run.pk}/log/" in page

    def test_all_of_them_come_page_by_page(self, boss: Client) -> None:
        run = RunFactory()
        Episode.objects.bulk_create(
            Episode(run=run, seq=n, kind="progress", message=f"Part {n}.") for n in range(1, 231)
        )
        first = page_of(boss, run, "log")
        assert "Part 230." in first
        assert "Part 130." not in first
        [older] = re.findall(r'href="\?before=(\d+)"', first)
        second = page_of(boss, run, "log", before=older)
        assert "Part 130." in second
        assert "Part 230." not in second
        assert "The newest" in second

    def test_they_can_be_narrowed_to_a_group_a_kind_and_a_node(self, boss: Client) -> None:
        run = drafted()
        tell(run, Kind.RETRY, "draft", "Asked once more.")
        assert "Asked once more." in page_of(boss, run, "log", show="errors")
        assert "Asked once more." in page_of(boss, run, "log", show="retry", node="draft")
        assert "Asked once more." not in page_of(boss, run, "log", show="nodes")
        assert "There are no such episodes" in page_of(boss, run, "log", show="people")

    @pytest.mark.parametrize(
        "query", [{"before": "x"}, {"before": "9" * 30}, {"show": "\0"}, {"node": "<b>"}, {"before": "²"}]
    )
    def test_an_address_that_asks_for_nonsense_shows_the_newest(self, boss: Client, query: dict[str, str]) -> None:
        assert "So." in page_of(boss, drafted(), "log", **query)

    def test_who_did_it_is_named(self, boss: Client) -> None:
        run = RunFactory()
        Episode.objects.create(run=run, seq=1, kind="cancel_requested", message="Enough.", actor=run.user)
        assert f"by {run.user.get_username()}" in page_of(boss, run, "log")

    def test_an_episode_too_long_for_a_page_is_cut(self, boss: Client) -> None:
        run = RunFactory()
        tell(run, Kind.PREFLIGHT, matches=["x" * 50_000])
        assert len(page_of(boss, run, "log")) < 60_000

    def test_the_script_is_told_where_to_go_on(self, boss: Client) -> None:
        run = drafted()
        page = page_of(boss, run)
        assert f'data-events="/api/v2/runs/{run.pk}/events"' in page
        assert f'data-last-seq="{run.last_seq}"' in page

    def test_without_the_script_it_is_said_how_to_see_what_is_new(self, boss: Client) -> None:
        assert "Reload the page" in page_of(boss, drafted())

    def test_the_log_of_an_ended_run_is_not_followed(self, boss: Client) -> None:
        run = RunFactory(status="cancelled", outcome="cancelled", ended_at=timezone.now())
        assert "data-events" not in page_of(boss, run)

    def test_a_stream_that_is_switched_off_is_not_promised(self, boss: Client, settings: Any) -> None:
        settings.ENABLE_AUTONOMY_V2 = False
        page = page_of(boss, drafted())
        assert "data-events" not in page
        assert "The event stream is switched off" in page

    def test_every_kind_has_its_look_and_every_group_its_kinds(self) -> None:
        assert set(LOOKS) == set(Kind)
        assert {group for look in LOOKS.values() for group in look.groups} == set(GROUPS)

    def test_a_kind_nobody_knows_here_is_shown_by_its_name(self) -> None:
        assert look_of("tea_break").words == "Tea break"

    def test_a_page_of_a_long_log_is_one_query(self, django_assert_num_queries: Any) -> None:
        run = RunFactory()
        Episode.objects.bulk_create(
            Episode(run=run, seq=n, kind="progress", message="So.", actor=run.user) for n in range(1, 300)
        )
        with django_assert_num_queries(1):
            assert len(episodes_of(run, limit=100)["episodes"]) == 100


class TestLive:
    def test_the_parts_are_the_same_as_on_the_page(self, boss: Client) -> None:
        run = drafted()
        whole, parts = page_of(boss, run), page_of(boss, run, "live")
        assert set(re.findall(r'id="(part-[\w-]+)"', whole)) == set(re.findall(r'id="(part-[\w-]+)"', parts))
        assert nodes(parts) == nodes(whole)

    def test_they_are_never_kept(self, boss: Client) -> None:
        answer = boss.get(f"/admin/autonomy/run/{drafted().pk}/live/")
        assert "no-store" in answer["Cache-Control"]

    def test_they_cost_a_bounded_number_of_queries(self, boss: Client, django_assert_max_num_queries: Any) -> None:
        run = drafted()
        with django_assert_max_num_queries(12):
            page_of(boss, run, "live")


class TestPermissions:
    PAGES = ("change", "live", "log", "calls", "sources", "task")

    def test_without_the_right_to_see_runs_there_is_no_page(self) -> None:
        run, client = drafted(), staff("autonomy.add_run")
        for name in self.PAGES:
            assert client.get(f"/admin/autonomy/run/{run.pk}/{name}/").status_code == 403

    def test_a_page_of_what_somebody_may_not_see_is_neither_shown_nor_offered(self) -> None:
        run, client = drafted(), staff("autonomy.view_run")
        page = page_of(client, run)
        assert nodes(page)["Critic"] == "now*"
        for name in ("log", "calls", "sources"):
            assert client.get(f"/admin/autonomy/run/{run.pk}/{name}/").status_code == 403
            assert f'/{run.pk}/{name}/"' not in page
        assert "Episodes, the newest first" not in page
        assert page_of(client, run, "task")

    def test_what_is_shown_is_not_changed(self, boss: Client) -> None:
        run = drafted()
        for name in ("live", "log", "calls", "sources", "task"):
            assert boss.post(f"/admin/autonomy/run/{run.pk}/{name}/").status_code == 405
        assert boss.post(f"/admin/autonomy/run/{run.pk}/change/").status_code == 403


class TestQueries:
    @pytest.mark.parametrize("tab", ["change", "checkpoints", "diff", "calls", "sources", "log", "task"])
    def test_a_page_of_a_run_asks_as_much_of_a_long_run_as_of_a_short_one(self, boss: Client, tab: str) -> None:
        asked = []
        for rows in (3, 120):
            address = reverse(f"admin:autonomy_run_{tab}", args=[run_with_rows(rows).pk])
            boss.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert boss.get(address).status_code == 200
            asked.append(len(queries))
        assert asked[0] == asked[1] <= 16
