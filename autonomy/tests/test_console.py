from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token

from autonomy.console.outlook import outlook
from autonomy.models import Checkpoint, Episode, Job, Passage, ProviderCall, Run, Source
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory, UserFactory

pytestmark = pytest.mark.django_db

PROBE = "<script>window.hacked=1</script>\"'><img src=x onerror=hacked()>"
ENGINE_MODELS = ["run", "job", "episode", "checkpoint", "source", "providercall"]
START = "/admin/autonomy/run/add/"


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "journey": "essay",
        "topic": "Rising seas",
        "owner": "mara",
        "priority": "5",
        "pasted-TOTAL_FORMS": "2",
        "pasted-INITIAL_FORMS": "0",
        "pasted-0-title": "A note",
        "pasted-0-text": "The sea rises.",
        **changes,
    }


def run_with_rows(rows: int = 1, text: str = "A line", **fields: Any) -> Run:
    run = RunFactory(title=text, task_spec={"topic": text, "title": text, "sections": [text], "words": 300}, **fields)
    now = timezone.now()
    Episode.objects.bulk_create(
        Episode(run=run, seq=n + 1, kind="progress", message=text, actor=run.user) for n in range(rows)
    )
    ProviderCall.objects.bulk_create(
        ProviderCall(run=run, kind="llm", provider="offline", model=text[:100], attempt=1, outcome="final", error=text)
        for _ in range(rows)
    )
    Job.objects.bulk_create(
        Job(run=run, user=run.user, kind="continue", state="failed", max_attempts=5, finished_at=now, last_error=text)
        for _ in range(rows)
    )
    Source.objects.bulk_create(
        Source(
            run=run, key=f"s{n}", title=text, filename=text, origin="upload", original=b"bytes", sha256=f"{n:064}",
            status="skipped", skipped_reason=text,
        )
        for n in range(rows)
    )  # fmt: skip
    Checkpoint.objects.bulk_create(
        Checkpoint(
            run=run, checkpoint_id=str(uuid4()), checkpoint={"channel_values": {}}, metadata={"step": n, "source": text}
        )
        for n in range(rows)
    )
    return run


class TestPermissions:
    def test_anonymous_readers_are_sent_to_the_login(self, client: Client) -> None:
        for address in ("/admin/autonomy/run/", START):
            answer = client.get(address)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")

    def test_people_who_are_not_staff_are_sent_to_the_login(self, client: Client) -> None:
        client.force_login(UserFactory())
        assert client.get("/admin/autonomy/run/").status_code == 302

    def test_a_viewer_sees_runs_but_no_button_to_start_one(self) -> None:
        answer = staff("autonomy.view_run").get("/admin/autonomy/run/")
        assert answer.status_code == 200
        assert START not in answer.content.decode()

    def test_a_viewer_may_not_start_a_run(self) -> None:
        client = staff("autonomy.view_run")
        assert client.get(START).status_code == 403
        assert client.post(START, asked()).status_code == 403
        assert not Run.objects.exists()

    def test_the_button_shows_with_the_permission(self) -> None:
        assert START in staff("autonomy.view_run", "autonomy.add_run").get("/admin/autonomy/run/").content.decode()

    def test_staff_without_permissions_see_no_rows(self) -> None:
        client = staff()
        for model in ENGINE_MODELS:
            assert client.get(f"/admin/autonomy/{model}/").status_code == 403

    def test_inlines_follow_the_permissions_of_their_rows(self) -> None:
        run = run_with_rows(text="secret error")
        Run.objects.filter(pk=run.pk).update(title="Open title", task_spec={"topic": "Open topic"})
        page = staff("autonomy.view_run").get(f"/admin/autonomy/run/{run.pk}/change/").content.decode()
        assert "Open title" in page
        assert "secret error" not in page


