from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone

from autonomy.models import Episode, Job, Run
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory, UserFactory
from turnitin import cycles
from turnitin.console import hand_offs
from turnitin.models import Cycle, Report, Submission
from turnitin.tests.moves import judged, made_ready, report_of

pytestmark = pytest.mark.django_db

PROBE = "<script>window.hacked=1</script>\"'><img src=x onerror=hacked()>"
ADDRESS = "https://reports.example/81f2"


def waiting_cycle(**fields: Any) -> Cycle:
    run = RunFactory(status="waiting_human", route="turnitin_pause", **fields)
    cycle = Cycle(run=run, number=1, target_similarity=0.15)
    cycle.markdown.save("draft-1.md", ContentFile(f"# Seas {PROBE}".encode()), save=False)
    cycle.docx.save("draft-1.docx", ContentFile(b"PK word"), save=False)
    cycle.save()
    return cycle


@pytest.fixture
def cycle() -> Cycle:
    return waiting_cycle()


def form(cycle: Cycle) -> str:
    return f"/admin/turnitin/cycle/{cycle.pk}/report/"


def run_page(client: Client, cycle: Cycle) -> str:
    return client.get(f"/admin/autonomy/run/{cycle.run_id}/change/").content.decode()


def delivery(**changes: Any) -> dict[str, Any]:
    return {"report_url": ADDRESS, "observed_similarity": "0.11", "deliver": "1", **changes}


class TestPermissions:
    def test_anonymous_readers_are_sent_to_the_login(self, client: Client, cycle: Cycle) -> None:
        for address in (form(cycle), f"/admin/turnitin/cycle/{cycle.pk}/document.md"):
            answer = client.get(address)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")

    def test_a_viewer_may_not_deliver(self, cycle: Cycle) -> None:
        client = staff("turnitin.view_cycle", "autonomy.view_run")
        assert client.get(form(cycle)).status_code == 403
        assert client.post(form(cycle), delivery()).status_code == 403
        assert form(cycle) not in client.get(f"/admin/turnitin/cycle/{cycle.pk}/change/").content.decode()
        assert form(cycle) not in client.get(f"/admin/autonomy/run/{cycle.run_id}/change/").content.decode()
        assert not Report.objects.exists()

    def test_documents_need_the_permission_to_see_cycles(self, cycle: Cycle) -> None:
        for ending in ("md", "docx", "pdf"):
            address = f"/admin/turnitin/cycle/{cycle.pk}/document.{ending}"
            assert staff("autonomy.view_run").get(address).status_code == 403
            assert staff("turnitin.deliver_report").get(address).status_code == 403
            if ending == "pdf":
                continue
            answer = staff("turnitin.view_cycle").get(address)
            assert answer.status_code == 200
            assert b"".join(answer.streaming_content)

    def test_the_permission_to_deliver_is_enough(self, cycle: Cycle) -> None:
        client = staff("turnitin.deliver_report")
        assert client.get(form(cycle)).status_code == 200
        assert client.post(form(cycle), delivery(), follow=True).status_code == 200
        assert Report.objects.exists()

    def test_the_run_page_hides_hand_offs_from_others(self, cycle: Cycle) -> None:
        page = staff("autonomy.view_run").get(f"/admin/autonomy/run/{cycle.run_id}/change/").content.decode()
        assert "Hand-off" not in page
        assert "# Seas" not in page


