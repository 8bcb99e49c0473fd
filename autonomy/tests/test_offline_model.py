"""The offline model quotes verbatim, cites everything and claims nothing of its own."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from autonomy.graph import gates
from autonomy.ports import ModelRequest, Purpose
from autonomy.providers.attempt import AttemptFailed
from autonomy.providers.offline import OfflineModel, quoting
from autonomy.providers.offline.vocabulary import Vocabulary, stems
from autonomy.providers.offline.wording import quality, quotable
from autonomy.text import citations
from autonomy.text.passages import count_words, split
from autonomy.tools.extract import extract

TOPIC = "How coastal cities adapt to rising seas"
HEADINGS = ["Mangroves and storm surge", "Who pays for defences", "Pumps, drains and sinking ground", "Early warning"]
# Plain reading only: a web page is left to the tests of extraction.
FILES = sorted(path for path in (Path(__file__).parents[1] / "demo" / "sources").iterdir() if path.suffix != ".html")


def load() -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    sources: list[dict[str, Any]] = []
    passages: list[dict[str, str]] = []
    for number, path in enumerate(FILES, start=1):
        key, found = f"s{number}", extract(path.name, path.read_bytes())
        excerpt = " ".join(found.text.split()[:120])
        about = {"key": key, "title": found.title, "words": count_words(found.text)}
        sources.append({**about, "headings": found.headings, "excerpt": excerpt})
        author = found.csl.get("author", [{}])[0].get("literal", "")
        for position, text in enumerate(split(found.text)):
            origin = {"id": f"{key}#{position}", "key": key, "title": found.title, "author": author}
            passages.append({**origin, "text": text})
    return sources, passages


SOURCES, PASSAGES = load()


def ask(purpose: str, material: dict[str, Any], limit: int = 4000) -> Any:
    return OfflineModel().answer(ModelRequest(cast(Purpose, purpose), "Write.", material, {}, limit))


def matching(heading: str, limit: int = 10) -> list[dict[str, str]]:
    asked = stems(heading)
    ranked = sorted(PASSAGES, key=lambda passage: -sum(min(3, stems(passage["text"]).count(word)) for word in asked))
    return ranked[:limit]


def material(heading: str, **changes: Any) -> dict[str, Any]:
    question = f"What do the sources say about {heading}?"
    base = {"topic": TOPIC, "heading": heading, "question": question, "words": 250, "passages": matching(heading)}
    return {**base, "note": "", "revision": 0, "quote_share": 0.75, "avoid": [], **changes}


def section(heading: str, **changes: Any) -> str:
    return str(ask("section", material(heading, **changes)).content["markdown"])


def share(markdown: str) -> float:
    quoted, total = quoting.count(markdown)
    return quoted / max(1, total)


def plain(text: str) -> str:
    return " ".join(re.sub("[“”‘’\"'«»„]", "'", text).split())


def outside_quotes(markdown: str) -> list[str]:
    bare = re.sub(r"\[@\w+\]|“[^“”]*”|\*[^*]*\*", " ¶ ", markdown)
    return re.findall(r"[\w’'-]+|¶", bare.lower())


VARIANTS = list(itertools.product(HEADINGS, [(0, 0.75), (1, 0.35), (2, 0.35), (3, 0.1)], [90, 250, 600]))


@pytest.mark.parametrize(("heading", "round_", "words"), VARIANTS)
def test_every_section_is_honest(heading: str, round_: tuple[int, float], words: int) -> None:
    revision, bound = round_
    given = material(heading, revision=revision, quote_share=bound, words=words)
    markdown = ask("section", given).content["markdown"]
    texts: dict[str, str] = {}
    for passage in given["passages"]:
        texts[passage["key"]] = texts.get(passage["key"], "") + " | " + plain(passage["text"])

    paragraphs = markdown.split("\n\n")
    assert 1 <= len(paragraphs) <= 4
    assert all("[@" in paragraph and not paragraph.startswith("#") for paragraph in paragraphs)
    assert set(re.findall(r"@(\w+)", markdown)) <= set(texts)
    # A quotation is verbatim in the source it is cited from.
    cited = re.findall(r"“([^“”]*)” \[@(\w+)\]", markdown)
    assert len(cited) == markdown.count("“") == markdown.count("”")
    assert all(plain(quotation) in texts[key] for quotation, key in cited)
    # No sentence stands without a citation, and none is the source's own wording in disguise.
    bare = re.sub(r"“[^“”]*”|\*[^*]*\*", "Q", markdown)
    assert all("[@" in sentence for sentence in re.split(r"(?<=\.)\s+(?=\S)", bare) if sentence.strip())
    ours = outside_quotes(markdown)
    for text in texts.values():
        theirs = " " + " ".join(re.findall(r"[\w’'-]+", text.lower())) + " "
        assert not any(f" {' '.join(ours[at : at + 10])} " in theirs for at in range(len(ours) - 9))
    assert share(markdown) <= bound
    assert quoting.count(markdown)[1] <= words + 60


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_same_question_gets_the_same_answer(heading: str) -> None:
    assert ask("section", material(heading)) == ask("section", material(heading))


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_lower_share_means_fewer_quoted_words(heading: str) -> None:
    first, second, third = (
        share(section(heading)),
        share(section(heading, revision=1, quote_share=0.35)),
        share(section(heading, revision=1, quote_share=0.1)),
    )
    assert first > second > third or (first > second and third == 0)
    assert quoting.quotations(section(heading, quote_share=0.0)) == []


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_revision_quotes_other_passages(heading: str) -> None:
    first = set(quoting.quotations(section(heading)))
    second = set(quoting.quotations(section(heading, revision=1, quote_share=0.35)))
    third = section(heading, revision=2, quote_share=0.35)
    assert first
    assert second
    assert len(first & second) < len(second)
    assert third not in (section(heading), section(heading, revision=1, quote_share=0.35))


def test_quotations_used_elsewhere_are_not_repeated() -> None:
    first = quoting.quotations(section("Early warning"))
    again = quoting.quotations(section("Early warning", avoid=first))
    assert not set(first) & set(again)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_first_draft_draws_on_several_sources_and_fills_its_length(heading: str) -> None:
    markdown = section(heading)
    assert len(set(re.findall(r"@(\w+)", markdown))) >= 3
    assert 150 <= quoting.count(markdown)[1] <= 290


def test_no_passages_give_no_text() -> None:
    assert section("Early warning", passages=[]) == ""


def test_boilerplate_headings_and_markup_are_never_quoted() -> None:
    text = (
        "Tides and dikes\nCopyright 2026 by the dike board, all rights reserved everywhere. "
        "Figure 3 shows the height of the dike at every tide. Write to dike@board.org about the dike and the tide. "
        "Too short, this dike. The dike keeps the tide away from the *low* farms behind it. "
        "The dike protects farms from the tide in every ordinary winter storm."
    )
    passages = [{"id": "a#0", "key": "a", "title": "Dikes", "author": "", "text": text}]
    found = quoting.quotations(section("Dikes and tides", passages=passages, quote_share=1.0))
    assert found == ["The dike protects farms from the tide in every ordinary winter storm"]


def test_nested_quotation_marks_become_single_ones() -> None:
    text = 'The mayor called the dike "a promise in stone and clay" before the whole council.'
    passages = [{"id": "a#0", "key": "a", "title": 'The "great" dike*', "author": "Roe", "text": text}]
    markdown = section("The dike", passages=passages, quote_share=1.0)
    assert "“The mayor called the dike ‘a promise in stone and clay’ before the whole council” [@a]" in markdown
    assert "*The ‘great’ dike*" in markdown


def test_a_clause_is_not_cut_off_from_what_qualifies_it() -> None:
    assert quoting.clause("Sea walls protect the old town, but they ruin the beach in front.") is None
    assert quoting.clause("Walls hold the shoreline where it is, and the waves scour the sand.") is not None


def test_an_endless_title_is_cut() -> None:
    passages = [{**passage, "title": "Dike " * 80} for passage in matching("Early warning")]
    assert "Dike " * 20 not in section("Early warning", passages=passages)


@pytest.mark.parametrize(
    "text",
    [
        "海面が上昇している都市では堤防が必要である。雨水は排水路を通って海に流れる。",
        "ترتفع مياه البحر في المدن الساحلية كل عام أكثر من قبل.",
    ],
)
def test_other_scripts_are_quoted_verbatim_or_not_at_all(text: str) -> None:
    passages = [{"id": "a#0", "key": "a", "title": "T", "author": "", "text": text}]
    for quotation in quoting.quotations(section(text[:6], passages=passages, quote_share=1.0)):
        assert quotation in text


def plan(**changes: Any) -> dict[str, Any]:
    base = {"topic": TOPIC, "sections": [], "words": 1000, "sources": SOURCES, "note": "", "revision": 0}
    return cast(dict[str, Any], ask("plan", {**base, **changes}).content)


def test_a_plan_keeps_the_headings_it_was_given() -> None:
    made = plan(sections=["Walls", "Marshes"])
    assert [one["heading"] for one in made["sections"]] == ["Walls", "Marshes"]
    assert sum(one["words"] for one in made["sections"]) == 1000


@pytest.mark.parametrize(("words", "count"), [(500, 3), (1000, 4), (2500, 5)])
def test_a_plan_finds_headings_in_the_terms_of_the_sources(words: int, count: int) -> None:
    sections = plan(words=words)["sections"]
    assert len(sections) == count
    assert sum(one["words"] for one in sections) == words
    known = set(stems(" ".join(f"{source['title']} {source['headings']} {source['excerpt']}" for source in SOURCES)))
    for one in sections:
        assert set(stems(one["heading"])) <= known
        assert one["heading"][0].isupper()
        assert 1 <= len(one["queries"]) <= 3
        assert all(query.strip() for query in one["queries"])
    assert max(Counter(word for one in sections for word in stems(one["heading"])).values()) == 1


def test_a_revised_plan_looks_elsewhere() -> None:
    first, second = plan(sections=["Marshes"]), plan(sections=["Marshes"], revision=1)
    assert first["title"] == second["title"] == TOPIC
    assert plan(revision=1)["sections"][0]["queries"] != plan()["sections"][0]["queries"]


def test_a_plan_without_sources_still_asks_about_the_topic() -> None:
    made = plan(sources=[])
    assert [one["heading"] for one in made["sections"]] == [TOPIC]
    assert made["sections"][0]["queries"]


def share_out(planned: dict[str, Any]) -> list[list[dict[str, str]]]:
    """The passages of each section, given out in turns; none stands in two."""
    ranked = [matching(one["heading"], len(PASSAGES)) for one in planned["sections"]]
    taken: set[str] = set()
    given: list[list[dict[str, str]]] = [[] for _ in ranked]
    for _, (mine, passages) in itertools.product(range(8), zip(given, ranked, strict=True)):
        free = next((passage for passage in passages if passage["id"] not in taken), None)
        if free is not None:
            mine.append(free)
            taken.add(free["id"])
    return given


@pytest.mark.parametrize("words", [300, 900, 2000])
@pytest.mark.parametrize("revision", [0, 1, 2])
def test_every_draft_passes_the_gates(words: int, revision: int) -> None:
    planned = plan(words=words, revision=revision)
    given = share_out(planned)
    sources: dict[str, dict[str, Any]] = {one["key"]: {**one, "passages": []} for one in SOURCES}
    for passage in itertools.chain.from_iterable(given):
        sources[passage["key"]]["passages"].append(passage)
    length = min(words, sum(count_words(passage["text"]) for passage in itertools.chain.from_iterable(given)))
    avoid: list[str] = []
    drafted: list[dict[str, str]] = []
    for number, (one, passages) in enumerate(zip(planned["sections"], given, strict=True)):
        one["id"] = f"s{number}"
        changes = {"revision": revision, "quote_share": 0.7 / 2**revision, "avoid": avoid, "passages": passages}
        markdown = section(one["heading"], words=round(one["words"] * length / words), **changes)
        avoid = avoid + citations.quotations(markdown)
        drafted.append({"id": one["id"], "markdown": markdown})
    draft = {"sections": drafted, "words": sum(len(citations.words(one["markdown"])) for one in drafted)}
    found = gates.check(draft, {**planned, "words": length}, list(sources.values()))
    assert [failure.message for failure in found] == []


@pytest.mark.parametrize(
    "line",
    [
        "59 State Policies and Programs ..............................",
        "Figure 1: General outline of the dikes by type and age.",
        "See the board's page at www.dikes.example for all of the rules.",
        "The wall holds (as the board found in its report of last year.",
        "The board found that “the wall holds the water out of the town.",
        "Port | 2 m | 3 m | the dike of the eastern polder.",
        "The heights were 12.5 13.6 14.7 15.8 16.9 17.1 18.2 in turn.",
        "and of the walls that stand along the river today.",
        "The levels are shown in Table 3 for every dike and wall.",
    ],
)
def test_what_is_no_sentence_is_never_quoted(line: str) -> None:
    assert quotable(line) is None


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("1. Assess how the sea changes the dike.", "Assess how the sea changes the dike."),
        ("(iv) The board pays for the dike.", "The board pays for the dike."),
        ("3.2.1 The board pays for the dike.", "The board pays for the dike."),
        ("Policy 4 – Dikes and Walls: The board pays for the dike.", "The board pays for the dike."),
        ("Dikes and Old Walls The board pays for the dike.", "The board pays for the dike."),
        ("“The board pays for the whole dike.”", "The board pays for the whole dike."),
        ("A wall is built, and the board pays.", "A wall is built, and the board pays."),
    ],
)
def test_a_quotation_begins_after_enumerators_and_labels(line: str, quoted: str) -> None:
    assert quotable(line) == quoted
    assert quoted in line


def test_sentences_are_told_from_lines_of_lists_and_tables() -> None:
    known = Vocabulary([])
    clean = quality("The board protects the farms behind the dike.", known)
    measure = quality("Protect the low farms behind the eastern dike.", known)
    fragment = quality("Topic Area Proposed Policies conservation in low farms.", known)
    shouted = quality("THE BOARD PROTECTS THE FARMS BEHIND the dike.", known)
    assert clean > measure > 2 * fragment
    assert clean > 2 * shouted


def source(key: str, *texts: str) -> list[dict[str, str]]:
    about = {"key": key, "title": f"Report {key}", "author": ""}
    return [{"id": f"{key}#{number}", **about, "text": text} for number, text in enumerate(texts)]


def test_among_like_sentences_a_fresh_source_is_drawn_on() -> None:
    kinds = ["farms", "roads", "schools", "harbours", "gardens", "markets"]
    much = [f"The dike protects the {kind} from the tide in every winter." for kind in kinds]
    passages = [*source("a", *much), *source("b", "The dike keeps the tide away from old mills in winter.")]
    passages += source("c", "The dike holds the tide back from low meadows in winter.")
    markdown = section("Dike and tide", passages=passages, quote_share=1.0, words=90)
    assert set(re.findall(r"@(\w+)", markdown)) == {"a", "b", "c"}


def test_weak_words_announce_no_sentence() -> None:
    texts = [
        "In August the board launched a new type of dike for the harbour.",
        "The following policies are modes of work for the type of dike in August.",
        "A diversity of types was seen in August by the board of the harbour.",
    ]
    markdown = section("Harbour defence", passages=source("a", *texts), quote_share=1.0)
    ours = re.sub(r"“[^”]*”", "Q", markdown)
    assert "Q" in ours
    assert not re.search(r"\b(?:on|of|about|to) (?:the )?(?:August|types?|modes?|a diversity|.*policies)\b", ours, re.I)


def test_a_part_of_a_name_is_no_term() -> None:
    line = "One model is the California Seismic Retrofit Program of the coast."
    said = [term.said for term in Vocabulary([line, "The program is old."]).terms(line)]
    assert not any("Retrofit" in one or "rogram" in one for one in said)


def test_a_verb_and_its_object_are_no_term() -> None:
    line = "Educate businesses, and promote community gardens; the challenges include aging pipes."
    texts = [line, "The businesses of the town are near the gardens.", "The pipes are old, and the community is small."]
    said = " ".join(term.said for term in Vocabulary(texts).terms(line)).lower()
    assert not re.search("educate|promote|include", said)


def test_passages_without_a_sentence_are_still_pointed_to() -> None:
    markdown = section("Dikes", passages=source("a", "Dikes 2026\nTable of levels"))
    assert "[@a]" in markdown
    assert quoting.quotations(markdown) == []


def city(name: str, headings: list[str], text: str) -> dict[str, Any]:
    about = {"key": name.lower(), "title": f"{name}, FL Dike Plan 2019", "words": 900}
    return {**about, "headings": headings, "excerpt": text}


CITIES = [
    city(
        "Aton",
        ["TABLE OF CONTENTS", "STORM DRAINS", "Figure", "Chapter 2"],
        "The city has storm drains for the flood. The GHG table of the plan shows the pumps of FL.",
    ),
    city(
        "Beton",
        ["LIST OF TABLES", "STORM DRAINS", "Pumping Stations", "Program"],
        "Every pumping station lifts the flood from the city. The program and the storm drains are old.",
    ),
    city(
        "Ceton",
        ["APPENDIX", "Pumping Stations", "GHG and FL 2019", "Page 3"],
        "The pumping stations are the program of the city. A flood fills the storm drains in August.",
    ),
    city(
        "Deton", ["Figures", "Green Roofs"], "The green roofs hold the rain of a flood. The plan of the city is a page."
    ),
]


def test_headings_are_of_the_matter_and_not_of_the_documents() -> None:
    made = plan(topic="How towns prepare for a flood", sources=CITIES, words=500)
    headings = " ".join(one["heading"] for one in made["sections"])
    assert re.search(r"[Ss]torm drains", headings)
    assert re.search(r"[Pp]umping stations", headings)
    poor = "table tables figure figures page chapter section appendix plan program city fl 2019 august contents list"
    assert not set(re.findall(r"\w+", headings.lower())) & set(poor.split())


def test_an_abbreviation_keeps_its_capitals_and_a_shouted_word_does_not() -> None:
    known = Vocabulary(["The EPA paid for storm drains.", "Every EPA rule holds."])
    assert [known.plain(word) for word in ("EPA", "STORM", "Drains")] == ["EPA", "storm", "drains"]


def test_a_plan_of_many_sources_is_quick() -> None:
    text = " ".join(one["excerpt"] for one in SOURCES)[:1500]
    about = {"excerpt": text, "words": 9000}
    many = [
        {**about, "key": f"s{n}", "title": f"Dikes of town {n}", "headings": [f"Dike {m} of {n}" for m in range(200)]}
        for n in range(50)
    ]
    began = time.perf_counter()
    plan(sources=many, words=2000)
    assert time.perf_counter() - began < 3


def test_the_answer_says_who_gave_it_and_what_it_cost() -> None:
    answer = ask("section", material("Early warning"))
    assert (answer.provider, answer.model, answer.usd) == ("offline", "extractive-1", Decimal(0))
    assert answer.tokens_in > 500
    assert answer.tokens_out > 100


def test_an_answer_never_exceeds_the_tokens_allowed() -> None:
    answer = ask("section", material("Early warning", words=600), limit=400)
    assert 0 < answer.tokens_out <= 400
    with pytest.raises(AttemptFailed, match="does not fit"):
        ask("plan", {"topic": TOPIC, "words": 500, "sources": SOURCES}, limit=20)


def test_what_it_does_not_know_it_refuses() -> None:
    with pytest.raises(AttemptFailed, match="purpose"):
        ask("poem", {})
    with pytest.raises(AttemptFailed, match="lacks heading, passages"):
        ask("section", {"topic": TOPIC, "words": 100})


def test_a_title_that_is_cut_within_a_quotation_leaves_no_mark_open():
    from autonomy.providers.offline.frames import title_of

    told = title_of('Bob\'s "we need more walls and a gate to keep the sea out" speech')
    assert told.startswith("*Bob's we need")
    assert told.endswith("…*")
