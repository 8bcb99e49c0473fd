from __future__ import annotations

import time

import pytest

from autonomy.graph import gates
from autonomy.text import citations, prose, quotations

HUMAN = "Nobody gets a wall once and for all [@walls]."
PASSAGE = (
    "A sea wall is a wall built along the shore to keep the water out of a town, and it must be "
    "raised again whenever the sea itself has risen by more than its builders had foreseen."
)
SOURCES = [
    {"key": "walls", "title": "Walls and what they cost", "passages": [{"id": "walls#1", "text": PASSAGE}]},
    {"key": "trees", "title": "Trees", "passages": [{"id": "trees#1", "text": "Mangroves slow the waves of a storm."}]},
]
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


INVENTED = "walls always fail and kill people"
VERBATIM = "keep the water out of a town"
MARKS = ["“{}”", '"{}"', "«{}»", "« {} »", "»{}«", "„{}“", "„{}”", "”{}“", "”{}”", "‘{}’", "'{}'", "‚{}‘", "‹{}›",
         "''{}''", "‘‘{}’’", "<< {} >>", "「{}」", "＂{}＂", "&ldquo;{}&rdquo;", '\\"{}\\"', "*“{}”*"]  # fmt: skip


@pytest.mark.parametrize("marks", MARKS)
def test_an_invented_quotation_is_stopped_in_whatever_marks_it_stands(marks):
    assert "quotations_verbatim" in failures(f"The author says {marks.format(INVENTED)} [@walls].", words=10)


@pytest.mark.parametrize("marks", MARKS)
def test_a_verbatim_quotation_passes_in_whatever_marks_it_stands(marks):
    assert failures(f"A wall is there to {marks.format(VERBATIM)} [@walls].", words=10) == []


@pytest.mark.parametrize(
    "text",
    [
        "He says “walls always fail [@walls].",
        'He says "walls always fail [@walls].',
        "He says «walls always fail [@walls].",
        "He says ‘walls always fail [@walls].",
        "He says walls always fail” [@walls].",
        "He says “keep the “water out” of a town” [@walls].",
        f"He says “{INVENTED} [@walls].\n\nAnd so on” [@walls].",
    ],
)
def test_a_quotation_that_is_not_closed_is_stopped(text):
    assert "quotations_closed" in failures(text, words=10)


@pytest.mark.parametrize(
    "text",
    [
        "The towns’ walls and the cities’ gates aren’t what the ’90s wanted, ’tis said [@walls].",
        "The towns' walls and the cities' gates aren't what the '90s wanted, 'tis said [@walls].",
        "What they call ‘a wall’ and 'a gate' is 6\" high, or 5'10\", in rock 'n' roll [@walls].",
    ],
)
def test_apostrophes_and_inches_are_no_quotations(text):
    assert failures(text, words=15) == []


def test_a_quotation_keeps_the_quotation_within_it():
    text = "“He called it “the ‘big’ wall” of the town”"
    assert quotations.found(quotations.folded("«He called it “the wall” there»")) == ["He called it 'the wall' there"]
    assert quotations.unbalanced(quotations.folded(text)) == "“"


