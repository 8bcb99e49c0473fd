"""The console's home page: what needs a person, what goes on, what it costs, how the providers are."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from autonomy.models import Job, ProviderCall, Run
from autonomy.providers.breaker import breaker
from autonomy.runtime import workers
from autonomy.selectors import overview
from autonomy.selectors.daily_spend import daily_spend
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory, UserFactory, tell
from config.language_models import LanguageModelSpec
from turnitin.console.outlook import needs_person
from turnitin.console.waiting import for_person
from turnitin.models import Cycle, Submission

pytestmark = pytest.mark.django_db
HOME = "/admin/"
PROBE = "<script>window.hacked = 1</script>"
CALM = "Nothing needs a person."
ALL = ["autonomy.view_run", "autonomy.view_job", "autonomy.view_providercall"]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What is kept for a minute, and who was alive a moment ago, is another test's."""
    cache.clear()
    client = workers._client()
    client.delete(workers.KEY)
    workers._next.clear()
    yield
    client.delete(workers.KEY)


def page(client: Client) -> str:
    answer = client.get(HOME)
    assert answer.status_code == 200
    return answer.content.decode()


def part(text: str, name: str) -> str:
    """A section of the page, as it reads."""
    section = text.split(f'aria-labelledby="home-{name}"')[1].split("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", section).split())


def ended(outcome: str, ago: timedelta = timedelta(hours=1), **fields: Any) -> Run:
    status = "failed" if outcome == "failed" else "done"
    return RunFactory(status=status, outcome=outcome, ended_at=timezone.now() - ago, **fields)


def waiting(ago: timedelta = timedelta(hours=1), **fields: Any) -> Cycle:
    cycle = Cycle.objects.create(
        run=RunFactory(status="waiting_human", route="turnitin_pause", **fields), number=1, target_similarity=0.15
    )
    Cycle.objects.filter(pk=cycle.pk).update(opened_at=timezone.now() - ago)
    return cycle


def job(run: Run, **fields: Any) -> Job:
    return Job.objects.create(run=run, user=run.user, kind="start", max_attempts=3, **fields)


def running(run: Run, worker: str = "host:7", **fields: Any) -> Job:
    lease = {"lease_token": uuid.uuid4(), "lease_expires_at": timezone.now() + timedelta(minutes=1)} | fields
    return job(run, state="running", worker=worker, attempt=1, **lease)


def call(run: Run, provider: str = "first", outcome: str = "ok", ago: timedelta = timedelta(0), **fields: Any) -> None:
    given = {"kind": "llm", "usd": Decimal("0.25"), "tokens_in": 100, "estimated": outcome in ("pending", "lost")}
    made = ProviderCall.objects.create(run=run, provider=provider, attempt=1, outcome=outcome, **given | fields)
    ProviderCall.objects.filter(pk=made.pk).update(created_at=timezone.now() - ago)


