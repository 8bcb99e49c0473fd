from __future__ import annotations

import pytest

from autonomy.graph import gates
from autonomy.text import citations

PASSAGE = (
    "A sea wall is a wall built along the shore to keep the water out of a town, and it must be "
    "raised again whenever the sea itself has risen by more than its builders had foreseen."
)
SOURCES = [{"key": "walls", "title": "Walls", "passages": [{"id": "walls#1", "text": PASSAGE}]}]
GOOD = (
    "The author is plain about it: “A sea wall is a wall built along the shore to keep the water out” [@walls]. "
    "Nobody gets a wall once and for all, since rising water asks for higher walls [@walls, p. 3]."
)


def failures(text, words=40):
    plan = {"words": words, "sections": [{"id": "s1", "heading": "Walls"}]}
    draft = {"sections": [{"id": "s1", "markdown": text}], "words": len(citations.words(text))}
    return [failure.gate for failure in gates.check(draft, plan, SOURCES)]


def test_a_quoted_and_cited_draft_passes_every_gate():
    assert failures(GOOD) == []


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        (GOOD.replace("[@walls, p. 3]", "[@walls; @ghost]"), "citations_resolve"),
        (GOOD + "\n\nA paragraph that rests on nothing at all.", "section_supported"),
        ("", "section_supported"),
        (GOOD.replace("along the shore", "along the river"), "quotations_verbatim"),
        (GOOD.replace("“", "").replace("”", ""), "quotation_marked"),
    ],
)
def test_a_draft_is_stopped_by_the_gate_it_breaks(text, gate):
    assert gate in failures(text)


@pytest.mark.parametrize("words", [10, 500])
def test_a_draft_far_from_the_planned_length_is_stopped(words):
    assert failures(GOOD, words=words) == ["word_count"]


def test_a_planned_section_that_was_not_written_is_stopped():
    plan = {"words": 40, "sections": [{"id": "s1", "heading": "Walls"}, {"id": "s2", "heading": "Gates"}]}
    draft = {"sections": [{"id": "s1", "markdown": GOOD}], "words": 40}
    assert [(f.gate, f.section) for f in gates.check(draft, plan, SOURCES)] == [("section_supported", "Gates")]


def test_a_quotation_may_differ_in_quotation_marks_dashes_spaces_and_its_last_stop():
    text = GOOD.replace("to keep the water out”", "to keep  the\nwater out.”")
    assert failures(text) == []


def test_a_run_of_words_does_not_reach_across_a_quotation():
    quoted = PASSAGE.replace("keep the water out of a town", "“keep the water out of a town”")
    first, rest = quoted.split("“")
    assert "quotation_marked" not in failures(f"{first[-30:]}“{rest[:29]}” [@walls].", words=15)


def test_citation_keys_are_read_in_pandoc_s_syntax():
    assert citations.keys("So [@a; see @b-2, p. 4]. But mail@example.org is none [x].") == ["a", "b-2"]


def test_an_at_sign_in_running_text_is_no_citation():
    assert citations.with_plain_ats("At @home, me@example.org [@a; @b].") == "At \\@home, me@example.org [@a; @b]."
    assert citations.with_plain_ats("\\@home") == "\\@home"