def test_reading_quotation_marks_takes_no_time_whatever_they_are():
    for marks in ("“ ", "'a ", "'as' b ", '"a ', "‘a ", "»a ", "‹a ", "‚a ", '5" '):
        began = time.perf_counter()
        quotations.folded(marks * (50_000 // len(marks)))
        assert time.perf_counter() - began < 2, marks


@pytest.mark.parametrize("text", ["He says “” [@walls].", "It stops “all” [@walls].", "He says “a” “l” “ow” [@walls]."])
def test_a_part_of_a_word_is_no_quotation(text):
    assert "quotations_verbatim" in failures(text, words=5)


def test_the_title_of_a_source_may_be_quoted():
    assert failures("There is also “Walls and what they cost” on the matter [@walls].", words=10) == []


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("# Walls\nWalls of their own [@walls].", "a heading"),
        ("###### Walls", "a heading"),
        ("Walls [@walls]\n---", "a heading"),
        ("See [the page](https://evil.example) [@walls].", "a link"),
        ("See [@walls](https://evil.example).", "a link"),
        ("See [click](javascript:alert(1)) [@walls].", "a link"),
        ("See [click](a b) [@walls].", "a link"),
        ("See [click][there] [@walls].\n\n[there]: https://evil.example", "a link"),
        ("So it is [@walls].\n\n[there]: https://evil.example", "a link or footnote definition"),
        ("See <https://evil.example> [@walls].", "a link"),
        ("See <javascript:x> [@walls].", "an HTML tag"),
        ("See ![x](http://evil.example/x.png) [@walls].", "an image"),
        ("So it is `[@walls]`.", "a code span"),
        ("So it is ` there [@walls].", "a code span"),
        ("    So it is [@walls].", "an indented code block"),
        ("```\nSo it is [@walls].\n```", "a code block"),
        ("~~~\nSo it is [@walls].\n~~~", "a code block"),
        ("So it is <!-- [@walls] -->.", "an HTML tag"),
        ("So it is <b>there</b> [@walls].", "an HTML tag"),
        ("<div>\nSo it is [@walls].\n</div>", "an HTML tag"),
        ("> So it is [@walls].", "a block quotation"),
        ("- > So it is [@walls].", "a block quotation"),
        ("So it is[^1] [@walls].", "a footnote"),
        ("So it is^[a note] [@walls].", "a footnote"),
        ("So it is [@walls].\n\n[^1]: Walls kill.", "a footnote"),
        ("| a | b |\n|---|---|\n| c | d [@walls] |", "a table"),
        ("a | b\n--|--\nc | d [@walls]", "a table"),
        ("+---+\n| c [@walls] |\n+---+", "a table"),
        ("| a line [@walls]", "a table"),
        ("a  b\n-- --\nc  d [@walls]", "a rule"),
        ("Wall\n: a thing [@walls]", "a definition list"),
        ("So it is \\[@walls\\].", "a bracket or @ that is escaped"),
        ("So it is &#91;@walls].", "a bracket or @ that is escaped"),
        ("- " * 12 + "walls [@walls]", "a list within lists within lists"),
    ],
)
def test_what_is_more_than_prose_is_stopped(more, what):
    assert what in prose.beyond(f"{HUMAN}\n\n{more}")
    assert "plain_prose" in failures(f"{HUMAN}\n\n{more}", words=15)


@pytest.mark.parametrize(
    "text",
    [
        "So *it* is, **so** it is, at https://example.org/a_b, for $5 or $6, CO~2~ and m^2^ [@walls].",
        "- So it is, #hashtag and all, 2 < 3 > 1 [see @walls, pp. 3-5; -@trees].\n- And so it is there.",
        "#hashtag is what they say in the town, 3 * 4 of them, [sic] [@walls][@trees].",
        "It is so, and\nso it is, \\* as they say, &amp; so on [@walls, @trees].",
    ],
)
def test_plain_prose_passes(text):
    assert failures(text, words=15) == []


def test_text_behind_a_hash_is_judged_like_any_other():
    found = failures(f"{GOOD}\n\n#hashtag {PASSAGE}")
    assert {"section_supported", "quotation_marked"} <= set(found)
    assert "quotation_marked" in failures(f"{GOOD}\n\n# Walls\n{PASSAGE}")


def test_the_paragraphs_are_what_a_reader_sees():
    text = "# Walls\n\nOne *w*a&#108;l,\na\u00adn\u200bd so on.\n\n- two\n- three\n\n1. four\n\n   five\n"
    assert prose.paragraphs(text) == ["One wall, and so on.", "two\nthree", "four", "five"]


@pytest.mark.parametrize("text", ["So it is [me@walls].", "So it is by @walls.", "So it is [@{walls}].", "[walls@]"])
def test_an_at_sign_that_is_no_citation_supports_no_paragraph(text):
    assert "section_supported" in failures(text, words=5)


def test_a_citation_holds_no_text_of_its_own():
    assert "citations_brief" in failures(f"So it is [{PASSAGE} @walls].", words=5)
    assert failures("So it is [see also @walls, pp. 3-5, emphasis in the original].", words=5) == []


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text.replace("e", "e\u00ad"),
        lambda text: text.replace("e", "e\u200b"),
        lambda text: text.replace("a", "\u2060a\ufeff"),
        lambda text: text.replace("e", "&shy;e"),
        lambda text: text.replace("a", "&#97;"),
        lambda text: text.replace("w", "ｗ"),
        lambda text: text.replace(" wall", " *w*all"),
        lambda text: text.replace("a", "~a~"),
        lambda text: text.replace(" ", "-"),
        lambda text: text.replace(" to ", " “to” "),
        lambda text: text.replace(" a ", ' "a" ').replace("the", "‘the’"),
        lambda text: text.replace(" the shore", " “the shore”").replace(" must be ", " «must be» "),
    ],
)
def test_copied_text_is_found_in_every_disguise(disguise):
    assert "quotation_marked" in failures(f"{GOOD} {disguise(PASSAGE)}")