class TestReadOnly:
    @pytest.mark.parametrize("model", ENGINE_MODELS)
    def test_nobody_changes_or_deletes_what_the_engine_owns(self, boss: Client, model: str) -> None:
        run = run_with_rows()
        row = next(
            m for m in (Run, Job, Episode, Checkpoint, Source, ProviderCall) if m._meta.model_name == model
        ).objects.get()
        base = f"/admin/autonomy/{model}/"
        assert boss.get(f"{base}{row.pk}/change/").status_code == 200
        assert boss.post(f"{base}{row.pk}/change/", {"title": "mine"}).status_code == 403
        assert boss.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert "delete_selected" not in boss.get(base).content.decode()
        if model != "run":
            assert 'name="action"' not in boss.get(base).content.decode()
            assert boss.get(f"{base}add/").status_code == 403
        assert Run.objects.get(pk=run.pk).title == "A line"

    def test_the_start_form_needs_a_csrf_token(self, superuser: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(superuser)
        assert strict.post(START, asked()).status_code == 403


class TestLists:
    @pytest.mark.parametrize("model", ENGINE_MODELS)
    def test_a_list_of_50_rows_costs_a_bounded_number_of_queries(
        self, boss: Client, model: str, django_assert_max_num_queries: Any
    ) -> None:
        for n in range(50):
            run_with_rows(text=f"Run {n}")
        with django_assert_max_num_queries(9):
            page = boss.get(f"/admin/autonomy/{model}/").content.decode()
        assert "Run 49" in page

    def test_lists_never_load_original_bytes(self, boss: Client, django_assert_max_num_queries: Any) -> None:
        run_with_rows(3)
        with django_assert_max_num_queries(9) as queries:
            boss.get("/admin/autonomy/source/")
        assert not any('"original"' in query["sql"] for query in queries.captured_queries)

    @pytest.mark.parametrize("model", ENGINE_MODELS)
    def test_every_list_can_be_searched(self, boss: Client, model: str) -> None:
        run = run_with_rows(text="Needle")
        assert "Needle" in boss.get(f"/admin/autonomy/{model}/", {"q": "needle"}).content.decode()
        assert "Needle" in boss.get(f"/admin/autonomy/{model}/", {"q": str(run.pk)[:8]}).content.decode()
        assert boss.get(f"/admin/autonomy/{model}/", {"q": "%_'\\"}).status_code == 200

    def test_runs_filter_by_status_and_journey(self, boss: Client) -> None:
        RunFactory(title="Alpha", journey="essay")
        RunFactory(title="Beta", journey="report", status="running")
        assert "Alpha" not in boss.get("/admin/autonomy/run/?status__exact=running").content.decode()
        assert "Beta" not in boss.get("/admin/autonomy/run/?journey=essay").content.decode()

    def test_episodes_filter_by_kind(self, boss: Client) -> None:
        run_with_rows(text="Needle")
        assert "Needle" in boss.get("/admin/autonomy/episode/?kind=progress").content.decode()
        assert "Needle" not in boss.get("/admin/autonomy/episode/?kind=retry").content.decode()


class TestRunPage:
    def test_the_page_of_a_busy_run_is_bounded(self, boss: Client, django_assert_max_num_queries: Any) -> None:
        run = run_with_rows(60)
        with django_assert_max_num_queries(16):
            page = boss.get(f"/admin/autonomy/run/{run.pk}/change/").content.decode()
        assert 'id="episode-60"' in page
        assert 'id="episode-30"' not in page
        assert f"/admin/autonomy/run/{run.pk}/log/" in page

    def test_the_link_to_all_episodes_works(self, boss: Client) -> None:
        run = run_with_rows(2, text="Mine")
        run_with_rows(2, text="Other")
        page = boss.get(f"/admin/autonomy/episode/?run__id__exact={run.pk}").content.decode()
        assert "Mine" in page
        assert "Other" not in page

    def test_it_says_why_a_run_failed(self, boss: Client) -> None:
        run = RunFactory(status="failed", outcome="failed", reason="No source could be read.", ended_at=timezone.now())
        page = boss.get(f"/admin/autonomy/run/{run.pk}/change/").content.decode()
        assert "The run has failed." in page
        assert "No source could be read." in page

    def test_budgets_are_told_in_words_beside_the_meter(self, boss: Client) -> None:
        run = RunFactory(spent_tokens=50_000, spent_seconds=90, spent_usd="1.25")
        page = boss.get(f"/admin/autonomy/run/{run.pk}/change/").content.decode()
        assert "50,000 of 200,000 tokens · 25 %" in page
        assert "1 min 30 s of 15 min · 10 %" in page
        assert "$1.25 of $5.00 · 25 %" in page

    def test_a_limit_of_no_dollars_is_no_trouble(self, boss: Client) -> None:
        run = RunFactory(limit_usd=0)
        assert "$0.00 of $0.00" in boss.get(f"/admin/autonomy/run/{run.pk}/change/").content.decode()

    def test_what_a_journey_of_ones_own_asks_is_shown(self, boss: Client) -> None:
        run = RunFactory(task_spec={"topic": "Seas", "reading_level": "school"}, journey="gone")
        page = boss.get(f"/admin/autonomy/run/{run.pk}/task/").content.decode()
        assert "<dt>Reading level</dt><dd>school</dd>" in page

    @pytest.mark.parametrize("model", ENGINE_MODELS)
    def test_text_from_elsewhere_is_inert(self, boss: Client, model: str) -> None:
        run = run_with_rows(text=PROBE, status="failed", outcome="failed", reason=PROBE, ended_at=timezone.now())
        source = run.sources.get()
        Source.objects.filter(pk=source.pk).update(headings=[PROBE], csl={"title": PROBE}, media_type=PROBE[:100])
        Passage.objects.create(run=run, source=source, position=0, text=PROBE)
        Episode.objects.update(data={"text": PROBE})
        begun = {"under_way": {"sections": [{"id": "s1", "markdown": PROBE}], "writers": [PROBE], "first": True}}
        plan = {"title": PROBE, "sections": [{"id": "s1", "heading": PROBE}]}
        Checkpoint.objects.update(checkpoint={"text": PROBE, "channel_values": {"draft": begun, "plan": plan}})
        model_class = next(
            m for m in (Run, Job, Episode, Checkpoint, Source, ProviderCall) if m._meta.model_name == model
        )
        base = f"/admin/autonomy/{model}/"
        one = f"{base}{model_class.objects.get().pk}/"
        pages = ("change", "log", "calls", "sources", "task", "live") if model == "run" else ("change",)
        for address in (base, *(f"{one}{page}/" for page in pages)):
            page = boss.get(address).content.decode()
            assert "window.hacked" in page
            assert "<script>window" not in page
            assert "<img src=x" not in page

    def test_a_sources_text_is_readable(self, boss: Client) -> None:
        source = run_with_rows().sources.get()
        Passage.objects.create(run=source.run, source=source, position=1, text="And the second.")
        Passage.objects.create(run=source.run, source=source, position=0, text="The first passage.")
        page = boss.get(f"/admin/autonomy/source/{source.pk}/change/").content.decode()
        assert page.index("The first passage.") < page.index("And the second.")

    def test_a_run_that_is_not_there_is_no_error(self, boss: Client) -> None:
        assert boss.get(f"/admin/autonomy/run/{uuid4()}/change/").status_code == 302
        assert boss.get("/admin/autonomy/run/nonsense/change/").status_code == 302
        for page in ("live", "log", "calls", "sources", "task"):
            assert boss.get(f"/admin/autonomy/run/{uuid4()}/{page}/").status_code == 404


class TestOutlook:
    def test_a_queued_run_waits_for_a_worker(self) -> None:
        run = RunFactory()
        Job.objects.create(run=run, user=run.user, kind="start", max_attempts=5)
        assert outlook(run) == "The run waits for a free worker, which starts with the plan."

    def test_a_failed_attempt_says_when_the_next_one_comes(self) -> None:
        run = RunFactory(route="draft")
        Job.objects.create(
            run=run,
            user=run.user,
            kind="start",
            max_attempts=5,
            attempt=1,
            scheduled_at=timezone.now() + timedelta(seconds=90),
        )
        assert outlook(run).startswith("The last attempt did not succeed. In 1 min")

    def test_a_request_to_cancel_comes_first(self) -> None:
        assert "next boundary" in outlook(RunFactory(status="running", cancel_requested_at=timezone.now()))

    @pytest.mark.parametrize("outcome", ["accepted", "budget_exceeded", "revisions_exhausted"])
    def test_an_ended_run_says_how_it_ended(self, outcome: str) -> None:
        assert "ended" in outlook(RunFactory(status="done", outcome=outcome, ended_at=timezone.now()))


class TestStart:
    def test_the_form_names_defaults_and_endings(self, boss: Client) -> None:
        page = boss.get(START).content.decode()
        assert "200,000 (default)" in page
        assert ".docx" in page
        assert 'value="mara"' in page

    def test_a_run_is_started_with_all_that_was_asked(self, boss: Client, superuser: User) -> None:
        owner = UserFactory(username="jonas")
        files = [SimpleUploadedFile("one.txt", b"First."), SimpleUploadedFile("two.md", b"# Second")]
        answer = boss.post(
            START,
            asked(
                journey="report",
                title="Seas",
                headings="Causes\n\n  Costs \n",
                words="400",
                target_similarity="0.2",
                max_revisions="0",
                limit_tokens="1000",
                limit_usd="0",
                owner="jonas",
                priority="2",
                source_files=files,
            ),
        )
        run = Run.objects.get()
        assert answer.status_code == 302
        assert answer["Location"] == f"/admin/autonomy/run/{run.pk}/change/"
        assert run.user == owner
        assert run.journey == "report"
        assert run.task_spec["sections"] == ["Causes", "Costs"]
        assert (run.target_similarity, run.max_revisions, run.limit_tokens, run.limit_usd) == (0.2, 0, 1000, 0)
        assert (run.limit_seconds, run.priority) == (900, 2)
        assert set(run.sources.values_list("filename", "origin")) == {
            ("one.txt", "upload"), ("two.md", "upload"), ("A note.txt", "inline"),
        }  # fmt: skip
        assert run.episodes.get().actor == superuser
        assert run.jobs.get().priority == 2

    def test_the_start_is_in_the_admin_log(self, boss: Client, superuser: User) -> None:
        boss.post(START, asked())
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (superuser, str(Run.objects.get().pk))

    def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(self, boss: Client) -> None:
        answer = boss.post(
            START,
            asked(
                topic="x",
                title="Kept title",
                headings=f"Fine\n{'long' * 60}",
                words="5",
                target_similarity="15",
                max_revisions="99",
                limit_tokens="0",
                limit_usd="-1",
                source_files=[SimpleUploadedFile("one.txt", b"First.")],
            ),
        )
        form = answer.context["form"]
        assert set(form.errors) == {
            "topic", "headings", "words", "target_similarity", "max_revisions", "limit_tokens", "limit_usd",
        }  # fmt: skip
        page = answer.content.decode()
        assert "write 0.15 for 15 percent" in page
        assert "Heading 2: It must have at most 200 characters" in page
        assert "Kept title" in page
        assert "The sea rises." in page
        assert "please choose the source files again" in page
        assert "Input should" not in page
        assert not Run.objects.exists()

    def test_a_run_without_sources_is_refused_at_the_files(self, boss: Client) -> None:
        answer = boss.post(START, asked(**{"pasted-0-title": "", "pasted-0-text": ""}))
        assert answer.context["form"].errors == {"source_files": ["At least one source is needed."]}

    def test_a_file_that_cannot_be_read_is_refused_by_name(self, boss: Client) -> None:
        answer = boss.post(START, asked(source_files=[SimpleUploadedFile("scan.tiff", b"II")]))
        assert "scan.tiff cannot be read. Files may end in .txt" in answer.content.decode()

    def test_a_file_that_is_too_large_is_refused_unread(self, boss: Client, settings: Any) -> None:
        settings.ENV = settings.ENV.model_copy(update={"autonomy_upload_max_bytes": 1024})
        answer = boss.post(START, asked(source_files=[SimpleUploadedFile("big.txt", b"x" * 2000)]))
        assert "big.txt is larger than" in answer.content.decode()

    def test_a_pasted_text_needs_its_title(self, boss: Client) -> None:
        answer = boss.post(START, asked(**{"pasted-0-title": ""}))
        assert "Give the source a title" in answer.content.decode()
        assert not Run.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"),
        [("journey", "nonsense"), ("owner", "nobody"), ("priority", "12"), ("topic", ""), ("topic", "a\0b")],
    )
    def test_what_is_not_on_offer_is_refused(self, boss: Client, field: str, value: str) -> None:
        assert field in boss.post(START, asked(**{field: value})).context["form"].errors

    def test_an_inactive_user_cannot_own_a_run(self, boss: Client) -> None:
        UserFactory(username="gone", is_active=False)
        assert "owner" in boss.post(START, asked(owner="gone")).context["form"].errors

    def test_a_meddled_form_is_no_server_error(self, boss: Client) -> None:
        assert boss.post(START, {"topic": "Rising seas"}).status_code == 200

    def test_numbers_beyond_all_bounds_are_no_server_error(self, boss: Client) -> None:
        answer = boss.post(START, asked(target_similarity="nan", limit_seconds="1e400", limit_usd="inf"))
        assert {"target_similarity", "limit_seconds", "limit_usd"} <= set(answer.context["form"].errors)

    def test_what_was_typed_comes_back_inert(self, boss: Client) -> None:
        page = boss.post(START, asked(title=PROBE, words="5")).content.decode()
        assert "<script>window" not in page
        assert "<img src=x" not in page


