"""The page that starts a run: journeys, errors, JSON, the check and the estimate."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from autonomy.models import Run
from autonomy.tests.clients import client_of, staff
from autonomy.tests.factories import UserFactory
from autonomy.tests.test_console import PROBE, START, asked

pytestmark = pytest.mark.django_db
ESTIMATE = f"{START}estimate/"


class TestJourneys:
    def test_the_page_opens_for_the_journey_of_its_address(self, boss: Client) -> None:
        answer = boss.get(START, {"journey": "report"})
        assert answer.context["chosen"].name == "report"
        page = answer.content.decode()
        assert 'name="journey" value="report"' in page
        assert "200 to 20,000. Empty: 1,200." in page
        assert 'min="200"' in page

    def test_an_unknown_journey_in_the_address_is_no_trouble(self, boss: Client) -> None:
        assert boss.get(START, {"journey": PROBE}).context["chosen"].name == "essay"

    def test_each_journey_is_offered_with_its_words(self, boss: Client) -> None:
        page = boss.get(START).content.decode()
        assert 'name="change" value="literature_review"' in page
        assert "What the given sources say, by theme." in page

    def test_changing_it_keeps_what_was_typed_and_starts_nothing(self, boss: Client) -> None:
        answer = boss.post(START, asked(change="report", topic="x", headings="One\nTwo", limit_tokens="many"))
        form, page = answer.context["form"], answer.content.decode()
        assert (form.chosen.name, form["topic"].value(), form["headings"].value()) == ("report", "x", "One\nTwo")
        assert (form["limit_tokens"].value(), answer.context["errors"]) == ("many", [])
        assert "The sea rises." in page
        assert "The journey is now Report." in page
        assert not Run.objects.exists()

    @pytest.mark.usefixtures("every_type")
    def test_the_new_journeys_own_fields_begin_with_its_defaults(self, boss: Client) -> None:
        form = boss.post(START, asked(change="every_type")).context["form"]
        assert (form["own-anonymous"].value(), form["own-parts"].value()) == (True, ['"summary"'])
        kept = {"journey": "every_type", "own-course": "BIO", "change": "report"}
        assert boss.post(START, asked(**kept)).context["form"].chosen.name == "report"


class TestErrors:
    def test_the_summary_links_to_each_field_and_takes_the_focus(self, boss: Client) -> None:
        page = boss.post(START, asked(topic="", words="5", limit_usd="x", **{"pasted-0-title": ""})).content.decode()
        assert "4 things are to be mended" in page
        for place in ("id_topic", "id_words", "id_limit_usd", "id_pasted-0-title"):
            assert f'href="#{place}"' in page
            assert f'id="{place}"' in page
        assert 'id="error-summary" tabindex="-1" autofocus' in page
        assert "<title>Error:" in page.replace("\n", "").replace("  ", "").replace("<title> ", "<title>")

    def test_what_is_wrong_is_told_all_at_once(self, boss: Client) -> None:
        wrong = asked(topic="", words="5", source_files=[SimpleUploadedFile("scan.tiff", b"II")])
        errors = boss.post(START, wrong).context["form"].errors
        assert set(errors) == {"topic", "words", "source_files"}
        assert errors["topic"] == ["This field is required."]

    def test_each_wrong_file_is_named_and_those_chosen_are_listed(self, boss: Client, env: Any) -> None:
        env(autonomy_upload_max_bytes=1024)
        files = [
            SimpleUploadedFile("scan.tiff", b"II"), SimpleUploadedFile("big.txt", b"x" * 2000),
            SimpleUploadedFile("none.md", b""), SimpleUploadedFile("good.txt", b"Good."),
        ]  # fmt: skip
        answer = boss.post(START, asked(source_files=files))
        told = answer.context["form"].errors["source_files"]
        assert [one.split(" ")[0] for one in told] == ["scan.tiff", "big.txt", "none.md"]
        assert "good.txt (5" in answer.content.decode()

    def test_all_files_together_have_a_limit(self, boss: Client, env: Any) -> None:
        env(autonomy_upload_max_total_bytes=1024)
        files = [SimpleUploadedFile(f"{n}.txt", b"x" * 600) for n in range(2)]
        assert "together are larger than" in boss.post(START, asked(source_files=files)).content.decode()

    def test_a_files_name_is_inert(self, boss: Client) -> None:
        page = boss.post(START, asked(source_files=[SimpleUploadedFile("<img src=x>.tiff", b"II")])).content.decode()
        assert "<img src=x>" not in page


class TestCheck:
    def test_it_starts_nothing_and_shows_the_same_request_for_the_api(self, boss: Client, superuser: User) -> None:
        topic = "It's 5 o'clock; rm -rf $HOME `x`"
        answer = boss.post(START, asked(do="check", topic=topic, words="300", limit_usd="0.5", priority="2"))
        assert not Run.objects.exists()
        shown = answer.context["asked"]
        spec = json.loads(shown["spec"])
        assert (spec["topic"], spec["words"], spec["limits"]) == (topic, 300, {"usd": 0.5})
        assert "Token $TOKEN" in shown["curl"]
        words = shlex.split(shown["curl"].replace("\\\n", " "))
        body = json.loads(words[words.index("-d") + 1])
        assert client_of(superuser).post("/api/v2/runs", body, format="json").status_code == 201
        run = Run.objects.get()
        assert (run.task_spec["topic"], run.priority, run.sources.get().title) == (topic, 2, "A note")

    def test_with_files_the_request_is_multipart(self, boss: Client) -> None:
        other = UserFactory(username="jonas")
        files = [SimpleUploadedFile('a "b".txt', b"Text.")]
        shown = boss.post(START, asked(do="check", owner="jonas", source_files=files)).context["asked"]["curl"]
        words = shlex.split(shown.replace("\\\n", " "))
        assert f"user_id={other.pk}" in words
        assert r'sources=@"a \"b\".txt"' in words
        assert any(word.startswith('task_spec={"topic"') for word in words)

    def test_sources_may_still_come(self, boss: Client) -> None:
        answer = boss.post(START, asked(do="check", **{"pasted-0-title": "", "pasted-0-text": ""}))
        assert answer.context["errors"] == []
        assert "Everything fits." in answer.content.decode()

    def test_errors_are_told_and_no_request_is_shown(self, boss: Client) -> None:
        answer = boss.post(START, asked(do="check", words="5"))
        assert (answer.context["asked"], set(answer.context["form"].errors)) == (None, {"words"})

    def test_a_checked_form_starts_one_run_afterwards(self, boss: Client) -> None:
        key = boss.get(START).context["form"]["idempotency_key"].value()
        checked = boss.post(START, asked(do="check", idempotency_key=key)).context["form"]
        assert checked["idempotency_key"].value() == key
        for _ in range(2):
            boss.post(START, asked(do="start", idempotency_key=key))
        assert Run.objects.count() == 1

    def test_enter_in_a_field_checks_and_starts_nothing(self, boss: Client) -> None:
        page = boss.get(START).content.decode()
        form = page[page.index('id="start-form"') :]
        assert form.index('name="do" value="check"') < form.index('name="change"') < form.index('value="start"')


class TestJson:
    def fill(self, boss: Client, given: Any, **changes: Any) -> Any:
        text = given if isinstance(given, str) else json.dumps(given)
        return boss.post(START, asked(do="fill", json_text=text, **changes))

    def test_a_task_spec_fills_the_form_and_is_checked(self, boss: Client) -> None:
        spec = {
            "topic": "Sea walls", "sections": ["One", "Two"], "words": 400, "limits": {"tokens": 5000},
            "sources": [{"title": f"T{n}", "text": "Text."} for n in range(3)],
        }  # fmt: skip
        answer = self.fill(boss, spec, title="Old", limit_usd="3")
        form = answer.context["form"]
        assert answer.context["errors"] == []
        values = [form[name].value() for name in ("topic", "headings", "words", "limit_tokens", "title", "limit_usd")]
        assert values == ["Sea walls", "One\nTwo", "400", "5000", "", ""]
        assert [one["title"].value() for one in answer.context["pasted"].forms] == ["T0", "T1", "T2"]
        assert form["owner"].value() == "mara"
        assert json.loads(answer.context["asked"]["spec"])["sources"] == spec["sources"]
        assert not Run.objects.exists()

    def test_a_whole_request_brings_its_journey_and_priority(self, boss: Client) -> None:
        body = {"journey": "report", "task_spec": {"topic": "Sea walls"}, "priority": 1}
        form = self.fill(boss, body).context["form"]
        assert (form.chosen.name, form["topic"].value(), form["priority"].value()) == ("report", "Sea walls", "1")

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("{", "It is not JSON"),
            ("[]", "It must be a JSON object"),
            ({"topic": "T", "wrods": 3, "lenght": 1}, "There is no field “wrods” in the task spec of Essay."),
            ({"topic": "T", "limits": {"euro": 1}}, "“limits” must be"),
            ({"topic": ["T"]}, "“topic”: It must be"),
            ({"topic": "T", "sections": "One"}, "“sections”: It must be"),
            ({"topic": "T", "web_search": "yes"}, "“web_search”: It must be"),
            ({"topic": "T", "sources": [{"text": "x"}]}, "“sources” must be"),
            ({"topic": "T", "sources": [{"title": "t", "text": "x"}] * 21}, "room for 20"),
            ({"task_spec": [], "journey": "essay"}, "“task_spec” must be"),
            ({"task_spec": {}, "journey": "novel"}, "There is no journey “novel”"),
            ({"task_spec": {}, "user_id": 3}, "“user_id”"),
            ({"task_spec": {}, "journey": ["essay"]}, "There is no journey"),
        ],
    )
    def test_what_does_not_fit_is_named_and_nothing_is_filled(self, boss: Client, given: Any, told: str) -> None:
        answer = self.fill(boss, given)
        assert any(told in one for one in answer.context["filled"].json_errors), answer.context["filled"].json_errors
        assert answer.context["form"]["topic"].value() == "Rising seas"
        assert 'href="#id_json_text"' in answer.content.decode()

    def test_wrong_values_are_filled_in_and_marked(self, boss: Client) -> None:
        answer = self.fill(boss, {"topic": "Sea walls", "words": 5})
        assert answer.context["form"]["words"].value() == "5"
        assert set(answer.context["form"].errors) == {"words"}

    def test_what_was_pasted_comes_back_inert(self, boss: Client) -> None:
        for text in (PROBE, json.dumps({PROBE: 1}), json.dumps({"topic": PROBE}), json.dumps({"topic": [PROBE]})):
            page = self.fill(boss, text).content.decode()
            assert "<script>window" not in page
            assert "<img src=x" not in page
            assert "window.hacked" in page or "It must be" in page


class TestEstimate:
    def test_whoever_may_not_start_a_run_is_told_nothing(self) -> None:
        assert staff("autonomy.view_run").post(ESTIMATE, asked()).status_code == 403

    def test_it_is_asked_by_post_with_a_token_against_forgery(self, boss: Client, superuser: User) -> None:
        assert boss.get(ESTIMATE).status_code == 405
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(superuser)
        assert strict.post(ESTIMATE, asked()).status_code == 403

    def test_it_follows_what_is_typed_and_always_names_the_limits(self, boss: Client) -> None:
        told = boss.post(ESTIMATE, asked(words="600", headings="A\nB", limit_tokens="5000", limit_usd="0.5"))
        assert told.templates[0].name == "console/start/cost.html"
        page = told.content.decode()
        assert "600 words in 2 sections" in page
        assert "It cannot spend more than the limits: 5,000 tokens, 15 min of execution, $0.50." in page

    @pytest.mark.parametrize(
        "wrong",
        [{"words": "nan"}, {"words": "9" * 4000}, {"max_revisions": "-3"}, {"journey": "x"}, {"limit_usd": "inf"}],
    )
    def test_what_is_not_right_yet_is_left_out_of_it(self, boss: Client, wrong: dict[str, str]) -> None:
        assert "It cannot spend more" in boss.post(ESTIMATE, asked(**wrong)).content.decode()
        assert boss.post(ESTIMATE, {"sizes": ["x", "-1", "9" * 99, "²"], **wrong}).status_code == 200

    def test_files_are_named_by_their_sizes(self, boss: Client) -> None:
        unsaid = {"pasted-0-title": "", "pasted-0-text": ""}
        assert "No source is given yet" in boss.post(ESTIMATE, asked(**unsaid)).content.decode()
        assert "No source is given yet" not in boss.post(ESTIMATE, asked(sizes=["4000"], **unsaid)).content.decode()

    def test_page_and_estimate_take_a_bounded_number_of_queries(
        self, boss: Client, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(4):
            boss.get(START)
        with django_assert_max_num_queries(5):
            boss.post(ESTIMATE, asked())
