"""What is done to many runs at once from their list: first asked, then done run by run, with a reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from autonomy.models import Episode, Run
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_console_verbs import LIST, Start, end, told, traces

pytestmark = pytest.mark.django_db


def choose(client: Client, action: str, *runs: Run, query: str = "", **more: str) -> Any:
    """What a button of the list sends."""
    chosen = [str(run.pk) for run in runs]
    return client.post(f"{LIST}{query}", {"action": action, "_selected_action": chosen, "index": "0", **more})


def confirm(client: Client, action: str, *runs: Run, query: str = "", **given: str) -> Any:
    """What the page that asks sends: its form as it came, with what was filled in."""
    page = choose(client, action, *runs, query=query)
    fields = page.context["form"].fields
    hidden = {name: field.initial for name, field in fields.items() if name == "seen"}
    chosen = [str(line["run"].pk) for line in page.context["fit"]]
    return client.post(
        page.context["list_url"],
        {"action": action, "_selected_action": chosen, "confirmed": "yes", **hidden, **given},
    )


class TestAsking:
    def test_choosing_an_action_asks_and_does_nothing(self, boss: Client, start: Start) -> None:
        first, ended = start(task_spec={"title": "Alive"}), start(task_spec={"title": "Over"})
        end(ended, "accepted")
        before = traces()
        for action in ("cancel_selected", "retry_selected", "raise_selected"):
            assert choose(boss, action, first, ended).status_code == 200
        assert traces() == before
        page = choose(boss, "cancel_selected", first, ended)
        assert [line["run"] for line in page.context["fit"]] == [first]
        assert [(line["run"], line["why_not"]) for line in page.context["unfit"]] == [
            (ended, "The run has ended already (accepted); nothing is left to cancel.")
        ]
        assert "Cancel 1 run<" in page.content.decode()

    def test_where_it_applies_to_none_there_is_no_button(self, boss: Client, start: Start) -> None:
        page = choose(boss, "retry_selected", start()).content.decode()
        assert "Does not apply to 1 run" in page
        assert "Retry 0" not in page
        assert 'name="reason"' not in page

    def test_hostile_titles_are_inert(self, boss: Client, start: Start) -> None:
        run = start(task_spec={"title": "<script>window.hacked=1</script>"})
        page = choose(boss, "cancel_selected", run).content.decode()
        assert "window.hacked" in page
        assert "<script>window" not in page

    @pytest.mark.parametrize("action", ["cancel_selected", "retry_selected", "raise_selected"])
    def test_asking_about_60_runs_takes_no_query_for_each(
        self, boss: Client, action: str, django_assert_max_num_queries: Any
    ) -> None:
        runs = RunFactory.create_batch(60)
        with django_assert_max_num_queries(6):
            assert len(choose(boss, action, *runs).content) > 10_000

    def test_no_more_runs_at_once_than_one_can_wait_for(self, boss: Client) -> None:
        RunFactory.create_batch(201)
        answer = choose(boss, "cancel_selected", Run.objects.all()[0], select_across="1")
        assert told(answer) == ["Choose at most 200 runs at once; nothing has been done."]
        assert not Run.objects.filter(status="cancelled").exists()

    def test_what_was_chosen_by_hand_and_is_no_id_is_said(self, boss: Client) -> None:
        answer = boss.post(LIST, {"action": "cancel_selected", "_selected_action": "nonsense", "index": "0"})
        assert "cannot be read; nothing has been done" in told(answer)[0]

    def test_a_look_at_the_list_with_an_action_does_nothing(self, boss: Client, start: Start) -> None:
        run = start()
        given = {"action": "cancel_selected", "_selected_action": str(run.pk), "index": "0", "confirmed": "yes"}
        boss.get(LIST, given)
        run.refresh_from_db()
        assert run.cancel_requested_at is None


class TestDoing:
    def test_the_confirmed_runs_are_cancelled_with_the_reason_and_logged(
        self, boss: Client, superuser: User, start: Start
    ) -> None:
        first, second, untouched = (start(task_spec={"title": f"Run {n}"}) for n in range(3))
        answer = confirm(boss, "cancel_selected", first, second, reason="A double order.")
        assert told(answer) == ["Cancelled 2 runs. One that a worker is at ends at the next boundary."]
        assert set(Run.objects.filter(status="cancelled")) == {first, second}
        assert {entry.object_id for entry in LogEntry.objects.all()} == {str(first.pk), str(second.pk)}
        asked = Episode.objects.filter(kind="cancel_requested")
        assert {(one.actor, one.data["reason"]) for one in asked} == {(superuser, "A double order.")}
        untouched.refresh_from_db()
        assert untouched.cancel_requested_at is None

    def test_the_failed_runs_are_retried_with_the_reason(self, boss: Client, start: Start) -> None:
        failed = start()
        end(failed, "failed")
        assert told(confirm(boss, "retry_selected", failed, reason="The key was renewed.")) == ["Retried 1 run."]
        failed.refresh_from_db()
        assert failed.status == "queued"
        episode = failed.episodes.get(kind="run_retried")
        assert episode.data["reason"] == "The key was renewed."
        assert "(“The key was renewed.”)" in episode.message

    def test_a_run_that_has_ended_meanwhile_is_named_with_why(self, boss: Client, start: Start) -> None:
        run, other = start(task_spec={"title": "Quick"}), start()
        given = {"action": "cancel_selected", "confirmed": "yes", "_selected_action": [str(run.pk), str(other.pk)]}
        end(run, "accepted")
        done, refused = told(boss.post(LIST, given))
        assert done.startswith("Cancelled 1 run.")
        assert "“Quick”: The run has ended already (accepted); nothing is left to cancel." in refused

    def test_a_run_that_has_left_the_filter_meanwhile_is_still_done(self, boss: Client, start: Start) -> None:
        run = start()
        page = choose(boss, "cancel_selected", run, query="?status__exact=queued")
        Run.objects.filter(pk=run.pk).update(status="running")
        given = {"action": "cancel_selected", "_selected_action": str(run.pk), "confirmed": "yes"}
        answer = boss.post(page.context["list_url"], given)
        assert answer["Location"] == f"{LIST}?status__exact=queued"
        run.refresh_from_db()
        assert run.cancel_requested_at is not None

    def test_each_run_is_permitted_by_itself(self, start: Start) -> None:
        client = staff("autonomy.view_run")
        owner = User.objects.get(pk=client.session["_auth_user_id"])
        mine, other = start(owner=owner), start(task_spec={"title": "Not mine"})
        (line,) = choose(client, "cancel_selected", mine, other).context["unfit"]
        assert line["why_not"].startswith("It is somebody else's")
        given = {"action": "cancel_selected", "confirmed": "yes", "_selected_action": [str(mine.pk), str(other.pk)]}
        done, refused = told(client.post(LIST, given))
        assert done.startswith("Cancelled 1 run.")
        assert "“Not mine”: It is somebody else" in refused
        other.refresh_from_db()
        assert (other.status, other.cancel_requested_at) == ("queued", None)

    def test_who_may_do_it_to_no_run_is_not_offered_it(self, start: Start) -> None:
        run = start()
        client = staff("autonomy.view_run")
        assert "cancel_selected" not in client.get(LIST).content.decode()
        choose(client, "cancel_selected", run, confirmed="yes")
        run.refresh_from_db()
        assert run.cancel_requested_at is None
        page = staff("autonomy.view_run", "autonomy.retry_run").get(LIST).content.decode()
        assert "retry_selected" in page
        assert "cancel_selected" not in page
        assert "raise_selected" not in page

    def test_a_long_list_of_refusals_is_cut(self, boss: Client) -> None:
        chosen = [str(run.pk) for run in RunFactory.create_batch(23)]
        answer = boss.post(LIST, {"action": "retry_selected", "_selected_action": chosen, "confirmed": "yes"})
        (refused,) = told(answer)
        assert refused.startswith("Nothing was done to 23 runs.")
        assert refused.endswith("And 3 more.")

    @pytest.mark.parametrize("reason", ["a\0b", "x" * 1001])
    def test_a_reason_that_cannot_be_kept_comes_back_with_the_form(
        self, boss: Client, start: Start, reason: str
    ) -> None:
        run = start()
        page = confirm(boss, "cancel_selected", run, reason=reason)
        assert page.status_code == 200
        assert "Nothing has been done." in page.content.decode()
        run.refresh_from_db()
        assert run.cancel_requested_at is None


class TestRaising:
    def limits(self, run: Run) -> tuple[int, float, Decimal]:
        run.refresh_from_db()
        return run.limit_tokens, run.limit_seconds, run.limit_usd

    def test_each_limit_is_multiplied(self, boss: Client, start: Start) -> None:
        run = start()
        assert told(confirm(boss, "raise_selected", run, factor="1.5", reason="Longer.")) == [
            "Raised the limits of 1 run."
        ]
        assert self.limits(run) == (300_000, 1350, Decimal("7.5"))
        episode = run.episodes.get(kind="budget_raised")
        assert (episode.data["reason"], episode.data["before"]["tokens"]) == ("Longer.", 200_000)

    def test_a_value_raises_only_the_runs_that_have_less(self, boss: Client, start: Start) -> None:
        less, more = start(), start(task_spec={"title": "Rich"})
        Run.objects.filter(pk=more.pk).update(limit_tokens=900_000)
        done, refused = told(confirm(boss, "raise_selected", less, more, tokens="500000"))
        assert done == "Raised the limits of 1 run."
        assert "“Rich”: None of its limits is below what was asked for." in refused
        assert self.limits(less)[0] == 500_000
        assert self.limits(more)[0] == 900_000, "it is never lowered"

    def test_a_value_takes_the_place_of_the_factor(self, boss: Client, start: Start) -> None:
        run = start()
        confirm(boss, "raise_selected", run, factor="2", tokens="250000")
        assert self.limits(run) == (250_000, 1800, Decimal(10))

    def test_a_form_that_is_sent_twice_raises_once(self, boss: Client, start: Start) -> None:
        run = start()
        page = choose(boss, "raise_selected", run)
        form = {
            "action": "raise_selected", "_selected_action": str(run.pk), "confirmed": "yes", "factor": "2",
            "seen": page.context["form"].fields["seen"].initial,
        }  # fmt: skip
        boss.post(LIST, form)
        assert "None of its limits is below" in told(boss.post(LIST, form))[-1]
        assert self.limits(run)[0] == 400_000

    def test_a_run_that_ended_for_its_budget_goes_on(self, boss: Client, start: Start) -> None:
        run = start()
        end(run, "budget_exceeded")
        confirm(boss, "raise_selected", run, factor="2")
        run.refresh_from_db()
        assert (run.status, run.outcome) == ("queued", "")

    @pytest.mark.parametrize(
        "given",
        [{}, {"factor": "1"}, {"factor": "0.5"}, {"factor": "nan"}, {"factor": "1e9"}, {"tokens": "-1"},
         {"tokens": "1.5"}, {"usd": "inf"}, {"factor": "2", "seen": "forged"}],
    )  # fmt: skip
    def test_what_cannot_be_meant_comes_back_with_the_form(
        self, boss: Client, start: Start, given: dict[str, str]
    ) -> None:
        run = start()
        page = confirm(boss, "raise_selected", run, **given)
        assert page.status_code == 200
        assert page.context["form"].errors
        assert self.limits(run) == (200_000, 900, Decimal(5))

    def test_more_than_a_run_may_have_is_refused_in_words(self, boss: Client, start: Start) -> None:
        (refused,) = told(confirm(boss, "raise_selected", start(), tokens="999999999999"))
        assert refused.startswith("Nothing was done to 1 run.")
