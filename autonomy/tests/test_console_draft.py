"""The draft page of a run and the page of a source, as staff read them."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from autonomy.console.run_page import draft as page
from autonomy.graph import drafts
from autonomy.models import Passage, Run, Source
from autonomy.runtime.seeding import seed
from autonomy.selectors.checkpoints import checkpoints_of
from autonomy.selectors.draft import draft_of, hand_offs_of
from autonomy.selectors.passages import window
from autonomy.services.fork_run import fork_run
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.scripted import write_section
from conftest import SEA_WALLS
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

PROBE = "<script>window.hacked=1</script>\"'><img src=x onerror=hacked()> {{ 12345*3 }}"


def read(run, user, query=""):
    request = RequestFactory().get(f"/{query}")
    request.user = user
    return page.read(request, run)


def shown(run, user, query=""):
    return render_to_string("console/run/draft.html", {**read(run, user, query), "run": run})


def deliver(run, similarity):
    cycle = Cycle.objects.filter(run=run).latest("number")
    url = f"https://reports.example.org/{cycle.number}"
    deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)
    run.refresh_from_db()


def checkpoints(run, route):
    return [one["checkpoint_id"] for one in checkpoints_of(run, limit=50)["checkpoints"] if one["route"] == route]


def planted(sections, *, sources=(), headings=None, **state):
    """A run whose newest state holds a whole draft of these texts."""
    run = RunFactory()
    headings = headings or [f"Part {number}" for number, _ in enumerate(sections, start=1)]
    plan = {
        "title": "On walls",
        "words": 100,
        "sections": [
            {"id": f"s{n}", "heading": heading, "question": "What?", "words": 100, "queries": ["q"], "passages": []}
            for n, heading in enumerate(headings, start=1)
        ],
    }
    written = [{"id": f"s{n}", "markdown": text} for n, text in enumerate(sections, start=1)]
    values = {
        "run_id": str(run.pk), "user_id": "1", "journey": "essay", "task": {"topic": "Walls"}, "plan": plan,
        "sources": list(sources), "draft": drafts.put_together(plan, written, ["writer"]), "route": "turnitin_pause",
        "revision": 0, "last_observation": {"kind": "draft", "words": 3},
        "last_verdict": {"accepted": False, "failures": [], "note": "", "redrafts": 0}, **state,
    }  # fmt: skip
    seed(run.pk, values)
    return run


def a_source(run, key="w", texts=("The wall is raised again.",), title="Walls"):
    row = Source.objects.create(
        run=run, key=key, title=title, filename="w.txt", origin="upload", original=b"", sha256=key.ljust(64, "x"),
        status="read",
    )  # fmt: skip
    Passage.objects.bulk_create(
        Passage(run=run, source=row, position=n, text=text) for n, text in enumerate(texts, start=1)
    )
    return row


def in_state(key="w", texts=("The wall is raised again.",), title="Walls", **csl):
    passages = [{"id": f"{key}#{n}", "text": text} for n, text in enumerate(texts, start=1)]
    return {"key": key, "title": title, "csl": csl, "passages": passages}


class TestWhichDraft:
    def test_a_run_that_has_not_begun_says_so(self, superuser, start):
        html = shown(start(), superuser)
        assert "No draft yet" in html
        assert "The run plans and looks for passages first." in html

    def test_a_run_without_any_checkpoint_is_no_error(self, superuser):
        assert "Nothing is kept of what this run has written." in shown(RunFactory(), superuser)

    def test_each_hand_off_can_be_read_again(self, superuser, model, start, work):
        model.section = lambda request: (
            f"{write_section(request)} This is revision {request.material['revision']} [@walls]."
        )
        run = start()
        work()
        deliver(run, 0.4)
        work()
        run.refresh_from_db()
        hand_offs = hand_offs_of(run)
        assert [one["number"] for one in hand_offs] == [1, 2]
        newest = shown(run, superuser)
        assert "This is revision 1" in newest
        first = shown(run, superuser, f"?checkpoint={hand_offs[0]['checkpoint_id']}")
        assert "This is revision 0" in first
        assert re.search(r'<a href="\?checkpoint=\S+" aria-current="true">Hand-off 1</a>', first)
        assert '<a href="?" aria-current="true">Newest</a>' in newest

    def test_any_checkpoint_may_be_asked_for(self, superuser, model, start, work):
        run = start()
        work()
        first = checkpoints_of(run, limit=50)["checkpoints"][-1]["checkpoint_id"]
        html = shown(run, superuser, f"?checkpoint={first}")
        assert "This checkpoint</a>" in html
        assert "No draft yet" in html

    @pytest.mark.parametrize("asked", ["nonsense", "1' OR 1=1", "%00", "1f1e6dc4-1c5e-6fe7-8006-2278dd42a903"])
    def test_a_checkpoint_that_is_not_there_gives_the_newest_and_says_so(self, superuser, model, start, work, asked):
        run = start()
        work()
        html = shown(run, superuser, f"?checkpoint={asked}")
        assert "There is no such checkpoint of this run any more." in html
        assert "One source says" in html

    def test_another_run_s_checkpoint_is_not_shown(self, superuser, model, start, work):
        one, other = start(), start()
        work()
        theirs = hand_offs_of(other)[0]["checkpoint_id"]
        assert draft_of(one, checkpoint_id=theirs) is None

    def test_a_first_draft_under_way_shows_what_is_there(self, superuser):
        run = planted(["Whole text."])
        state = draft_of(run)
        plan = {
            "title": "T",
            "words": 10,
            "sections": [{"id": "s1", "heading": "A", "words": 5}, {"id": "s2", "heading": "B", "words": 5}],
        }
        begun = drafts.go_on({}, plan, [{"id": "s1", "markdown": "Only this so far."}], ["w"])
        assert state["is_whole"]
        run = planted(["x"], plan=plan, draft=begun, route="draft", last_observation={}, last_verdict={})
        html = shown(run, superuser)
        assert "Only this so far." in html
        assert "1 of 2 sections" in html
        assert "Not written yet, about 5 words planned" in html
        assert "judges a draft once all of its sections are there" in html

    def test_beside_a_draft_under_way_the_last_whole_one_is_shown_first(self, superuser):
        plan = {
            "title": "T",
            "words": 10,
            "sections": [{"id": "s1", "heading": "New", "words": 5}, {"id": "s2", "heading": "B", "words": 5}],
        }
        old = drafts.put_together(
            {"title": "Old", "sections": [{"id": "s1", "heading": "Before"}]}, [{"id": "s1", "markdown": "Whole."}], []
        )
        both = drafts.go_on(old, plan, [{"id": "s1", "markdown": "Begun."}], ["w"])
        run = planted(["x"], plan=plan, draft=both, route="draft")
        html = shown(run, superuser)
        assert "Whole." in html
        assert "Before</h3>" in html, "the heading it was written under, not the new plan's"
        assert "A newer plan has taken the place" in html
        assert "Under way: 1 of 2 sections</a>" in html
        begun = shown(run, superuser, "?draft=begun")
        assert "Begun." in begun
        assert "Whole." not in begun

    def test_a_draft_of_another_journey_without_sections_is_shown_whole(self, superuser, quick, work):
        run = quick()
        work()
        assert "<p>Text.</p>" in shown(run, superuser)


class TestCitations:
    def test_a_citation_leads_to_its_passage_and_on_to_the_source(self, superuser, model, start, work):
        run = start()
        work()
        source = Source.objects.get(run=run)
        html = shown(run, superuser)
        assert re.search(r'<a href="#cited-1" id="cite-1"[^>]*><span class="draft-hidden">source </span>1</a>', html)
        assert '<details id="cited-1">' in html
        assert f'href="/admin/autonomy/source/{source.pk}/change/?passage=1#passage-1"' in html
        assert "<mark>A sea wall is a wall built along the shore" in html, "what is quoted is marked in the passage"
        assert 'href="#cite-1"' in html

    def test_every_anchor_that_is_linked_is_there_once(self, superuser, model, start, work):
        run = start()
        work()
        html = shown(run, superuser)
        ids = re.findall(r' id="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)

    def test_the_passage_that_is_quoted_is_the_one_that_opens(self, superuser):
        texts = ["Walls are built.", "Rock breaks the waves at its foot.", "Sand is lost."]
        run = planted(["It says “rock breaks the waves” [@w]."], sources=[in_state(texts=texts)])
        source = a_source(run, texts=texts)
        assert f"/source/{source.pk}/change/?passage=2#passage-2" in shown(run, superuser)

    def test_a_key_without_a_source_is_told_in_words(self, superuser):
        html = shown(planted(["So it is [see @nobody, p. 3]."]), superuser)
        assert '[see <span class="draft-unknown">@nobody: no such source</span>, p. 3]' in html

    def test_without_the_permission_to_see_sources_no_passage_is_shown(self):
        run = planted(["So it is [@w]."], sources=[in_state(texts=["A secret passage."])])
        source = a_source(run, texts=["A secret passage."])
        html = shown(run, UserFactory(is_staff=True))
        assert "secret" not in html
        assert f"/source/{source.pk}/" not in html
        assert "once you have the permission to view sources" in html

    def test_a_thousand_citations_are_bounded(self, superuser):
        run = planted(["So it is [@w]. " * 3000], sources=[in_state()])
        html = shown(run, superuser)
        assert html.count('class="draft-cite"') == 500


class TestPreflight:
    COPIED = "place rock at the foot of the wall, which breaks"

    def preflight(self, **changes):
        match = {"section": "Part 1", "text": self.COPIED, "words": 10, "key": "w", "title": "Walls", "passage": "w#1"}
        share = {"key": "w", "title": "Walls", "overlap": 0.2, "quoted": 0.1, "words": 12}
        found = {"overlap": 0.2, "quoted": 0.1, "sources": [share], "matches": [match | changes]}
        return {"accepted": False, "failures": [], "note": "", "redrafts": 0, "preflight": found}

    def test_a_match_is_marked_in_the_text_through_markup(self, superuser):
        text = "Engineers *place rock at* the foot of the wall [@w], which breaks them."
        run = planted([text], sources=[in_state()], last_verdict=self.preflight())
        a_source(run, texts=[SEA_WALLS])
        html = shown(run, superuser)
        assert (
            '<em><mark class="draft-match">place rock at</mark></em>'
            '<mark class="draft-match"> the foot of the wall</mark>' in html
        )
        assert "10 words also in “Walls”, match </span>1</a></sup>" in html
        assert "<mark>place rock at the foot of the wall, which breaks</mark>" in html, "in the passage as well"
        assert 'href="#marked-1"' in html

    def test_a_match_that_is_not_found_again_is_listed_only(self, superuser):
        run = planted(["Other words."], sources=[in_state()], last_verdict=self.preflight())
        html = shown(run, superuser)
        assert "<mark" not in html
        assert "Its place in the text was not found again." in html

    def test_the_card_tells_the_overlap_against_its_bound(self, superuser, env):
        run = planted(["Other words."], sources=[in_state()], last_verdict=self.preflight())
        html = shown(run, superuser)
        assert "Above the bound" in html
        assert "20%, at most 10% may" in html
        env(autonomy_preflight_overlap=0.25)
        assert "Within the bound" in shown(run, superuser)

    def test_a_draft_that_the_critic_has_not_seen_carries_no_findings_of_the_one_before(self, superuser):
        run = planted([f"They {self.COPIED} them."], route="critic", last_verdict=self.preflight())
        html = shown(run, superuser)
        assert "Not judged yet" in html
        assert "<mark" not in html
        assert "has not been compared with its sources" in html

    def test_a_real_draft_that_copies_is_marked(self, superuser, model, start, work):
        phrases = ["Waves that meet the wall are thrown back, and", "must be raised again when the sea rises, and"]
        model.section = lambda request: f"{write_section(request)} Here {' so they say. Also '.join(phrases)} [@walls]"
        run = start()
        work()
        html = shown(run, superuser)
        assert html.count('id="marked-') == 2
        assert "Its place in the text was not found again." not in html
        assert "Too much in common with the sources" in html

    def test_what_the_critic_found_is_told_in_words(self, superuser):
        failures = [{"gate": "citations_resolve", "section": "Part 1", "message": PROBE}]
        run = planted(["Text."], last_verdict={"accepted": False, "failures": failures, "note": PROBE, "redrafts": 1})
        html = shown(run, superuser)
        assert "One finding" in html
        assert "Citation without a source, Part 1." in html
        assert "<script>window" not in html

    def test_an_accepted_draft_says_so(self, superuser, model, start, work):
        run = start()
        work()
        deliver(run, 0.05)
        work()
        assert "its originality report is within the target" in shown(run, superuser)


class TestHostile:
    def test_nothing_of_a_hostile_state_runs(self, superuser):
        source = in_state(title=PROBE, texts=[PROBE], author=[{"literal": PROBE}])
        match = {"section": PROBE, "text": PROBE, "words": 9, "key": "w", "title": PROBE, "passage": "w#1"}
        share = {"key": "w", "title": PROBE, "overlap": 0.5, "quoted": 0, "words": 9}
        verdict = {"accepted": False, "failures": [], "note": PROBE, "redrafts": 0,
                   "preflight": {"overlap": 0.5, "quoted": 0, "sources": [share], "matches": [match]}}  # fmt: skip
        run = planted(
            [f"{PROBE} [@w] [x](javascript:alert(1))"], sources=[source], headings=[PROBE], last_verdict=verdict
        )
        a_source(run, texts=[PROBE], title=PROBE[:100])
        html = shown(run, superuser)
        assert not re.search(r"<(script(?! type=\"module\")|img|iframe|style)", html)
        assert not re.search(r"<[^>]*\s(on\w+|style|x-\w+|@\w+)=", re.sub(r'"[^"]*"', '""', html))
        assert "37035" not in html

    @pytest.mark.parametrize("text", ["\ud800 half", "nul \0 here", "a\u202eb", "[@w" * 3000, "“" * 20000])
    def test_strange_letters_stop_nothing(self, superuser, text):
        shown(planted([text], sources=[in_state()]), superuser).encode()

    def test_a_draft_too_long_for_a_page_is_cut_and_says_so(self, superuser):
        html = shown(planted(["word " * 40_000] * 5), superuser)
        assert "too long to be shown whole" in html
        assert len(html) < 600_000

    def test_a_passage_id_that_is_none_is_passed_over(self, superuser):
        found = TestPreflight().preflight(passage="w#99999999999999999999")
        assert "In common with the sources" in shown(
            planted(["x"], sources=[in_state()], last_verdict=found), superuser
        )


def test_a_draft_page_takes_four_queries_however_much_it_cites(superuser, django_assert_max_num_queries):
    keys = [f"w{n}" for n in range(40)]
    matches = [
        {"section": "Part 1", "text": "x", "words": 9, "key": key, "title": key, "passage": f"{key}#1"} for key in keys
    ]
    verdict = {"accepted": False, "failures": [], "note": "", "redrafts": 0,
               "preflight": {"overlap": 0.1, "quoted": 0, "sources": [], "matches": matches}}  # fmt: skip
    text = " ".join(f"So it is [@{key}]." for key in keys)
    run = planted([text] * 4, sources=[in_state(key) for key in keys], last_verdict=verdict)
    for key in keys:
        a_source(run, key)
    run = Run.objects.get(pk=run.pk)
    with django_assert_max_num_queries(4):
        assert shown(run, superuser).count('class="draft-cite"') == 160


def test_an_edited_draft_goes_by_its_own_text(superuser, model, start, work):
    run = start()
    work()
    sections = [{"id": one["id"], "markdown": "A person wrote this [@walls]."} for one in draft_of(run)["sections"]]
    fork, _ = fork_run(run_id=run.pk, actor=superuser, patch={"draft": {"sections": sections}, "route": "critic"})
    html = shown(fork, superuser)
    assert "A person wrote this" in html
    assert "Not judged yet" in html
    own = Source.objects.get(run=fork)
    assert f"/source/{own.pk}/change/?passage=" in html, "the fork's own copy of the source"


class TestSourcePage:
    @pytest.fixture
    def book(self):
        return a_source(RunFactory(), texts=[f"Passage number {n} of the book." for n in range(1, 101)])

    def page(self, boss, source, query=""):
        return boss.get(f"/admin/autonomy/source/{source.pk}/change/{query}").content.decode()

    def test_it_begins_at_the_beginning_with_a_link_onwards(self, boss, book):
        html = self.page(boss, book)
        assert "Passages 1 to 20, the last one is 100." in html
        assert 'href="?from=21#passages"' in html
        assert "Previous passages" not in html

    def test_a_passage_is_shown_marked_among_its_neighbours(self, boss, book):
        html = self.page(boss, book, "?passage=50")
        assert "<mark>Passage number 50 of the book.</mark>" in html
        assert 'id="passage-50" class="draft-source-passage" aria-current="true"' in html
        assert "Passages 46 to 65" in html
        assert 'href="?from=26&amp;passage=50#passages"' in html
        assert html.count('aria-current="true"') == 1

    def test_going_on_keeps_the_mark(self, boss, book):
        assert "<mark>" not in self.page(boss, book, "?from=66&passage=50")
        assert "<mark>" in self.page(boss, book, "?from=40&passage=50")

    def test_the_last_window_ends(self, boss, book):
        html = self.page(boss, book, "?passage=100")
        assert "Next passages" not in html
        assert "Passages 96 to 100" in html

    @pytest.mark.parametrize("asked", ["passage=4000", "passage=999999999"])
    def test_a_passage_that_is_not_there_is_told(self, boss, book, asked):
        html = self.page(boss, book, f"?{asked}")
        assert "This source has no passage" in html
        assert "Passages 1 to 20" in html

    @pytest.mark.parametrize("asked", ["passage=-1", "passage=x", "passage=²", "from=99999999999999", "passage=1%00"])
    def test_nonsense_is_passed_over(self, boss, book, asked):
        assert "Passages 1 to 20" in self.page(boss, book, f"?{asked}")

    def test_beyond_the_end_it_begins_again(self, boss, book):
        assert "Passages 1 to 20" in self.page(boss, book, "?from=500")

    def test_a_book_takes_three_queries_for_its_text(self, book, django_assert_max_num_queries):
        with django_assert_max_num_queries(3):
            window(book.pk, around=50)
