"""Which passage a citation rests on, and where a copied stretch stands: pure functions of text."""

from __future__ import annotations

import pytest

from autonomy.graph import drafts
from autonomy.text import citations, quotations
from autonomy.text.author_date import author_date
from autonomy.text.claims import claims
from autonomy.text.stretch import Place, Stretches, shared
from autonomy.text.support import Passages

WALLS = [
    ("w#1", "Sea walls keep the water out of a town, and the beach before them wears away over the years."),
    ("w#2", "Salt marshes take the strain off the walls: “new marsh stores flood water”, as engineers say."),
    ("w#3", "A wall must be raised again when the sea rises, and each raising costs more than the last."),
]


def best(text, among=()):
    [claim] = claims(text)
    return Passages(WALLS).best_for(claim, among)


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        ("They say: “A wall must be raised again” [@w].", "w#3"),
        ("“New marsh stores flood water.” [@w]", "w#2"),
        ("The raising costs more each time [@w].", "w#3"),
        ("Beaches before them wear away, and years of it [see @w, p. 3].", "w#1"),
        ("Walls talk of salt marshes and raising costs, but “the water out of a town” counts [@w].", "w#1"),
        ("Marshes are told of. The raising costs more each time. [@w]", "w#3"),
        ("Nothing in common [@w].", "w#1"),
    ],
)
def test_the_passage_that_is_quoted_or_else_the_closest_supports_a_citation(text, passage):
    assert best(text).passage == passage


def test_of_passages_alike_that_of_the_section_is_taken():
    assert best("Nothing in common [@w].", ["w#2"]).passage == "w#2"


def test_what_is_quoted_word_for_word_is_told():
    assert best("“A wall must be raised again” and “all” [@w].").quotations == ("A wall must be raised again",)


def test_a_source_without_passages_supports_nothing():
    [claim] = claims("So [@w].")
    assert Passages([]).best_for(claim) is None


def test_a_quotation_two_sentences_before_belongs_to_the_next_citation():
    first, second = claims("One [@a]. “Quoted words here.” More of it. Then this [-@b; see @c].")
    assert first.quotations == []
    assert second.quotations == ["Quoted words here."]
    assert [key for _, _, key in second.keys] == ["b", "c"]
    assert second.sentence.startswith("Then this")


def test_a_key_s_place_is_from_its_at_sign_to_its_end():
    text = "So [see @a-b, p. 3; -@c.d.] and @e, me@f.example"
    assert [(text[start:end], key) for start, end, key in citations.key_places(text)] == [
        ("@a-b", "a-b"),
        ("@c.d", "c.d"),
    ]


@pytest.mark.parametrize("text", ["''Doubled'' “and” 'some single words' 12\" <<so>> ,,x''", "it's ‘odd", "“open", ""])
def test_quotations_are_folded_letter_for_letter(text):
    assert len(quotations.in_place(text)) == len(text)


def test_a_quotation_in_doubled_marks_is_found_at_its_place():
    text = "They say ''so it is'' here"
    [(start, end)] = quotations.spans(quotations.in_place(text))
    assert text[start:end].strip("'") == "so it is"


class TestStretches:
    COPIED = "the wall are thrown back and wear the beach away"

    def test_a_stretch_is_found_by_its_words_whatever_their_case_and_marks(self):
        text = "Waves at: The wall — are thrown\nback, and wear the beach away!"
        [place] = Stretches(["Other words.", text]).find(self.COPIED, 10)
        assert text[place.start : place.end] == "The wall — are thrown\nback, and wear the beach away!"
        assert place.paragraph == 1

    def test_a_citation_within_it_is_not_marked(self):
        text = f"So {self.COPIED[:24]} [@w] {self.COPIED[25:]} now"
        pieces = Stretches([text]).find(self.COPIED, 10)
        assert [text[one.start : one.end] for one in pieces] == [self.COPIED[:24], self.COPIED[25:]]

    def test_the_same_words_in_a_quotation_are_not_the_stretch(self):
        text = f"“{self.COPIED}” [@w]. And {self.COPIED}."
        [place] = Stretches([text]).find(self.COPIED, 10)
        assert place.start > text.index("And")

    def test_a_stretch_that_was_cut_short_goes_on_to_its_length(self):
        text = " ".join(f"word{n}" for n in range(60))
        [place] = Stretches([text]).find(" ".join(f"word{n}" for n in range(5, 30)) + " wor…", 40)
        assert text[place.start : place.end].split()[-1] == "word44"

    def test_asked_again_it_gives_the_next_place_and_then_none(self):
        stretches = Stretches([f"{self.COPIED}. And {self.COPIED}."])
        first, second = stretches.find(self.COPIED, 10), stretches.find(self.COPIED, 10)
        assert first[0].start < second[0].start
        assert stretches.find(self.COPIED, 10) == []

    @pytest.mark.parametrize("text", ["", "…", "nothing like it", "[@w]"])
    def test_what_does_not_stand_there_is_not_found(self, text):
        assert Stretches(["Some words of a text.", ""]).find(text, 9) == []

    def test_a_list_item_s_words_may_go_on_in_the_next(self):
        assert Stretches(["one two three", "four five"]).find("two three four", 3) == [Place(0, 4, 13), Place(1, 0, 4)]


def test_what_a_passage_shares_with_a_wording_is_told_by_its_place():
    text = "No. “The wall” must be raised again, they say."
    start, end = shared(text, "wall must be raised by others")
    assert text[start:end] == "wall” must be raised"
    assert shared(text, "wall of others entirely") is None
    assert shared(text, "") is None


class TestParts:
    PLAN = {"title": "A *title*", "sections": [{"id": "s1", "heading": "One @x"}, {"id": "s2", "heading": "Two"}]}
    SECTIONS = [{"id": "s1", "markdown": "First.\n\n## Two\n\nStill."}, {"id": "s2", "markdown": "Second."}]

    def test_a_draft_is_taken_apart_as_it_was_put_together(self):
        draft = drafts.put_together(self.PLAN, self.SECTIONS, [])
        assert drafts.parts(draft) == (
            "A \\*title\\*",
            [("One \\@x", "First.\n\n## Two\n\nStill."), ("Two", "Second.")],
        )

    @pytest.mark.parametrize("markdown", ["Text.", "# A\n\nText.", "# A\n\n## One\n\nFirst.", ""])
    def test_another_text_is_not(self, markdown):
        assert drafts.parts({"markdown": markdown, "sections": self.SECTIONS}) is None
        assert drafts.parts({"markdown": markdown, "sections": []}) is None


@pytest.mark.parametrize(
    ("csl", "told"),
    [
        (
            {"author": [{"family": "Roe"}, {"literal": "Board"}], "issued": {"date-parts": [[2026, 3]]}},
            "Roe and Board, 2026",
        ),
        ({"author": [{"family": "A"}, {"family": "B"}, {"family": "C"}]}, "A et al."),
        ({"issued": {"date-parts": [["2026"]]}}, "2026"),
        ({"author": "x", "issued": {"date-parts": [[]]}}, ""),
        ({"author": [None, {"family": ""}], "issued": []}, ""),
    ],
)
def test_a_source_is_named_by_author_and_year_as_far_as_it_tells(csl, told):
    assert author_date(csl) == told