class TestNeedsAPerson:
    def test_where_nothing_is_the_matter_one_calm_sentence_says_so(self, boss: Client) -> None:
        text = part(page(boss), "needs")
        assert CALM in text
        assert "listed here for 7 days" in text

    def test_a_run_that_waits_for_a_report_is_listed_with_the_way_to_deliver_it(self, boss: Client) -> None:
        cycle = waiting(timedelta(hours=3), title="Sea walls", user=UserFactory(username="ines"))
        text = page(boss)
        assert CALM not in text
        told = part(text, "needs")
        for words in ("Waiting for a report 1", "Sea walls", "Hand-off 1 waits", "ines · waiting for 3 hours"):
            assert words in told
        assert f'href="{reverse("admin:turnitin_cycle_report", args=[cycle.pk])}"' in text
        assert f'href="{reverse("admin:autonomy_run_change", args=[cycle.run_id])}"' in text

    def test_the_run_that_has_waited_longest_comes_first_and_beyond_five_there_is_the_list(self, boss: Client) -> None:
        for number in range(7):
            waiting(timedelta(hours=number + 1), title=f"Run {number}.")
        text = page(boss)
        titles = re.findall(r"Run \d\.", part(text, "needs"))
        assert titles == ["Run 6.", "Run 5.", "Run 4.", "Run 3.", "Run 2."]
        assert "Waiting for a report 7" in part(text, "needs")
        assert "?status__exact=waiting_human" in text

    def test_a_report_that_turnitin_brings_by_itself_needs_nobody(self, boss: Client, env: Any) -> None:
        env(turnitin_mode="core_api")
        one, other = waiting(title="Sea walls"), waiting(title="Dunes")
        now = timezone.now()
        Submission.objects.create(cycle=one, state="scanning", turnitin_id="1", due_at=now, overdue_at=now)
        Submission.objects.create(cycle=other, state="failed", trouble=f"Turnitin cannot read it. {PROBE}")
        text = part(page(boss), "needs")
        assert "Sea walls" not in text
        assert "Waiting for a report 1 Dunes Hand-off 1: Turnitin cannot read it." in text
        assert "1 run waits for a report that Autonomy fetches from Turnitin; nobody has to do anything." in text
        assert "It is overdue; Turnitin is asked on." in text
        assert PROBE not in page(boss)

    @pytest.mark.parametrize("mode", ["manual", "core_api"])
    def test_the_list_and_the_run_s_page_agree_on_whom_a_report_comes_from(self, mode: str, env: Any) -> None:
        env(turnitin_mode=mode)
        now = timezone.now()
        waiting()
        for state in Submission.State:
            known = {"turnitin_id": state} if state != "to_create" else {}
            done = {"similarity": 0.1, "completed_at": now} if state == "complete" else {}
            Submission.objects.create(cycle=waiting(), state=state, due_at=now, **known, **done)
        listed = set(Cycle.objects.filter(for_person()).values_list("pk", flat=True))
        every = Cycle.objects.select_related("submission")
        assert listed == {one.pk for one in every if needs_person(getattr(one, "submission", None))}

    def test_a_report_that_is_there_already_needs_nobody(self, boss: Client) -> None:
        from turnitin.tests.moves import made_ready

        made_ready(waiting())
        assert CALM in part(page(boss), "needs")

    def test_a_failed_run_is_listed_with_its_reason_and_may_be_retried(self, boss: Client) -> None:
        run = ended("failed", title="Dunes", reason="All models failed.\nAnd this is for the page of the run.")
        text = page(boss)
        assert "Failed 1 Dunes All models failed. " in part(text, "needs")
        assert "for the page of the run" not in text
        assert f'href="{reverse("admin:autonomy_run_retry", args=[run.pk])}"' in text
        assert "failed 1 hour ago" in part(text, "needs")

    def test_a_run_that_ended_at_a_limit_is_listed_and_its_limits_may_be_raised(self, boss: Client) -> None:
        run = ended("budget_exceeded", title="Reefs", reason="900 of 900 tokens are spent.")
        text = page(boss)
        assert "Ended at a limit 1 Reefs 900 of 900 tokens are spent." in part(text, "needs")
        assert f'href="{reverse("admin:autonomy_run_raise-budget", args=[run.pk])}"' in text

    def test_the_newest_failures_come_first_and_the_list_has_the_rest(self, boss: Client) -> None:
        for number in range(6):
            ended("failed", timedelta(hours=number), title=f"Run {number}.")
            ended("budget_exceeded", timedelta(hours=number), title=f"Limit {number}.")
        text = page(boss)
        assert re.findall(r"Run \d\.", part(text, "needs")) == [f"Run {n}." for n in range(5)]
        assert re.findall(r"Limit \d\.", part(text, "needs")) == [f"Limit {n}." for n in range(5)]
        assert "?status__exact=failed" in text
        assert "?outcome__exact=budget_exceeded" in text

    def test_what_failed_more_than_a_week_ago_and_what_ended_well_is_not_listed(self, boss: Client) -> None:
        ended("failed", timedelta(days=8))
        ended("budget_exceeded", timedelta(days=8))
        for outcome in ("accepted", "revisions_exhausted"):
            ended(outcome)
        RunFactory(status="cancelled", outcome="cancelled", ended_at=timezone.now())
        assert CALM in part(page(boss), "needs")

    def test_they_are_found_by_their_end_among_many_that_are_done(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert "run_ended_early" in overview.ended_early("failed")[:5].explain()

    def test_the_links_lead_to_lists_that_have_those_runs(self, boss: Client) -> None:
        for outcome in ("failed", "budget_exceeded"):
            for number in range(6):
                ended(outcome, title=f"{outcome} {number}")
        for _ in range(6):
            waiting(title="waiting")
        links = re.findall(r'href="(/admin/autonomy/run/\?[^"]+)"', part_html(page(boss), "needs"))
        assert len(links) == 3
        for link, title in zip(links, ("waiting", "failed", "budget_exceeded"), strict=True):
            answer = boss.get(link)
            assert answer.status_code == 200
            found = answer.context["cl"].result_list
            assert len(found) == 6
            assert all(title in run.title for run in found)

    def test_who_may_not_do_it_is_not_offered_it(self) -> None:
        waiting(), ended("failed"), ended("budget_exceeded")
        text = part(page(staff("autonomy.view_run")), "needs")
        for words in ("Deliver the report", "Retry", "Raise limits"):
            assert words not in text
        may = ["turnitin.deliver_report", "autonomy.retry_run", "autonomy.raise_budget"]
        text = part(page(staff("autonomy.view_run", *may)), "needs")
        for words in ("Deliver the report", "Retry", "Raise limits"):
            assert words in text

    def test_titles_and_reasons_are_text(self, boss: Client) -> None:
        waiting(title=PROBE)
        ended("failed", title=PROBE, reason=PROBE)
        run = RunFactory(status="running", title=PROBE, started_at=timezone.now())
        tell(run, PROBE)
        text = page(boss)
        assert PROBE not in text
        assert text.count("&lt;script&gt;window.hacked") >= 5


class TestRunningNow:
    def test_runs_under_way_are_listed_with_what_is_next_and_what_was_last(self, boss: Client) -> None:
        run = RunFactory(status="running", route="draft", revision=1, title="Groynes", spent_tokens=50_000)
        running(run, "host:42")
        tell(run, "Section 2 of 5 is written.")
        text = part(page(boss), "running")
        assert "Groynes Next: the draft, revision 1 of 3." in text
        assert "less than a minute ago: Section 2 of 5 is written." in text
        assert "on host:42" in text
        assert "50,000 of 200,000 tokens · 25 %" in text

    def test_that_which_has_stood_still_for_longest_comes_first_and_eight_are_shown(self, boss: Client) -> None:
        for number in range(10):
            run = RunFactory(status="running", title=f"Run {number}.")
            Run.objects.filter(pk=run.pk).update(updated_at=timezone.now() - timedelta(minutes=number))
        text = page(boss)
        assert re.findall(r"Run \d\.", part(text, "running")) == [f"Run {n}." for n in range(9, 1, -1)]
        assert "All 10 runs under way" in part(text, "running")

    def test_a_run_that_is_being_cancelled_says_so(self, boss: Client) -> None:
        RunFactory(status="running", cancel_requested_at=timezone.now())
        assert "Cancelling was asked for." in part(page(boss), "running")

    def test_the_queue_is_told_by_what_is_due_later_and_running(self, boss: Client) -> None:
        now = timezone.now()
        job(RunFactory(), scheduled_at=now - timedelta(seconds=90))
        job(RunFactory(), scheduled_at=now - timedelta(seconds=10))
        job(RunFactory(), scheduled_at=now + timedelta(hours=1))
        running(RunFactory(status="running"))
        running(RunFactory(status="running"), lease_expires_at=now - timedelta(seconds=1))
        job(ended("failed"), state="done", finished_at=now)
        workers.seen("host:1")
        told = overview.queue()
        assert 90 <= told.pop("oldest_due_seconds") < 120
        assert told == {"due": 2, "later": 1, "running": 2, "expired": 1}
        text = part(page(boss), "running")
        for words in ("Runs with a worker 2 1 with an expired lease", "Jobs due 2 the oldest for 1 min", "later 1"):
            assert words in text
        assert "Workers alive 1" in text
        assert "host:1" in text

    def test_an_empty_queue_is_an_empty_queue(self, boss: Client) -> None:
        assert overview.queue()["oldest_due_seconds"] is None
        text = part(page(boss), "running")
        assert "Jobs due 0" in text
        assert "No run is under way." in text

    def test_work_and_no_worker_is_said_first(self, boss: Client) -> None:
        job(RunFactory())
        text = part(page(boss), "needs")
        assert "A job is due and no worker is alive." in text
        assert CALM not in text
        workers.seen("host:1")
        assert CALM in part(page(boss), "needs")

    def test_no_work_and_no_worker_is_said_without_alarm(self, boss: Client) -> None:
        text = page(boss)
        assert CALM in part(text, "needs")
        assert "No worker is alive. A run that is started now waits" in part(text, "running")

    def test_without_redis_the_page_says_that_it_does_not_know(self, boss: Client, monkeypatch: Any) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        nowhere = redis.Redis(unix_socket_path="/nowhere.sock", retry=Retry(NoBackoff(), 0))
        monkeypatch.setattr(workers, "_client", lambda: nowhere)
        job(RunFactory())
        text = page(boss)
        assert "Workers alive not known" in part(text, "running")
        assert "Redis does not answer, so nobody can tell which workers are alive." in part(text, "running")
        assert "no worker is alive" not in part(text, "needs")


class TestSpend:
    def test_a_month_without_calls_cost_nothing(self, boss: Client) -> None:
        assert "No provider was called in" in part(page(boss), "spend")

    def test_it_is_told_by_provider_for_today_and_for_the_month(self, boss: Client, noon_of_the_20th: None) -> None:
        run = RunFactory()
        call(run, "first", usd=Decimal("1.50"))
        call(run, "first", ago=timedelta(days=3), usd=Decimal("2.25"))
        call(run, "second", ago=timedelta(days=3), usd=Decimal("10"), outcome="lost")
        call(run, "second", ago=timedelta(days=25), usd=Decimal("99"))
        call(run, "second", usd=Decimal("99"), outcome="pending")
        text = part(page(boss), "spend")
        assert "Today $1.50" in text
        assert "May 2026 $13.75" in text
        assert "second Language model – $10.00 first Language model $1.50 $3.75" in text
        assert "99" not in text
        assert "The most on 17 May: $12.25" in text
        assert "17 May $12.25" in text
        assert "18 May –" in text
        assert "21 May" not in text

    def test_days_begin_at_midnight_in_utc(self, noon_of_the_20th: None) -> None:
        run = RunFactory()
        call(run, ago=timedelta(hours=12), usd=Decimal(1))
        call(run, ago=timedelta(hours=12, seconds=1), usd=Decimal(2))
        told = daily_spend()
        assert told["total"]["today"]["usd"] == 1
        assert {one["day"].day: one["usd"] for one in told["days"] if one["usd"]} == {19: 2, 20: 1}

    def test_what_has_no_known_price_is_said_and_is_not_nought(self, boss: Client) -> None:
        run = RunFactory()
        call(run, "local", usd=None)
        call(run, "local", usd=None, outcome="retryable", tokens_in=0)
        text = part(page(boss), "spend")
        assert "Today – and 1 call of unknown price" in text
        assert "$0.00" not in text
        assert "What calls of unknown price cost is not in these sums." in text
        call(run, "first")
        cache.clear()
        assert "Today $0.25 and 1 call of unknown price" in part(page(boss), "spend")

    def test_the_bars_of_the_days_are_as_high_as_their_spend(self, boss: Client, noon_of_the_20th: None) -> None:
        run = RunFactory()
        call(run, usd=Decimal(5))
        call(run, usd=Decimal(10), ago=timedelta(days=1))
        call(run, usd=None, ago=timedelta(days=2))
        chart = boss.get(HOME).context["spend"]
        bars = {int(bar["title"][:2]): (bar["kind"], bar["height"]) for bar in chart["bars"]}
        assert [*bars] == [*range(1, 21)], "what is to come has none"
        assert (bars[20], bars[19], bars[18], bars[17]) == (("today", 30), ("past", 60), ("unknown", 4), ("past", 0))

    def test_the_answer_is_kept_for_a_minute(self, boss: Client) -> None:
        run = RunFactory()
        call(run)
        page(boss)
        call(run)
        assert "Today $0.25" in part(page(boss), "spend")
        cache.clear()
        assert "Today $0.50" in part(page(boss), "spend")

    def test_days_before_yesterday_are_added_up_once_in_an_hour(self, noon_of_the_20th: None) -> None:
        run = RunFactory()
        for days in range(4):
            call(run, ago=timedelta(days=days), usd=Decimal(1))
        assert daily_spend()["total"]["month"]["usd"] == 4
        for days in range(4):
            call(run, ago=timedelta(days=days), usd=Decimal(10))
        cache.delete("autonomy:daily-spend:2026-05-20")
        with CaptureQueriesContext(connection) as asked:
            told = daily_spend()
        assert {one["day"].day: one["usd"] for one in told["days"] if one["usd"]} == {17: 1, 18: 1, 19: 11, 20: 11}
        (query,) = asked.captured_queries
        assert "2026-05-19" in query["sql"]
        cache.clear()
        assert daily_spend()["total"]["month"]["usd"] == 44

    @pytest.mark.parametrize("day", [1, 2, 3])
    def test_a_month_begins_with_its_first_day(self, day: int, monkeypatch: pytest.MonkeyPatch) -> None:
        noon = datetime(2026, 5, day, 12, tzinfo=UTC)
        monkeypatch.setattr("django.utils.timezone.now", lambda: noon)
        run = RunFactory()
        for days in range(4):
            call(run, ago=timedelta(days=days), usd=Decimal(1))
        for _ in range(2):
            assert daily_spend()["total"]["month"]["usd"] == day
            assert daily_spend()["total"]["today"]["usd"] == 1
            cache.delete(f"autonomy:daily-spend:{noon.date()}")

    def test_the_month_is_found_by_its_time(self) -> None:
        with CaptureQueriesContext(connection) as asked:
            daily_spend()
        months = """
            INSERT INTO autonomy_provider_calls (run_id, operation_id, kind, provider, model, node, attempt, outcome,
              tokens_in, tokens_out, tokens_cached, estimated, latency_ms, error, created_at)
            SELECT %s, gen_random_uuid(), 'llm', 'first', '', '', 1, 'ok', 1, 1, 0, false, 1, '',
              now() - (20000 - n) * interval '1 hour' FROM generate_series(1, 20000) n"""
        with connection.cursor() as cursor:
            cursor.execute(months, [RunFactory().pk])
            cursor.execute("SELECT brin_summarize_new_values('provider_call_by_time')")
            cursor.execute("ANALYZE autonomy_provider_calls")
            cursor.execute(f"EXPLAIN {asked[0]['sql']}")
            assert "provider_call_by_time" in "\n".join(row[0] for row in cursor.fetchall())


class TestProviders:
    @pytest.fixture(autouse=True)
    def configured(self, env: Any) -> None:
        specs = [
            LanguageModelSpec(kind="openai", name=name, base_url="http://127.0.0.1:1/v1", model=f"{name}-model")
            for name in ("first", "second")
        ]
        env(autonomy_language_models=specs, autonomy_search=["crossref"])

    def test_all_is_well_in_one_sentence(self, boss: Client) -> None:
        text = part(page(boss), "health")
        assert "All 3 providers are in use." in text
        assert "first Language model · first-model In use" in text

    def test_one_that_is_left_alone_comes_first_with_until_when_and_why(self, boss: Client) -> None:
        breaker().cool("llm:second", 60, "quota is used up")
        call(RunFactory(), "second", outcome="retryable", error=f"HTTP 429 {PROBE}", ago=timedelta(minutes=2))
        text = page(boss)
        told = part(text, "health")
        assert "2 of 3 providers are in use." in told
        assert told.index("second") < told.index("first")
        assert re.search(r"Left alone until \d\d:\d\d:\d\d UTC: quota is used up", told)
        assert "Last failure 2 minutes ago: HTTP 429" in told
        assert "pause_circle" in text
        assert PROBE not in text
        assert reverse("admin:autonomy_providercall_providers") in text

    def test_a_failure_of_yesterday_is_past(self, boss: Client) -> None:
        call(RunFactory(), "first", outcome="final", error="HTTP 404", ago=timedelta(hours=25))
        assert "Last failure" not in part(page(boss), "health")


class TestWhoSeesWhat:
    def plant(self) -> None:
        waiting(title="Secret")
        ended("failed", title="Secret", reason="Secret")
        running(RunFactory(status="running", title="Secret"), "secret:1")
        call(RunFactory(), "secret-provider")
        workers.seen("secret:2")

    def test_who_has_no_permission_sees_sentences_and_no_data(self) -> None:
        self.plant()
        client = staff()
        text = page(client)
        assert "ecret" not in text
        for name, words in {"needs": "view_run", "running": "view_job", "spend": "view_providercall"}.items():
            assert f"autonomy.{words}" in part(text, name)
        assert "autonomy.view_providercall" in part(text, "health")
        context = client.get(HOME).context
        assert [context[name] for name in ("needs", "queue", "under_way", "spend", "health")] == [None] * 5

    def test_each_part_is_seen_by_itself(self) -> None:
        self.plant()
        runs, jobs, calls = (page(staff(permission)) for permission in ALL)
        assert "Secret" in part(runs, "needs")
        assert "Secret" in part(runs, "running")
        assert "secret-provider" not in runs
        assert "Workers alive" not in runs
        assert "secret:2" in part(jobs, "running")
        assert "Secret" not in jobs
        assert "secret-provider" in part(calls, "spend")
        assert "Secret" not in calls

    def test_what_a_run_says_and_where_it_runs_take_the_permissions_of_episodes_and_jobs(self) -> None:
        run = RunFactory(status="running", title="Groynes")
        running(run, "secret:1")
        tell(run, "Secret sentence.")
        text = part(page(staff("autonomy.view_run")), "running")
        assert "Groynes" in text
        assert "ecret" not in text
        assert "on a worker" in text
        assert "Secret sentence." in page(staff("autonomy.view_run", "autonomy.view_episode"))
        assert "on secret:1" in page(staff("autonomy.view_run", "autonomy.view_job"))

    def test_what_turnitin_says_of_a_document_is_for_those_who_see_its_hand_off(self, env: Any) -> None:
        env(turnitin_mode="core_api")
        Submission.objects.create(cycle=waiting(), state="failed", trouble="Secret trouble.")
        text = part(page(staff("autonomy.view_run")), "needs")
        assert "Hand-off 1 waits for its originality report." in text
        assert "Secret" not in text
        for permission in ("turnitin.view_cycle", "turnitin.deliver_report"):
            assert "Secret trouble." in page(staff("autonomy.view_run", permission))

    def test_one_s_own_runs_are_nothing_special(self) -> None:
        client = staff()
        owner = client.session["_auth_user_id"]
        ended("failed", title="Mine", user_id=owner, user=None)
        assert "Mine" not in page(client)

    def test_nobody_else_gets_in(self, client: Client) -> None:
        assert client.get(HOME).status_code == 302
        client.force_login(UserFactory())
        assert client.get(HOME).status_code == 302


class TestPage:
    def test_it_asks_few_questions_however_much_there_is(self) -> None:
        client = staff(*ALL, "turnitin.deliver_report", "autonomy.retry_run", "autonomy.raise_budget")
        counts = []
        for _ in range(2):
            for number in range(7):
                waiting(), ended("failed"), ended("budget_exceeded")
                running(RunFactory(status="running"))
                job(RunFactory())
                call(RunFactory(), f"provider{number}", outcome="final", error="HTTP 500")
            cache.clear()
            with CaptureQueriesContext(connection) as asked:
                page(client)
            counts.append(len(asked))
        assert counts[0] == counts[1] <= 14

    def test_it_says_of_when_it_is_and_how_to_see_it_anew(self, boss: Client) -> None:
        text = page(boss)
        assert re.search(r"As of <time [^>]+>\d\d:\d\d:\d\d UTC</time>", text)
        assert '<a class="text-link" href="/admin/">Reload</a>' in text
        main = text.split('<div class="console-stack home">')[1].split('id="modal-overlay"')[0]
        assert "<script" not in main
        assert "style=" not in main

    def test_home_is_the_first_entry_of_the_sidebar(self, boss: Client) -> None:
        first = boss.get(HOME).context["sidebar_navigation"][0]["items"][0]
        assert (first["title"], first["active"]) == ("Home", True)
        assert not boss.get("/admin/autonomy/run/").context["sidebar_navigation"][0]["items"][0]["active"]


def part_html(text: str, name: str) -> str:
    return text.split(f'aria-labelledby="home-{name}"')[1].split("</section>")[0]


@pytest.fixture
def noon_of_the_20th(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 5, 20, 12, tzinfo=UTC))