class TestPeople:
    @pytest.mark.parametrize("address", ["auth/user", "auth/group", "authtoken/tokenproxy"])
    def test_their_lists_and_forms_open(self, boss: Client, address: str) -> None:
        Token.objects.create(user=UserFactory())
        assert boss.get(f"/admin/{address}/").status_code == 200
        assert boss.get(f"/admin/{address}/add/").status_code == 200

    def test_a_key_is_shown_once_and_not_written_to_the_log(self, boss: Client) -> None:
        user = UserFactory()
        answer = boss.post("/admin/authtoken/tokenproxy/add/", {"user": user.pk}, follow=True)
        key = Token.objects.get().key
        assert key in answer.content.decode()
        for address in ("", f"{user.pk}/change/", f"{user.pk}/delete/", f"{user.pk}/history/"):
            assert key not in boss.get(f"/admin/authtoken/tokenproxy/{address}", follow=True).content.decode()
        boss.post(f"/admin/authtoken/tokenproxy/{user.pk}/delete/", {"post": "yes"})
        assert not Token.objects.exists()
        assert LogEntry.objects.count() == 2
        assert not any(key in f"{entry.object_repr}{entry.change_message}" for entry in LogEntry.objects.all())

    def test_the_console_bears_its_name(self, boss: Client) -> None:
        page = boss.get(reverse("admin:index")).content.decode()
        assert "Autonomy" in page
        assert "Operator console" in page