QUOTE = f"“{VERBATIM}”"


@pytest.mark.parametrize(
    "text",
    [
        f"*Walls* [@walls] puts it: {QUOTE}.",
        f"*Walls* puts it: {QUOTE} [@walls]. Trees help as well [@trees].",
        f"Trees help as well [@trees]. {QUOTE} [@walls], in the words of another.",
        f"Trees help as well [@trees]. They {QUOTE}. [@walls] So it is.",
        f"Trees [@trees] are no wall, to {QUOTE} [@walls].",
        f"It says a good deal. They {QUOTE}. That is all there is to say [@walls].",
        f"It says a good deal [@walls]. They {QUOTE}.",
        "Mangroves “slow the waves of a storm.” [@trees] A wall is there to “keep the water out” [@walls, p. 3].",
    ],
)
def test_a_quotation_belongs_to_the_citation_beside_it(text):
    assert failures(text, words=15) == []


@pytest.mark.parametrize(
    "text",
    [
        f"Trees are there to {QUOTE} [@trees]. More on walls is there [@walls].",
        f"Trees are there to {QUOTE}. [@trees] More on walls is there [@walls].",
        f"More on walls is there [@walls]. *Trees* [@trees] puts it: {QUOTE}.",
        f"*Trees* [@trees] puts it: {QUOTE}. More on walls is there [@walls].",
        f"More on walls is there [@walls]. {QUOTE} [@trees].",
        f"Nothing is said. {QUOTE} Much is said of trees [@trees]. More on walls is there [@walls].",
    ],
)
def test_a_quotation_of_another_source_than_the_cited_one_is_stopped(text):
    assert failures(text, words=15) == ["quotations_verbatim"]


def test_every_failure_is_told_in_a_sentence_that_names_the_place():
    text = f"# One\n\nTwo “{INVENTED}” [@ghost]. Three “four.\n\n{PASSAGE}"
    plan = {"words": 5, "sections": [{"id": "s1", "heading": "Walls"}]}
    found = gates.check({"sections": [{"id": "s1", "markdown": text}], "words": 50}, plan, SOURCES)
    assert [failure.message for failure in found] == [
        "The section has a heading; write plain paragraphs only.",
        "[@ghost] is not a source of this run.",
        "Paragraph 1 cites no source.",
        "Paragraph 2 cites no source.",
        "At “four.” a quotation is not both opened with “ and closed with ”.",
        f"“{INVENTED}” does not stand in the source that is cited for it.",
        "“a sea wall is a wall built along the shore to keep” is a source's wording and not marked as a quotation.",
        "The draft has 50 words; the plan asks for about 5.",
    ]
    assert found[0].as_dict() == {"gate": "plain_prose", "section": "Walls", "message": found[0].message}


def test_citation_keys_are_read_in_pandoc_s_syntax():
    assert citations.keys("So [@a; see @b-2, p. 4]. But mail@example.org is none [x].") == ["a", "b-2"]
    assert citations.keys("[-@a] [see -@b:] [@c.] [@d/] [@e--f] [(@g)] [see\n@h,@i]") == list("abcdeghi")
    assert citations.keys("[me@a] @b \\[@c] [\\@d] [@@e] [x\n\n@f] [@-g] [@{h}] [.@i]") == []


def test_an_at_sign_in_running_text_is_no_citation():
    assert citations.with_plain_ats("At @home, me@example.org [@a; @b].") == "At \\@home, me@example.org [@a; @b]."
    assert citations.with_plain_ats("\\@home") == "\\@home"
    assert citations.with_plain_ats("@@x @{x} @-x _@x_ \\\\@x") == "\\@\\@x \\@{x} \\@-x _\\@x_ \\\\\\@x"
    assert citations.with_plain_ats("[@{x}] [@a; *@b*]") == "[\\@{x}] [@a; *\\@b*]"
    once = citations.with_plain_ats("# The @Instagram effect\n\n[me@b; @c]")
    assert once == citations.with_plain_ats(once) == "# The \\@Instagram effect\n\n[me@b; @c]"


def test_a_title_is_plain_text_whatever_it_holds():
    assert citations.plain(" The\n\n# [@ghost] *effect* ") == r"The \# \[\@ghost\] \*effect\*"
    assert citations.plain("R&D, Q&amp;A {#id} | a_b") == r"R&D, Q\&amp;A \{\#id\} \| a\_b"
    assert citations.keys(citations.plain("[@ghost] @ghost")) == []