class TestReadOnly:
    def test_nobody_writes_cycles_or_reports_by_hand(self, boss: Client, cycle: Cycle) -> None:
        report = report_of(cycle)
        for base, row in (("/admin/turnitin/cycle/", cycle), ("/admin/turnitin/report/", report)):
            assert boss.get(f"{base}{row.pk}/change/").status_code == 200
            assert boss.get(f"{base}add/").status_code == 403
            assert boss.post(f"{base}{row.pk}/change/", {"state": "accepted"}).status_code == 403
            assert boss.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_50_rows_cost_a_bounded_number_of_queries(self, boss: Client, django_assert_max_num_queries: Any) -> None:
        for n in range(50):
            report_of(waiting_cycle(title=f"Run {n}"), delivered_by=UserFactory())
        for model in ("cycle", "report", "submission"):
            with django_assert_max_num_queries(9) as asked:
                page = boss.get(f"/admin/turnitin/{model}/").content.decode()
            assert "Run 49" in page or model == "submission"
            assert not [one["sql"] for one in asked if "COUNT(" in one["sql"] or "DATE_TRUNC" in one["sql"]]

    @pytest.mark.parametrize("few", [2000, 0])
    @pytest.mark.parametrize("model", ["cycle", "report", "submission"])
    def test_they_are_found_by_the_run(
        self, boss: Client, model: str, few: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("autonomy.selectors.run_search.FEW", few)
        for title in ("A needle of steel", "Straw"):
            cycle = waiting_cycle(title=title)
            Submission.objects.create(cycle=cycle, due_at=timezone.now())
            report_of(cycle)
        run = Run.objects.get(title="A needle of steel")
        for text in ("needle", "STE nee", str(run.pk), run.pk.hex[:9]):
            (found,) = boss.get(f"/admin/turnitin/{model}/", {"q": text}).context["cl"].result_list
            assert (found if model == "cycle" else found.cycle).run_id == run.pk, text
        for text in ("eedle", "needle straw", "%"):
            assert not boss.get(f"/admin/turnitin/{model}/", {"q": text}).context["cl"].result_list, text

    def test_a_hand_off_is_found_by_its_id(self, boss: Client, cycle: Cycle) -> None:
        waiting_cycle()
        for text in (str(cycle.pk), cycle.pk.hex[:7]):
            assert list(boss.get("/admin/turnitin/cycle/", {"q": text}).context["cl"].result_list) == [cycle]

    @pytest.mark.parametrize("model", ["cycle", "report", "submission"])
    def test_lists_are_sorted_by_nothing_but_their_time(self, boss: Client, model: str) -> None:
        for column in range(9):
            order = boss.get(f"/admin/turnitin/{model}/", {"o": str(column)}).context["cl"].queryset.query.order_by
            assert {name.removeprefix("-") for name in order} <= {"id", "pk", "opened_at"}, column

    @pytest.mark.parametrize("model", ["report", "submission"])
    def test_a_search_looks_at_the_newest_and_says_so(
        self, boss: Client, model: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kind = {"report": Report, "submission": Submission}[model]
        monkeypatch.setattr(type(admin.site._registry[kind]), "looked_at", 1)
        for title in ("Needle", "Hay"):
            cycle = waiting_cycle(title=title)
            Submission.objects.create(cycle=cycle, due_at=timezone.now())
            report_of(cycle)
        page = boss.get(f"/admin/turnitin/{model}/", {"q": "needle"}).content.decode()
        assert "Looked at are the newest 1 " in page
        assert "Nothing fits" in page
        run = Run.objects.get(title="Needle")
        assert len(boss.get(f"/admin/turnitin/{model}/", {"q": str(run.pk)}).context["cl"].result_list) == 1

    def test_lists_can_be_searched(self, boss: Client) -> None:
        report_of(waiting_cycle(title="Needle"))
        for model in ("cycle", "report"):
            assert "Needle" in boss.get(f"/admin/turnitin/{model}/?q=needle").content.decode()


class TestRunPage:
    def test_a_waiting_run_has_the_report_form_and_the_documents_on_its_page(self, boss: Client, cycle: Cycle) -> None:
        page = run_page(boss, cycle)
        assert f'action="{form(cycle)}"' in page
        assert "waits until somebody delivers" in page
        for ending in ("docx", "pdf", "md"):
            assert f"/admin/turnitin/cycle/{cycle.pk}/document.{ending}" in page

    def test_who_may_see_but_not_deliver_gets_no_form(self, cycle: Cycle) -> None:
        page = run_page(staff("turnitin.view_cycle", "autonomy.view_run"), cycle)
        assert "No similarity so far. The target is 0.15" in page
        assert form(cycle) not in page

    def test_who_may_deliver_but_not_see_gets_the_form_and_no_document(self, cycle: Cycle) -> None:
        page = run_page(staff("turnitin.deliver_report", "autonomy.view_run"), cycle)
        assert form(cycle) in page
        assert "document.docx" not in page
        assert "All hand-offs" not in page

    def test_the_form_on_the_page_leads_to_the_confirmation(self, boss: Client, cycle: Cycle) -> None:
        names = set(re.findall(r'<input[^>]* name="(\w+)"', run_page(boss, cycle)))
        given = {"report_url": ADDRESS, "observed_similarity": "11 %", "human_uploader_id": ""}
        assert given.keys() <= names
        answer = boss.post(form(cycle), given).content.decode()
        assert "Is this right?" in answer
        assert not Report.objects.exists()

    def test_similarity_is_drawn_and_told_against_its_target(self, boss: Client, cycle: Cycle) -> None:
        made_ready(cycle, observed_similarity=0.11)
        page = run_page(boss, cycle)
        assert "Similarity 0.11\u00a0(11\u00a0%), within the target of 0.15\u00a0(15\u00a0%)." in page
        assert 'class="similarity-within" y="4" width="44.00%"' in page
        assert 'x1="60.00%"' in page
        cycles.close(cycle.pk, "accepted")
        assert "within the target of 0.15\u00a0(15\u00a0%): accepted" in run_page(boss, cycle)

    def test_a_report_that_is_not_used_yet_can_be_corrected_there(self, boss: Client, cycle: Cycle) -> None:
        made_ready(cycle)
        page = run_page(boss, cycle)
        assert "Correct the report" in page
        assert form(cycle) in page

    def test_every_hand_off_is_told_with_what_counted_and_what_did_not(
        self, boss: Client, superuser: User, cycle: Cycle
    ) -> None:
        report_of(cycle, observed_similarity=None, via="api", delivered_by=UserFactory(username="ines"))
        judged(
            cycle, "rejected", observed_similarity=0.3, via="console", delivered_by=superuser, human_uploader_id="lab"
        )
        report_of(cycle, observed_similarity=0.2, too_late=True, via="signed")
        Cycle.objects.create(run=cycle.run, number=2, target_similarity=0.15, markdown="b.md", docx="b.docx")
        page = " ".join(run_page(boss, cycle).split())
        assert "Turnitin: hand-off 2" in page
        for number in (1, 2):
            assert f">Hand-off {number}</a>" in page
        assert "Report delivered by mara, in the console; uploaded by lab" in page
        assert "2 deliveries that did not count" in page
        assert "delivered by a signed call. It came too late." in page
        assert "delivered by ines, over the API. It had no similarity." in page
        assert "Opened " in page
        assert "Closed " in page

    def test_the_report_s_own_page_is_linked_only_where_people_can_open_it(self, boss: Client, cycle: Cycle) -> None:
        made_ready(cycle, report_url=f"{ADDRESS}?q={PROBE}", human_uploader_id=PROBE)
        page = run_page(boss, cycle)
        assert f'href="{ADDRESS}?q=' in page
        assert "<script>window" not in page
        assert "<img src=x" not in page
        Report.objects.update(via="core_api")
        assert ADDRESS not in run_page(boss, cycle)

    def test_many_hand_offs_and_deliveries_cost_no_more_queries(
        self, rf: RequestFactory, superuser: User, cycle: Cycle, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(2, 12):
            judged(cycle, "rejected", observed_similarity=0.3, delivered_by=superuser)
            for place in range(8):
                report_of(cycle, report_url=f"{ADDRESS}{place}", too_late=True, delivered_by=UserFactory())
            cycle = Cycle.objects.create(
                run=cycle.run, number=number, target_similarity=0.15, markdown="b.md", docx="b.docx"
            )
        request = rf.get("/")
        request.user = User.objects.get(pk=superuser.pk)
        run = Run.objects.get()
        with django_assert_max_num_queries(2):
            panel = hand_offs.read(request, run)
            page = render_to_string("console/hand_offs.html", {"panel": panel}, request)
        assert page.count('<li>\n            <p class="hand-off-line">') == 11

    def test_a_lost_document_is_said_not_raised(self, boss: Client, cycle: Cycle) -> None:
        cycle.markdown.storage.delete(cycle.markdown.name)
        cycle.docx.storage.delete(cycle.docx.name)
        assert run_page(boss, cycle)
        for ending in ("md", "docx", "pdf"):
            assert boss.get(f"/admin/turnitin/cycle/{cycle.pk}/document.{ending}").status_code == 404

    def test_a_cancelled_run_asks_for_nothing(self, boss: Client, cycle: Cycle) -> None:
        Run.objects.update(status="cancelled", outcome="cancelled", ended_at=timezone.now())
        assert form(cycle) not in run_page(boss, cycle)

    def test_a_run_that_failed_takes_its_report_all_the_same(self, boss: Client, cycle: Cycle) -> None:
        Run.objects.update(status="failed", outcome="failed", ended_at=timezone.now())
        page = run_page(boss, cycle)
        assert "used if the run is retried" in page
        assert form(cycle) in page
        said = boss.post(form(cycle), delivery(), follow=True).content.decode()
        assert "it uses the report if it is retried" in said


class TestDocuments:
    def test_they_come_as_attachments_with_a_telling_name(self, boss: Client, cycle: Cycle) -> None:
        answer = boss.get(f"/admin/turnitin/cycle/{cycle.pk}/document.docx")
        assert b"".join(answer.streaming_content) == b"PK word"
        assert answer["Content-Disposition"] == f'attachment; filename="essay-{str(cycle.run_id)[:8]}-1.docx"'

    def test_a_pdf_that_cannot_be_made_is_said_on_the_hand_off_s_page(self, boss: Client, cycle: Cycle) -> None:
        answer = boss.get(f"/admin/turnitin/cycle/{cycle.pk}/document.pdf", follow=True)
        assert answer.redirect_chain == [(f"/admin/turnitin/cycle/{cycle.pk}/change/", 302)]
        assert "The Word file and the Markdown have the whole text." in answer.content.decode()


class TestDelivery:
    def test_the_figures_are_shown_once_more_before_anything_happens(self, boss: Client, cycle: Cycle) -> None:
        page = boss.post(form(cycle), {"report_url": ADDRESS, "observed_similarity": "0.11"}).content.decode()
        assert "0.11\u00a0(11\u00a0%)" in page
        assert "within the target" in page
        assert not Report.objects.exists()

    def test_a_figure_above_the_target_says_what_follows(self, boss: Client, cycle: Cycle) -> None:
        answer = boss.post(form(cycle), {"report_url": ADDRESS, "observed_similarity": "0.3"})
        assert "another draft" in answer.content.decode()

    def test_changing_the_figures_keeps_them(self, boss: Client, cycle: Cycle) -> None:
        page = boss.post(
            form(cycle), {"report_url": ADDRESS, "observed_similarity": "0.11", "change": "1"}
        ).content.decode()
        assert ADDRESS in page

    def test_a_delivery_makes_the_cycle_ready_and_queues_the_run(
        self, boss: Client, superuser: User, cycle: Cycle
    ) -> None:
        answer = boss.post(form(cycle), delivery(human_uploader_id="lab 3"), follow=True)
        cycle.refresh_from_db()
        assert cycle.state == "report_ready"
        assert cycle.observed_similarity == 0.11
        assert Job.objects.get().kind == "resume"
        report = Report.objects.get()
        assert (report.delivered_by, report.human_uploader_id) == (superuser, "lab 3")
        assert "The report is delivered" in answer.content.decode()

    def test_a_delivery_is_in_the_admin_log(self, boss: Client, superuser: User, cycle: Cycle) -> None:
        boss.post(form(cycle), delivery())
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (superuser, str(cycle.pk))
        episode = Episode.objects.get()
        assert (episode.kind, episode.actor_id, episode.data["via"]) == ("report_received", superuser.pk, "console")

    def test_a_delivery_that_comes_too_late_is_in_both_logs_once(
        self, boss: Client, superuser: User, cycle: Cycle
    ) -> None:
        judged(cycle)
        for _ in range(2):
            boss.post(form(cycle), delivery())
        episode = Episode.objects.get()
        assert (episode.kind, episode.actor_id) == ("report_too_late", superuser.pk)
        assert "its report has been judged already. It changes nothing." in episode.message
        assert {entry.change_message for entry in LogEntry.objects.all()} == {
            "Delivered a report too late: similarity 0.11\u00a0(11\u00a0%)."
        }

    def test_what_changed_nothing_is_in_no_log_again(self, boss: Client, cycle: Cycle) -> None:
        for _ in range(2):
            boss.post(form(cycle), delivery())
        assert (LogEntry.objects.count(), Episode.objects.count()) == (1, 1)

    def test_a_double_delivery_changes_nothing_and_says_so(self, boss: Client, cycle: Cycle) -> None:
        boss.post(form(cycle), delivery())
        answer = boss.post(form(cycle), delivery(), follow=True)
        assert "delivered before; nothing has changed" in answer.content.decode()
        assert (Report.objects.count(), Job.objects.count()) == (1, 1)

    def test_a_figure_can_be_corrected_until_the_run_has_used_it(self, boss: Client, cycle: Cycle) -> None:
        boss.post(form(cycle), delivery(observed_similarity="0.5"))
        assert "corrects it" in boss.get(form(cycle)).content.decode()
        boss.post(form(cycle), delivery(observed_similarity="0.05"))
        cycle.refresh_from_db()
        assert cycle.observed_similarity == 0.05
        assert Job.objects.count() == 1

    def test_going_back_to_a_corrected_figure_takes_another_address_and_the_page_says_so(
        self, boss: Client, cycle: Cycle
    ) -> None:
        boss.post(form(cycle), delivery(observed_similarity="0.4"))
        boss.post(form(cycle), delivery(observed_similarity="0.05"))
        answer = boss.post(form(cycle), delivery(observed_similarity="0.4"), follow=True)
        said = answer.content.decode()
        assert "corrected since: the similarity of 0.05" in said
        assert "with #2 at its end" in said
        boss.post(form(cycle), delivery(report_url=f"{ADDRESS}#2", observed_similarity="0.4"))
        cycle.refresh_from_db()
        assert (cycle.observed_similarity, Job.objects.count()) == (0.4, 1)

    def test_the_pages_say_which_delivery_counts_and_how_it_came(self, boss: Client, cycle: Cycle) -> None:
        boss.post(form(cycle), delivery(observed_similarity="0.4"))
        boss.post(form(cycle), delivery(observed_similarity="0.05"))
        for page in ("/admin/turnitin/report/", f"/admin/turnitin/cycle/{cycle.pk}/change/"):
            html = boss.get(page).content.decode()
            assert html.count(">Console<") >= 2 or html.count("Console") >= 2
            assert "Counts" in html
        counting = Report.objects.get(observed_similarity=0.05)
        assert "Console" in boss.get(f"/admin/turnitin/report/{counting.pk}/change/").content.decode()

    def test_a_withdrawn_hand_off_takes_no_report(self, boss: Client, cycle: Cycle) -> None:
        Run.objects.update(status="cancelled", outcome="cancelled", ended_at=timezone.now())
        Cycle.objects.update(withdrawn_at=timezone.now())
        assert "withdrawn: no report can be delivered" in boss.get(form(cycle), follow=True).content.decode()
        assert "the run was cancelled" in boss.post(form(cycle), delivery(), follow=True).content.decode()

    def test_a_late_delivery_is_refused_in_words_and_kept(self, boss: Client, cycle: Cycle) -> None:
        judged(cycle)
        Run.objects.update(status="done", outcome="accepted", ended_at=timezone.now())
        answer = boss.post(form(cycle), delivery(), follow=True)
        assert "has been judged already" in answer.content.decode()
        assert Report.objects.filter(too_late=True).count() == 1
        assert "no report can be delivered" in boss.get(form(cycle), follow=True).content.decode()

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("observed_similarity", "15", "write 0.15 for 15 percent, or 15 %"),
            ("observed_similarity", "120 %", "from 0 % to 100 %"),
            ("observed_similarity", "-1%", "from 0 % to 100 %"),
            ("observed_similarity", "%", "Enter a number"),
            ("observed_similarity", "nan %", "Enter a number"),
            ("observed_similarity", "inf %", "Enter a number"),
            ("observed_similarity", "12 %%", "Enter a number"),
            ("observed_similarity", "-0.1", "a fraction from 0 to 1"),
            ("observed_similarity", "nan", "Enter a number"),
            ("observed_similarity", "", "required"),
            ("report_url", "http://reports.example/1", "must start with https://"),
            ("report_url", "javascript:alert(1)", "valid URL"),
            ("report_url", "https://mb:pw@reports.example/1", "name or password"),
            ("report_url", "", "required"),
        ],
    )
    def test_what_does_not_fit_is_said_at_its_field(
        self, boss: Client, cycle: Cycle, field: str, value: str, message: str
    ) -> None:
        answer = boss.post(form(cycle), delivery(**{field: value}))
        assert message in " ".join(answer.context["form"].errors[field])
        assert not Report.objects.exists()

    @pytest.mark.parametrize(
        ("typed", "fraction"),
        [
            ("12 %", 0.12),
            ("12%", 0.12),
            (" 12\u00a0% ", 0.12),
            ("11.3 %", 0.113),
            ("0 %", 0.0),
            ("100 %", 1.0),
            ("0.12", 0.12),
        ],
    )
    def test_a_percent_with_its_sign_is_taken_for_what_it_is(
        self, boss: Client, cycle: Cycle, typed: str, fraction: float
    ) -> None:
        shown = boss.post(form(cycle), {"report_url": ADDRESS, "observed_similarity": typed})
        assert shown.context["figure"].startswith(f"{fraction:g}\u00a0(")
        hidden = re.search(r'name="observed_similarity" value="([^"]*)"', shown.content.decode())
        assert hidden
        boss.post(form(cycle), delivery(observed_similarity=hidden[1]))
        assert Report.objects.get().observed_similarity == fraction

    def test_a_delivery_needs_a_csrf_token(self, superuser: User, cycle: Cycle) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(superuser)
        assert strict.post(form(cycle), delivery()).status_code == 403

    def test_a_hostile_address_is_inert(self, boss: Client, cycle: Cycle) -> None:
        report = report_of(cycle, report_url=f"https://reports.example/?q={PROBE}", human_uploader_id=PROBE)
        for page in (
            "/admin/turnitin/report/",
            f"/admin/turnitin/report/{report.pk}/change/",
            f"/admin/turnitin/cycle/{cycle.pk}/change/",
        ):
            html = boss.get(page).content.decode()
            assert "<script>window" not in html
            assert "<img src=x" not in html
            assert 'href="javascript' not in html
